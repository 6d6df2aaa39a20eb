-- Publishing: inserts a row for each job, in the caller's transaction, and takes no lock for which another
-- publisher waits.
--
-- Each function makes sure that its transaction has an xid before it draws the jobs' numbers. A worker that
-- later sees a greater job number can then conclude, from the transactions that have ended, whether a smaller
-- one may still appear (20_key_ranges.sql, watermarks).

-- Publishes one job and returns its row. NULL means what the task declares for timeout, priority and
-- max_retries (runs in all; 60 s, 0 and 3 when nobody has declared the task), and as soon as possible.
--
-- i_checked: the call was made from the task's own declaration, so nothing is looked up: the body is not
-- validated, and NULL means 60 s, 0 and 3. i_job_id: an id made by the client, as in jobs.publish_arrays.
-- i_unique: how the job is one of a kind, an object with the keys name, key or arguments, until, on_conflict,
-- wait, max_wait (null: as its task declares; false: not at all). If another job holds its key, the row is that
-- job's, without its body and its meta, which are another publisher's; jobs.publish_unique tells the one from
-- the other.
--
-- Notifies a sleeping worker. A transaction that is going to be prepared must prevent that with `set local
-- jobs.notify = off`; workers then find the job when they poll.
create or replace function jobs.publish(
  i_task varchar, i_body jsonb default null, i_scheduled_at timestamptz default null,
  i_timeout numeric default null, i_priority integer default null, i_max_retries integer default null,
  i_checked boolean default false, i_job_id text default null, i_meta jsonb default null, i_unique jsonb default null
) returns jobs.queued
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := jobs.now();
  -- The xid before the number. One expression for both: PL/pgSQL sets up each anew in every transaction.
  v_id bigint := case when pg_current_xact_id() is not null then nextval('jobs.job_number') end;
  -- As jobs._text_size, for a small body.
  v_bytes bigint := case when i_body is null then 0 when pg_column_size(i_body) <= 8192 and pg_column_compression(i_body) is null then octet_length(i_body::text) end;
  v_job jobs.queued;
  v_is_unique boolean;
  v_fits boolean;
begin
  -- For up to 512 bytes the limit, which is in a table, is not read.
  if i_meta is not null or jobs._publishable(i_task, v_bytes, 512, i_scheduled_at, i_timeout, i_max_retries) is not true then
    v_bytes := jobs._text_size(i_body);
    perform jobs._refuse('', i_task, v_bytes, i_scheduled_at, i_timeout, i_max_retries);
    v_bytes := v_bytes + jobs._check_meta('', i_meta);
  end if;
  -- Here current_user is the owner, who is never restricted. Compared first, because that reads no table.
  if session_user <> current_user or current_setting('role') <> 'none' then
    perform jobs._check_topics(true, array[i_task]);
  end if;
  if i_checked is not true or i_unique is not null then
    -- Reads one row by key, and the settings when the task is not declared.
    if i_unique is not null
      or not coalesce((select k.is_plain and (k.validation = 'off' or jobs._is_fit(i_body, k.fits, k.names)) from jobs.publish_check k where k.name = i_task),
                      (select c.unknown_task = 'accept' from jobs.config c)) then
      -- A second look, because more columns in the first would cost every job what only some need.
      select k.unique_by is not null or i_unique is not null, k.validation = 'off' or jobs._is_fit(i_body, k.fits, k.names),
        coalesce(i_timeout, k.timeout), coalesce(i_priority, k.priority), coalesce(i_max_retries, k.max_retries)
      into v_is_unique, v_fits, i_timeout, i_priority, i_max_retries
      from (values (1)) one left join jobs.publish_check k on k.name = i_task and i_checked is not true;
      if v_is_unique then
        return jobs._publish_one_unique(v_id, i_task, i_body, v_bytes, i_scheduled_at, i_timeout, i_priority, i_max_retries, i_checked, i_job_id, i_meta, i_unique, v_now);
      elsif v_fits is not true then
        perform jobs._refuse_unfit(array[i_task], array[i_body], array[1]);
      end if;
    end if;
  end if;
  insert into jobs.pending as q (id, job_id, task, body, scheduled_at, timeout, priority, max_retries, created_at, ready_seq, bytes, meta)
  values (v_id, coalesce(i_job_id, jobs._new_job_id(jobs._id_time(v_now), v_id)), i_task, i_body, i_scheduled_at, coalesce(i_timeout, 60),
          coalesce(i_priority, 0), coalesce(i_max_retries, 3), v_now,
          case when (i_scheduled_at > v_now) is not true then v_id end, v_bytes, i_meta)
  returning q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout,
            q.created_at, null::timestamptz, q.scheduled_at, q.attempt, q.meta into v_job;
  -- One test for all rare cases, because PL/pgSQL sets up each expression anew.
  if jobs._is_awaited('jobs.sleeping_until') or i_job_id is not null or jobs._are_watched() then
    if i_job_id is not null then
      perform jobs._check_new_ids(array[i_job_id], v_now);
    end if;
    perform pg_notify('jobs_ready', '') where jobs._is_awaited('jobs.sleeping_until') and jobs._may_notify();   -- as jobs._wake_workers
    perform jobs._note_queued(array[v_job.job_id], array[i_task], array[i_meta]) where jobs._are_watched();
  end if;
  return v_job;
end $$;

-- Publishes many jobs in one statement and returns their rows in order. NULL fields take the defaults of
-- jobs.publish. All or nothing: if one job is refused, the whole call is. The type is that of the Python
-- package's client and gains no fields; jobs.publish_json has all options.
create or replace function jobs.publish_bulk(i_jobs jobs.bulk_job[]) returns setof jobs.queued
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query select q.* from jobs._publish_rows(i_jobs, null, null) q;
end $$;

-- The same with the meta of each job, and what is unique about it; null: none has any.
create or replace function jobs._publish_rows(i_jobs jobs.bulk_job[], i_metas jsonb[], i_uniques jsonb[]) returns setof jobs.queued
language plpgsql as $$
declare
  v_now timestamptz := jobs.now();
  v_tasks text[];
  v_bodies jsonb[];
  v_due timestamptz[];
  v_options jobs.job_options;
  v_published jobs.published;
begin
  select coalesce(array_agg(j.task), '{}'), array_agg(j.body), array_agg(j.scheduled_at), array_agg(j.timeout), array_agg(j.priority), array_agg(j.max_retries)
  into v_tasks, v_bodies, v_due, v_options.timeouts, v_options.priorities, v_options.max_retries from unnest(i_jobs) j;
  if v_tasks = '{}' then
    return;
  end if;
  v_published := jobs._publish_many(v_tasks, v_bodies, v_due, v_options, null, null, null, i_metas, i_uniques, v_now);
  if v_published.outcomes is not null then
    return query select q.* from jobs._published_rows(v_published) q;
    return;
  end if;
  return query select g.id, g.job_id, g.task::varchar, g.body, 0, coalesce(g.max_retries, 3), coalesce(g.priority, 0), coalesce(g.timeout, 60)::numeric(9, 2),
    v_now, null::timestamptz, g.due, 0, g.meta
  from unnest(v_published.ids, v_published.job_ids, v_tasks, v_bodies, v_due, (v_published.options).timeouts, (v_published.options).priorities, (v_published.options).max_retries, i_metas) with ordinality
    g(id, job_id, task, body, due, timeout, priority, max_retries, meta, at) order by g.at;
end $$;

-- Publishes many jobs, given as by jobs.publish_arrays: all checks, the options of their tasks, and the jobs as
-- packed rows, rows, or under their unique keys.
create or replace function jobs._publish_many(
  i_tasks text[], i_bodies jsonb[], i_due timestamptz[], i_options jobs.job_options, i_job_ids text[],
  i_pack boolean, i_checked boolean[], i_metas jsonb[], i_uniques jsonb[], i_now timestamptz
) returns jobs.published
language plpgsql as $$
declare
  v_jobs integer := cardinality(i_bodies);
  v_metas jsonb[] := jobs._for_each(i_metas, v_jobs);
  v_bytes bigint[];
  v_rules jobs.unique_rule[];
  v_published jobs.published;
begin
  perform pg_current_xact_id();   -- the xid before the numbers
  v_bytes := jobs._with_metas(jobs._check_bulk(i_tasks, i_bodies), v_metas);
  v_published.options := i_options;
  if jobs._check_bodies(i_tasks, i_bodies, i_checked) or i_uniques is not null then
    v_published.options := jobs._declared_options(i_tasks, i_checked, v_jobs, i_options);
    if i_uniques is not null or jobs._are_unique(i_tasks) then
      v_rules := jobs._unique_rules(i_tasks, i_bodies, i_uniques, i_checked);
    end if;
  end if;
  v_published.ids := jobs._draw_numbers(v_jobs);
  v_published.job_ids := coalesce(i_job_ids, jobs._new_job_ids(v_published.ids, i_now));
  if v_rules is null then
    perform jobs._store(v_published.ids, v_published.job_ids, i_tasks, i_bodies, v_bytes, i_due, jobs._for_each((v_published.options).timeouts, v_jobs), (v_published.options).priorities,
                        jobs._for_each((v_published.options).max_retries, v_jobs), v_metas, i_now, i_job_ids is null and coalesce(i_pack, jobs._packs()));
  else
    v_published := jobs._store_unique(
      v_published.ids, v_published.job_ids, jobs._for_each(i_tasks, v_jobs), i_bodies, v_bytes, i_due, jobs._for_each((v_published.options).timeouts, v_jobs),
      jobs._for_each((v_published.options).priorities, v_jobs), jobs._for_each((v_published.options).max_retries, v_jobs), v_metas, v_rules, i_now);
  end if;
  if i_job_ids is not null or jobs._are_watched() then
    if i_job_ids is not null then
      -- After the insert, which waits for a transaction that publishes the same id: its result is visible here.
      perform jobs._check_new_ids(i_job_ids, i_now);
    end if;
    perform jobs._note_published(v_published, i_tasks, i_metas) where jobs._are_watched();
  end if;
  perform jobs._wake_workers();
  return v_published;
end $$;

-- As jobs.publish_bulk, for clients that send JSON: an array of objects with the keys task, body,
-- scheduled_at, timeout, priority, max_retries, meta, unique. All but task may be left out.
create or replace function jobs.publish_json(i_jobs jsonb) returns setof jobs.queued
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_wrong text;
begin
  if jsonb_typeof(i_jobs) is distinct from 'array' or i_jobs @? 'strict $[*] ? (@.type() != "object")' then
    raise sqlstate 'PT400' using message = 'publish_json takes an array of objects', hint = '[{"task": "mail.send", "body": {"args": [1]}}]';
  end if;
  select k into v_wrong
  from jsonb_array_elements(i_jobs) j, jsonb_object_keys(j) k
  where k not in ('task', 'body', 'scheduled_at', 'timeout', 'priority', 'max_retries', 'meta', 'unique') limit 1;
  if found then
    raise sqlstate 'PT400' using message = format('a job has no %s', jobs._shown(v_wrong)),
      hint = 'its keys are task, body, scheduled_at, timeout, priority, max_retries, meta, unique';
  end if;
  return query select q.* from jobs._publish_rows(
    array(select jsonb_populate_record(null::jobs.bulk_job, j.job) from jsonb_array_elements(i_jobs) with ordinality j(job, at) order by j.at),
    case when i_jobs @? 'strict $[*] ? (exists (@.meta))' then
      array(select nullif(j.job->'meta', 'null') from jsonb_array_elements(i_jobs) with ordinality j(job, at) order by j.at) end,
    case when i_jobs @? 'strict $[*] ? (exists (@.unique))' then
      array(select nullif(j.job->'unique', 'null') from jsonb_array_elements(i_jobs) with ordinality j(job, at) order by j.at) end) q;
end $$;

-- Publishes many jobs given as parallel arrays, as a client library does, and returns their ids in order.
-- There are as many jobs as bodies; in every other array except i_job_ids, a single value applies to all
-- jobs. Delays count from now by the database's clock. i_job_ids may hold ids made by the client (version 7
-- UUIDs without dashes), so that it knows them before it sends the statement.
--
-- i_checked: which calls were made from their task's own declaration, as in jobs.publish.
--
-- i_pack: store 64 or more jobs of one task and priority, without time, delay or ids, and whose bodies have
-- at most 64 KiB, in packed rows of up to 64: half the cost to publish, and to claim. Null: unless a plain
-- client has claimed in the last week. Where a consumer of these jobs keeps its claim uncommitted while it
-- works (workers never do), the other jobs of a packed row wait for that claim.
--
-- i_uniques: how each job is one of a kind, as in jobs.publish. The id of a job whose key another one holds
-- is that of the holder; jobs.publish_unique tells which are.
create or replace function jobs.publish_arrays(
  i_tasks text[],
  i_bodies jsonb[],
  i_scheduled_at timestamptz[],
  i_delays double precision[],
  i_timeouts double precision[],
  i_priorities integer[],
  i_max_retries integer[],
  i_job_ids text[] default null,
  i_pack boolean default null,
  i_checked boolean[] default null,
  i_metas jsonb[] default null,
  i_uniques jsonb[] default null
) returns varchar[]
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  if jobs._are_jobs(i_tasks, i_bodies, i_priorities, i_job_ids) is not true then
    return array[]::varchar[];
  end if;
  return (jobs._publish_many(i_tasks, i_bodies, jobs._due(i_scheduled_at, i_delays, cardinality(i_bodies), v_now),
                             row(i_timeouts::numeric[], i_priorities, i_max_retries), i_job_ids, i_pack, i_checked, i_metas, i_uniques, v_now)).job_ids;
end $$;

-- The same, and what became of each job, in order: published; existing when another job holds its key, and
-- then the id is that job's; replaced when it changed the pending job that holds its key, and then the id is
-- that job's too.
create or replace function jobs.publish_unique(
  i_tasks text[],
  i_bodies jsonb[],
  i_uniques jsonb[] default null,
  i_scheduled_at timestamptz[] default null,
  i_delays double precision[] default null,
  i_timeouts double precision[] default null,
  i_priorities integer[] default null,
  i_max_retries integer[] default null,
  i_job_ids text[] default null,
  i_checked boolean[] default null,
  i_metas jsonb[] default null
) returns table (job_id varchar, outcome text)
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_published jobs.published;
begin
  if jobs._are_jobs(i_tasks, i_bodies, i_priorities, i_job_ids) is not true then
    return;
  end if;
  v_published := jobs._publish_many(i_tasks, i_bodies, jobs._due(i_scheduled_at, i_delays, cardinality(i_bodies), v_now),
                                    row(i_timeouts::numeric[], i_priorities, i_max_retries), i_job_ids, false, i_checked, i_metas, i_uniques, v_now);
  return query select p.job_id, coalesce(p.outcome, 'published')
    from unnest(v_published.job_ids, v_published.outcomes) with ordinality p(job_id, outcome, at) order by p.at;
end $$;

-- Whether parallel arrays name any jobs; PT400 for arrays that cannot be parallel.
create or replace function jobs._are_jobs(i_tasks text[], i_bodies jsonb[], i_priorities integer[], i_job_ids text[]) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  if cardinality(i_bodies) > 0 is not true then
    return false;
  elsif 1 <> any (array[array_lower(i_tasks, 1), array_lower(i_bodies, 1), array_lower(i_priorities, 1), array_ndims(i_bodies)]) then
    raise sqlstate 'PT400' using message = 'an array of jobs has one dimension and begins at 1';
  elsif cardinality(i_job_ids) <> cardinality(i_bodies) or array_position(i_job_ids, null) is not null then
    raise sqlstate 'PT400' using message = 'there are as many job ids as bodies, or none';
  end if;
  return true;
end $$;

-- When each of i_jobs jobs is due: at its time, or after its delay; null where all are due at once. A delay
-- from which no time can be computed becomes infinity, which publish refuses.
create or replace function jobs._due(i_scheduled_at timestamptz[], i_delays double precision[], i_jobs integer, i_now timestamptz) returns timestamptz[]
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
  return case when i_delays is null then jobs._for_each(i_scheduled_at, i_jobs) else array(
    select coalesce(g.at, case when g.delay between -60000000000 and 252000000000 then i_now + make_interval(secs => g.delay) when g.delay is not null then 'infinity' end)
    from unnest(jobs._for_each(i_scheduled_at, i_jobs), jobs._for_each(i_delays, i_jobs)) with ordinality g(at, delay, nth) order by g.nth) end;
end $$;
