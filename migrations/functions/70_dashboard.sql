-- Searching jobs for people: by state, task, tag, note, key, time, and text, in bounded steps.

-- Whether the caller may read arguments, results and errors: who may call jobs.get.
create or replace function jobs._reads_arguments() returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return has_function_privilege(jobs._caller(), 'jobs.get(varchar)', 'execute');
end $$;

-- The conditions of a search on the jobs w, as SQL. Texts are compared without case; arguments as they are shown,
-- so that nobody finds out by searching what is sensitive, and those of more than 100 kB not at all.
create or replace function jobs._search_condition(
  i_state text, i_topic text, i_tag text, i_meta jsonb, i_key text, i_since timestamptz, i_until timestamptz, i_text text, i_error text
) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_time text := case when i_state in ('success', 'failed', 'cancelled') then 'w.complete_on' else 'w.created_at' end;
begin
  return 'true' || jobs._in_sight('w.task')
    || coalesce(' and w.task like ' || quote_literal(jobs._pattern(i_topic)), '')
    || coalesce(' and w.meta -> ''tags'' ? ' || quote_literal(i_tag), '')
    || coalesce(' and w.meta @> ' || quote_literal(i_meta) || '::jsonb', '')
    || coalesce(' and (w.on_end).unique_key = ' || quote_literal(i_key), '')
    || coalesce(' and ' || v_time || ' >= ' || jobs._literal(i_since), '')
    || coalesce(' and ' || v_time || ' < ' || jobs._literal(i_until), '')
    || coalesce(' and strpos(lower(w.traceback), lower(' || quote_literal(i_error) || ')) > 0', '')
    || coalesce(replace(' and case when pg_column_size(w.body) > 100000 then false when strpos(lower(w.body::text), lower($T)) = 0 then false
         else strpos(lower(jobs._shown_body(w.task, w.body)::text), lower($T)) > 0 end', '$T', quote_literal(i_text)), '')
    || case i_state when 'ready' then ' and w.state = ''ready''' when 'scheduled' then ' and w.state = ''scheduled''' when 'backoff' then ' and w.state = ''backoff''' else '' end;
end $$;

-- The jobs w of a table, as jobs.found without what a search adds; i_rows is the condition on its rows.
create or replace function jobs._search_pending(i_rows text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select format('select j.id, j.job_id, j.task, j.body, j.retries, j.max_retries, j.priority, j.created_at, j.scheduled_at, null::timestamptz as run_at,
      null::timestamptz as complete_on, null::uuid as worker, j.attempt, j.traceback, j.meta, j.on_end,
      case when j.ready_seq is not null then ''ready'' when j.retries > 0 then ''backoff'' else ''scheduled'' end as state
    from (select q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.created_at, q.scheduled_at, q.ready_seq, q.attempt, q.traceback, q.meta, q.on_end
          from jobs.pending q where q.size = 1 and %1$s
          union all
          select p.id, p.job_id, p.task, p.body, p.retries, p.max_retries, p.priority, p.created_at, p.scheduled_at, p.ready_seq, p.attempt, p.traceback, p.meta, p.on_end
          from jobs.pending q, unnest(q.jobs) p where q.size > 1 and %2$s) j', replace(i_rows, '$FLOOR', '$2'), replace(i_rows, '$FLOOR', 'left($2, 13)'))
$$;

-- The same for jobs that run, and for those of history on a day.
create or replace function jobs._search_running() returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select 'select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, r.priority, r.created_at, r.scheduled_at, r.run_at,
      null::timestamptz as complete_on, r.worker, r.attempt, r.traceback, r.meta, r.on_end, ''running'' as state
    from jobs._runs r where r.job_id >= $2 and r.job_id < $1'
$$;

-- Searches the jobs of one source below i_before, newest first, in windows: a search whose first jobs fit costs little,
-- and none looks at more than i_look, or begins another window after i_deadline. i_window selects (job_id, size) of the rows below $1, newest
-- first, at most $2 of them; null: all rows are one window. i_jobs is the source, between $2 and $1.
create or replace function jobs._search_segment(i_window text, i_jobs text, i_condition text, i_before text, i_num integer, i_look bigint, i_deadline timestamptz) returns jobs.search_part
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_part jobs.search_part;
  v_some jobs.found[];
  v_at text := i_before;
  v_size bigint := 1000;
  v_window record;
  v_reads boolean := jobs._reads_arguments();
begin
  v_part.found := '{}';
  v_part.looked := 0;
  loop
    v_size := least(v_size, i_look - v_part.looked);
    if i_window is null then
      select ''::text as floor, i_look as looked into v_window;
    else
      execute format('select case when count(*) < $2 and bool_and(r.reach - r.size < $2) then '''' else min(r.job_id) filter (where r.reach - r.size < $2) end as floor,
                        max(r.reach) filter (where r.reach - r.size < $2) as looked
                      from (select q.job_id, q.size, sum(q.size) over (order by q.job_id desc rows unbounded preceding) as reach from (%s) q) r', i_window)
        into v_window using v_at, v_size;
    end if;
    execute format('select array_agg(row(w.job_id, w.task, w.state, w.retries, w.max_retries, w.attempt, w.priority, w.created_at, w.scheduled_at, w.run_at,
          w.complete_on, w.worker, w.meta, case when $4 then left(jobs._shown_body(w.task, w.body)::text, 300) end, case when $4 then left(w.traceback, 300) end, null, null)::jobs.found order by w.job_id desc)
        from (select w.* from (%s) w where w.job_id >= $2 and w.job_id < $1 and %s order by w.job_id desc limit $3) w', i_jobs, i_condition)
      into v_some using v_at, coalesce(v_window.floor, ''), i_num - cardinality(v_part.found), v_reads;
    v_part.found := v_part.found || coalesce(v_some, '{}');
    v_part.looked := v_part.looked + coalesce(v_window.looked, 0);
    v_part.floor := coalesce(v_window.floor, '');
    if cardinality(v_part.found) >= i_num then
      v_part.floor := (v_part.found[i_num]).job_id;
    end if;
    exit when cardinality(v_part.found) >= i_num or v_part.floor = '' or v_part.looked >= i_look or clock_timestamp() > i_deadline;
    v_at := v_part.floor;
    v_size := 2000;
  end loop;
  return v_part;
end $$;

-- Whether a quarter of i_look rows of pending jobs at most are ready, or are not, so that all of them are one window: a
-- search for few ready jobs among a million scheduled ones then finds them.
create or replace function jobs._are_few(i_state text, i_look bigint) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  return case i_state
    when 'ready' then (select coalesce(sum(r.size), 0) <= i_look and count(*) <= i_look / 4 from (select q.size from jobs.pending q where q.ready_seq is not null limit i_look / 4 + 1) r)
    when 'scheduled' then (select count(*) <= i_look / 4 from (select from jobs.pending q where q.ready_seq is null limit i_look / 4 + 1) r)
    when 'backoff' then (select count(*) <= i_look / 4 from (select from jobs.pending q where q.ready_seq is null limit i_look / 4 + 1) r)
    else false end;
end $$;

-- Searches open jobs.
create or replace function jobs._search_open(i_state text, i_condition text, i_before text, i_num integer, i_look bigint, i_deadline timestamptz) returns jobs.search_part
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  c_window constant text := 'select q.job_id, q.size from jobs.pending q where q.job_id < $1 order by q.job_id desc limit $2';
  v_pending text := jobs._search_pending('q.job_id >= $FLOOR and q.job_id < $1');
  v_kind text := case i_state when 'ready' then 'is not null' else 'is null' end;
begin
  if i_state = 'running' then
    return jobs._search_segment(null, jobs._search_running(), i_condition, i_before, i_num, i_look, i_deadline);
  elsif jobs._are_few(i_state, i_look) then
    return jobs._search_segment(null, jobs._search_pending(format('q.ctid = any (array(select r.ctid from jobs.pending r where r.ready_seq %s limit %s))', v_kind, i_look + 1)),
                                i_condition, i_before, i_num, i_look, i_deadline);
  elsif i_state = 'open' then
    return jobs._search_segment(c_window, v_pending || ' union all ' || jobs._search_running(), i_condition, i_before, i_num, i_look, i_deadline);
  end if;
  return jobs._search_segment(c_window, v_pending, i_condition, i_before, i_num, i_look, i_deadline);
end $$;

-- Searches history day by day, newest first, and each day in a subtransaction that is rolled back, which releases
-- its locks. i_before is a day and a job id, 2026-11-29/0199...: jobs of that day are below it.
create or replace function jobs._search_history(
  i_state text, i_condition text, i_since timestamptz, i_until timestamptz, i_before text, i_num integer, i_look bigint, i_deadline timestamptz, out o_part jobs.search_part, out o_further text
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set datestyle = 'ISO' set plan_cache_mode = force_custom_plan set enable_partition_pruning = on as $$
declare
  -- The ended jobs of a day as a search looks at them; jobs._search_segment runs it with execute format, and
  -- the times of that day in it.
  c_ended constant text := 'select h.id, h.job_id, h.task, h.body, h.retries, h.max_retries, h.priority, h.created_at, h.scheduled_at, h.run_at,
      h.complete_on, h.worker, h.attempt, h.traceback, h.meta, h.on_end, h.status::text as state
    from jobs.job h where h.job_id >= $2 and h.job_id < $1';
  v_today date := (jobs.now() at time zone 'UTC')::date;
  v_oldest date := (select min(p.day) from jobs._partitions() p);
  v_day date := least(split_part(i_before, '/', 1)::date, case when i_until < jobs.now() then (i_until at time zone 'UTC')::date end, v_today);
  v_last date := greatest(v_oldest, case when i_since > '-infinity' then (least(i_since, jobs.now()) at time zone 'UTC')::date end);
  v_before text := coalesce(nullif(split_part(i_before, '/', 2), ''), chr(1114111));
  v_some jobs.search_part;
  v_rows text;
begin
  o_part.found := '{}';
  o_part.looked := 0;
  while v_day >= v_last loop
    v_rows := jobs._in_state(i_state)
      || case when v_day > v_oldest then format(' and h.complete_on >= %s', jobs._literal(v_day::timestamp at time zone 'UTC')) else '' end
      || case when v_day < v_today then format(' and h.complete_on < %s', jobs._literal((v_day + 1)::timestamp at time zone 'UTC')) else '' end;
    begin
      v_some := jobs._search_segment('select h.job_id, 1 as size from jobs.job h where h.job_id < $1' || v_rows || ' order by h.job_id desc limit $2',
                                     c_ended || v_rows, i_condition, v_before, i_num - cardinality(o_part.found), i_look - o_part.looked, i_deadline);
      raise sqlstate 'PT000';
    exception when sqlstate 'PT000' then null;
    end;
    o_part.found := o_part.found || v_some.found;
    o_part.looked := o_part.looked + v_some.looked;
    o_further := case when v_some.floor <> '' then v_day || '/' || v_some.floor when v_day > v_last then (v_day - 1) || '/' end;
    exit when cardinality(o_part.found) >= i_num or o_part.looked >= i_look or clock_timestamp() > i_deadline;
    v_day := v_day - 1;
    v_before := chr(1114111);
  end loop;
end $$;

-- A page of a search, newest first: jobs that are open, ready, scheduled, backoff, running, success, failed or
-- cancelled, under a topic (null: any), with a tag, notes, a unique key; published, or for history ended, since and
-- until; with a text in their arguments, and in their last error. Open jobs are in the order of their publication;
-- ended ones by the day of their end, and on a day in that order too.
--
-- Looks at i_look jobs at most (20,000), newest first, and stops after about i_seconds (0.1; at most 60) with what it has;
-- at least 1,000 jobs are looked at. A restricted role finds jobs of its tasks. Its last row, whose job_id is
-- null, says how many and from where to search on: give that back as i_before. PT400 for what cannot be meant; PT403 for a search in texts by who
-- may not read them. Locks nothing, and history for a moment a day at a time.
create or replace function jobs.search(
  i_state text default 'open', i_topic text default null, i_tag text default null, i_meta jsonb default null, i_key text default null,
  i_since timestamptz default null, i_until timestamptz default null, i_text text default null, i_error text default null,
  i_before text default null, i_num integer default 50, i_look integer default 20000, i_seconds double precision default 0.1
) returns setof jobs.found
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_is_ended boolean := i_state in ('success', 'failed', 'cancelled');
  v_deadline timestamptz;
  v_condition text;
  v_part jobs.search_part;
  v_ended record;
  v_further text;
begin
  perform jobs._check_search(i_state, i_before, i_num, i_look, i_seconds, i_text is not null or i_error is not null or i_key is not null);
  v_deadline := clock_timestamp() + make_interval(secs => i_seconds);
  v_condition := jobs._search_condition(i_state, i_topic, i_tag, i_meta, i_key, i_since, i_until, i_text, i_error);
  if v_is_ended then
    v_ended := jobs._search_history(i_state, v_condition, i_since, i_until, i_before, i_num, i_look, v_deadline);
    v_part := v_ended.o_part;
    v_further := v_ended.o_further;
  else
    v_part := jobs._search_open(i_state, v_condition, coalesce(i_before, chr(1114111)), i_num, i_look, v_deadline);
    v_further := nullif(v_part.floor, '');
  end if;
  return query select f.* from unnest(v_part.found) f;
  return next row(null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, v_part.looked, v_further)::jobs.found;
end $$;

-- Refuses a search that cannot be meant (PT400) or is not for the caller (PT403).
create or replace function jobs._check_search(i_state text, i_before text, i_num integer, i_look integer, i_seconds double precision, i_in_texts boolean) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_is_ended boolean := i_state in ('success', 'failed', 'cancelled');
begin
  if (i_state in ('open', 'ready', 'scheduled', 'backoff', 'running') or v_is_ended) is not true then
    raise sqlstate 'PT400' using message = 'a search is for jobs that are open, ready, scheduled, backoff, running, success, failed or cancelled';
  elsif (i_num between 1 and 1000 and i_look between 1 and 1000000 and i_seconds between 0 and 60) is not true then
    raise sqlstate 'PT400' using message = 'a search returns 1 to 1000 jobs, looks at 1 to 1000000, and takes 0 to 60 seconds';
  elsif v_is_ended and i_before !~ '^[0-9]{4}-(0[1-9]|1[0-2])-([0-2][0-9]|3[01])/' then
    raise sqlstate 'PT400' using message = 'i_before is what the last row of a search said (further)', hint = 'leave it out to begin with the newest';
  elsif i_in_texts and not jobs._reads_arguments() then
    raise sqlstate 'PT403' using message = 'a search in keys, arguments and errors is for who may read them', hint = 'grant execute on function jobs.get(varchar)';
  end if;
end $$;

-- How work flows, for a page that asks again and again: how many rows the last two days of history got so far, as the
-- server counts them (their growth is jobs that ended; a day's change sets it back), how many of the newest i_cap
-- jobs that did not succeed failed within the last hour, whether that is all, and how many jobs are in backoff among
-- the i_cap that are due soonest. Locks nothing but history, in the way of a read.
create or replace function jobs.flow(i_cap integer default 10000) returns table (ended bigint, failed bigint, failed_exactly boolean, backoff bigint, backoff_exactly boolean)
language plpgsql stable rows 1 security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_since timestamptz := jobs.now() - interval '1 hour';
  v_day date := (jobs.now() at time zone 'UTC')::date;
begin
  perform jobs._check_limit('i_cap', i_cap);
  ended := (select coalesce(sum(pg_stat_get_tuples_inserted(c.oid)), 0) from pg_inherits i join pg_class c on c.oid = i.inhrelid
            where i.inhparent = 'jobs.job'::regclass and c.relname in ('job_' || to_char(v_day, 'YYYYMMDD'), 'job_' || to_char(v_day - 1, 'YYYYMMDD'), 'job_default'));
  execute format('select count(*) filter (where f.status = ''failed'' and f.complete_on >= %1$s), count(*) < $1
                  from (select h.status, h.complete_on from jobs.job h where h.status <> ''success'' and h.complete_on >= %2$s order by h.job_id desc limit $1) f',
                 jobs._literal(v_since), jobs._literal((v_since at time zone 'UTC')::date::timestamp at time zone 'UTC'))
    into failed, failed_exactly using i_cap;
  select count(*) filter (where s.retries > 0), count(*) < i_cap into backoff, backoff_exactly
  from (select q.retries from jobs.pending q where q.ready_seq is null order by q.scheduled_at limit i_cap) s;
  return next;
end $$;

-- How many jobs of each task are open: what jobs.overview counts of them, without history, for a page that asks each
-- second. Counts at most i_cap rows of each kind, of ready jobs an equal share for each task; `exact` is false when one
-- of the counts is a lower bound. For a restricted role, of its tasks.
create or replace function jobs.open_counts(i_cap integer default 10000) returns table (
  task varchar, ready bigint, scheduled bigint, running bigint, oldest_ready timestamptz, exact boolean
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
  v_ready text[] := array(select t from unnest(jobs._ready_tasks(null)) t where jobs._is_under(t, v_publishes) or jobs._is_under(t, v_consumes));
  v_each bigint := greatest(i_cap / greatest(cardinality(v_ready), 1), least(i_cap, 100));
begin
  perform jobs._check_limit('i_cap', i_cap);
  return query
  with counted as (
    select r.task::varchar, 'ready' as state, l.jobs, l.oldest, l.rows < v_each as exact
    from unnest(v_ready) r(task),
      lateral (select coalesce(sum(h.size), 0)::bigint as jobs, min(h.created_at) as oldest, count(*) as rows
               from (select q.size, q.created_at from jobs.pending q where q.task = r.task and q.ready_seq is not null limit v_each) h) l
    union all
    select s.task, 'scheduled', count(*), null, true
    from (select q.task from jobs.pending q where q.ready_seq is null and (jobs._is_under(q.task, v_publishes) or jobs._is_under(q.task, v_consumes)) order by q.scheduled_at limit i_cap) s group by s.task
    union all
    select r.task, 'running', count(*), null, true from (select x.task from jobs._runs x where (jobs._is_under(x.task, v_publishes) or jobs._is_under(x.task, v_consumes)) limit i_cap) r group by r.task
  )
  select c.task, coalesce(sum(c.jobs) filter (where c.state = 'ready'), 0)::bigint, coalesce(sum(c.jobs) filter (where c.state = 'scheduled'), 0)::bigint,
    coalesce(sum(c.jobs) filter (where c.state = 'running'), 0)::bigint, min(c.oldest), bool_and(c.exact)
  from counted c group by c.task order by c.task;
end $$;
