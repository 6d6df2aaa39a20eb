-- Publishing under unique keys: a job gets its key, or the job that holds it is kept, replaced, postponed, or
-- the call refused.
--
-- The keys of a call are taken in their order, in one statement, so that two calls with the same keys wait
-- for each other. In a circle they can wait only where a holder ends meanwhile, so that a call goes back to its
-- key, or where transactions publish in several calls: PostgreSQL then ends one of them as a deadlock. Whoever does not get a key looks its holder up in the next statement: a key
-- that was committed while the first one waited is not in its snapshot.

-- Takes these keys, given in their order, for these jobs, each until a time (null: while the job holds it).
-- Returns for each key, by its position, the job that holds it; its task and state are null when the call
-- took the key. A key whose time is over, or whose job is neither pending nor running, is held by nobody.
-- (That can be only after an operator's jobs.release_unique_key was rolled back while the job ended: both are
-- in one transaction otherwise.)
--
-- Waits for transactions that have taken or given up one of these keys and have not ended. PT409 when the
-- keys changed hands twenty times meanwhile.
create or replace function jobs._take_keys(i_names text[], i_keys text[], i_jobs text[], i_untils timestamptz[], i_now timestamptz)
returns table (nth integer, holder varchar, task varchar, state varchar)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan as $$
declare
  v_open integer[] := array(select generate_series(1, cardinality(i_keys)));
  v_taken integer[];
  v_held integer[];
  v_over text[];   -- jobs that do not hold their keys any more
begin
  for v_round in 1..20 loop
    with taken as (
      insert into jobs.unique_key (name, key, job_id, until)
      select i_names[o.nth], i_keys[o.nth], i_jobs[o.nth], i_untils[o.nth] from unnest(v_open) with ordinality o(nth, at) order by o.at
      on conflict do nothing returning job_id
    ) select array_agg(j.nth) into v_taken from taken t join unnest(i_jobs) with ordinality j(job_id, nth) on j.job_id = t.job_id;
    return query select t.nth, i_jobs[t.nth]::varchar, null::varchar, null::varchar from unnest(v_taken) t(nth);
    v_open := array(select o from unnest(v_open) with ordinality g(o, at) where o = any (v_taken) is not true order by at);
    exit when v_open = '{}';
    v_held := array[]::integer[];
    v_over := array[]::text[];
    for nth, holder, task, state in select h.nth, h.holder, h.task, h.state from jobs._holders(i_names, i_keys, v_open, i_now) h loop
      if holder = i_jobs[nth] then   -- its own: taken before, by jobs._take_all_keys
        task := null;
        state := null;
      end if;
      if state is null and holder <> i_jobs[nth] then
        v_over := v_over || holder::text;
      else
        v_held := v_held || nth;
        return next;
      end if;
    end loop;
    if v_over <> '{}' then
      delete from jobs.unique_key u where u.ctid = any (array(
        select k.at from unnest(v_open) with ordinality o(nth, at),
          lateral (select q.ctid as at, q.job_id from jobs.unique_key q where q.name = i_names[o.nth] and q.key = i_keys[o.nth] for update) k
        where k.job_id = any (v_over) order by o.at));
    end if;
    v_open := array(select o from unnest(v_open) with ordinality g(o, at) where o <> all (v_held) order by at);
    exit when v_open = '{}';
  end loop;
  if v_open <> '{}' then
    perform jobs._refuse_race();
  end if;
end $$;

-- Refuses a call whose keys are taken and given up faster than it can look at them.
create or replace function jobs._refuse_race() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise sqlstate 'PT409' using message = 'a unique key changed hands again and again while this call waited for it', hint = 'publish again';
end $$;

-- Who holds these keys: the job, its task and its state (pending, running; ended for a key that is held until
-- a time); a null state when the key is held by nobody any more, no row when it is free. One snapshot has a
-- job and its key.
create or replace function jobs._holders(i_names text[], i_keys text[], i_which integer[], i_now timestamptz)
returns table (nth integer, holder varchar, task varchar, state varchar)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan as $$
begin
  return query
  with held as materialized (
    select w.nth, u.job_id, u.until
    from unnest(i_which) w(nth), lateral (select k.job_id, k.until from jobs.unique_key k where k.name = i_names[w.nth] and k.key = i_keys[w.nth]) u
  )
  select h.nth, h.job_id, o.task, case when h.until <= i_now then null when h.until is not null then coalesce(o.status, 'ended') else o.status end
  from held h left join jobs._open_of(array(select k.job_id::text from held k)) o on o.job_id = h.job_id;
end $$;

-- The keys of these jobs, in order.
create or replace function jobs._wanted_keys(i_rules jobs.unique_rule[]) returns jobs.wanted_key[]
language plpgsql as $$
begin
  return array(
    select row(r.name, r.key, min(r.at), greatest(min(r.at), max(r.at) filter (where r.on_conflict in ('replace', 'postpone'))),
      max(r.at) filter (where r.on_conflict in ('replace', 'postpone')), max(r.at) filter (where r.on_conflict = 'refuse'), null, null, null)::jobs.wanted_key
    from unnest(i_rules) with ordinality r(name, key, until_started, until, on_conflict, wait, max_wait, at)
    where r.key is not null group by r.name, r.key order by r.name, r.key);
end $$;

-- When a job that waits for quiet is due: at its time, but not after the longest wait; null: at once.
create or replace function jobs._unique_due(i_due timestamptz, i_longest timestamptz) returns timestamptz
language sql immutable parallel safe
return case when i_due is not null then least(i_due, i_longest) end;

-- The jobs of a call as they will be while pending. Refuses what may not be published.
create or replace function jobs._new_jobs(
  i_ids bigint[], i_job_ids varchar[], i_tasks text[], i_bodies jsonb[], i_bytes bigint[], i_due timestamptz[], i_timeouts numeric[],
  i_priorities integer[], i_max_retries integer[], i_metas jsonb[], i_rules jobs.unique_rule[], i_now timestamptz
) returns jobs.open_job[]
language plpgsql as $$
begin
  return array(
  select row(g.id, g.job_id, g.task, g.body, 0, coalesce(g.max_retries, 3), coalesce(g.priority, 0), coalesce(g.timeout, 60)::numeric(9, 2), i_now, d.due,
      case when (d.due > i_now) is not true then g.id end, 0, null, g.meta,
      case when g.key is not null and g.until is null then row(g.name, g.key, g.until_started)::jobs.on_end end)::jobs.open_job
  from unnest(i_ids, i_job_ids, i_tasks, i_bodies, i_bytes, i_due, i_timeouts, i_priorities, i_max_retries, i_metas, i_rules)
    with ordinality g(id, job_id, task, body, bytes, due, timeout, priority, max_retries, meta, name, key, until_started, until, on_conflict, wait, max_wait, at),
    lateral (select jobs._unique_due(coalesce(g.due, i_now + g.wait), i_now + g.max_wait) as due) d
  where jobs._publishable(g.task, 0, 0, g.due, g.timeout, g.max_retries) is true
    or jobs._refuse(jobs._which(g.at, cardinality(i_ids)), g.task, g.bytes, g.due, g.timeout, g.max_retries)
  order by g.at);
end $$;

-- Stores the jobs of a call of which some are unique, in one row each. The caller has assigned an xid to the
-- transaction, drawn the numbers and measured the bodies. Usually each job has a key of its own and gets it.
create or replace function jobs._store_unique(
  i_ids bigint[], i_job_ids varchar[], i_tasks text[], i_bodies jsonb[], i_bytes bigint[], i_due timestamptz[], i_timeouts numeric[],
  i_priorities integer[], i_max_retries integer[], i_metas jsonb[], i_rules jobs.unique_rule[], i_now timestamptz
) returns jobs.published
language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
  v_published jobs.published;
begin
  if not jobs._take_all_keys(i_job_ids, i_rules, i_now) then
    return jobs._store_beside_others(
      jobs._new_jobs(i_ids, i_job_ids, i_tasks, i_bodies, i_bytes, i_due, i_timeouts, i_priorities, i_max_retries, i_metas, i_rules, i_now), i_bytes, i_rules, i_now);
  end if;
  insert into jobs.pending (id, job_id, task, body, scheduled_at, timeout, priority, max_retries, created_at, ready_seq, bytes, meta, on_end)
  select g.id, g.job_id, g.task, g.body, d.due, coalesce(g.timeout, 60), coalesce(g.priority, 0), coalesce(g.max_retries, 3), i_now,
    case when (d.due > i_now) is not true then g.id end, g.bytes, g.meta, case when g.until is null then row(g.name, g.key, g.until_started)::jobs.on_end end
  from unnest(i_ids, i_job_ids, i_tasks, i_bodies, i_bytes, i_due, i_timeouts, i_priorities, i_max_retries, i_metas, i_rules)
    with ordinality g(id, job_id, task, body, bytes, due, timeout, priority, max_retries, meta, name, key, until_started, until, on_conflict, wait, max_wait, at),
    lateral (select jobs._unique_due(coalesce(g.due, i_now + g.wait), i_now + g.max_wait) as due) d
  where jobs._publishable(g.task, 0, 0, g.due, g.timeout, g.max_retries) is true
    or jobs._refuse(jobs._which(g.at, cardinality(i_ids)), g.task, g.bytes, g.due, g.timeout, g.max_retries);
  v_published.ids := i_ids;
  v_published.job_ids := i_job_ids;
  v_published.outcomes := array_fill('published'::text, array[cardinality(i_ids)]);
  return v_published;
end $$;

-- Takes the keys of these jobs; true in the usual case that each job has a key of its own and gets it.
-- Otherwise the keys that it got stay taken for the jobs that have them first (jobs._take_keys).
create or replace function jobs._take_all_keys(i_job_ids varchar[], i_rules jobs.unique_rule[], i_now timestamptz) returns boolean
language plpgsql as $$
declare
  v_taken bigint;
begin
  insert into jobs.unique_key (name, key, job_id, until)
  select r.name, r.key, r.job_id, i_now + r.until
  from unnest(i_rules, i_job_ids) with ordinality r(name, key, until_started, until, on_conflict, wait, max_wait, job_id, at)
  where r.key is not null
  order by r.name, r.key, r.at
  on conflict do nothing;
  get diagnostics v_taken = row_count;
  return v_taken = cardinality(i_job_ids);
end $$;

-- Stores the jobs of a call where some are not unique, or have their keys in common, or meet others that hold
-- them. Of jobs with one key in the call, each but the first meets the first as it would meet the holder.
create or replace function jobs._store_beside_others(i_new jobs.open_job[], i_bytes bigint[], i_rules jobs.unique_rule[], i_now timestamptz) returns jobs.published
language plpgsql as $$
declare
  v_wanted jobs.wanted_key[] := jobs._wanted_keys(i_rules);
  v_plain integer[] := array(
    select r.at from unnest(i_rules) with ordinality r(name, key, until_started, until, on_conflict, wait, max_wait, at) where r.key is null);
begin
  if v_plain <> '{}' then
    perform jobs._insert_new(i_new, i_bytes, v_plain, v_plain);
  end if;
  return jobs._outcomes(i_new, i_rules, case
    when exists (select from unnest(v_wanted) w where w.change_at is not null) then jobs._store_or_change(v_wanted, i_new, i_bytes, i_rules, i_now)
    else jobs._store_under_keys(v_wanted, i_new, i_bytes, i_rules, i_now) end);
end $$;

-- Stores the jobs that get their keys, and returns who holds each key. Refuses a call that asks for that
-- (PT409).
create or replace function jobs._store_under_keys(
  i_wanted jobs.wanted_key[], i_new jobs.open_job[], i_bytes bigint[], i_rules jobs.unique_rule[], i_now timestamptz
) returns jobs.wanted_key[]
language plpgsql as $$
declare
  v_met jobs.wanted_key[] := jobs._meet_holders(i_wanted, i_new, i_rules, i_now);
begin
  perform jobs._refuse_held(v_met, cardinality(i_new));
  perform jobs._insert_new(i_new, i_bytes, array_agg(w.first_at), array_agg(w.new_at)) from unnest(v_met) w where w.holder_state is null;
  return v_met;
end $$;

-- The same, and changes pending holders where a job asks for that. When one of them moves on before it is
-- locked, undoes the attempt, locks included, and begins anew: locks are only ever taken in the order of
-- their keys. A holder that has started by then is kept. PT409 after twenty attempts.
create or replace function jobs._store_or_change(
  i_wanted jobs.wanted_key[], i_new jobs.open_job[], i_bytes bigint[], i_rules jobs.unique_rule[], i_now timestamptz
) returns jobs.wanted_key[]
language plpgsql as $$
declare
  v_met jobs.wanted_key[];
begin
  for v_attempt in 1..20 loop
    begin
      v_met := jobs._store_under_keys(i_wanted, i_new, i_bytes, i_rules, i_now);
      if jobs._change_holders(v_met, i_new, i_bytes, i_rules) then
        return v_met;
      end if;
      raise sqlstate 'PT001';
    exception when sqlstate 'PT001' then null;
    end;
  end loop;
  perform jobs._refuse_race();
  return null;   -- it has raised
end $$;

-- Takes these keys, or learns who holds them.
create or replace function jobs._meet_holders(i_wanted jobs.wanted_key[], i_new jobs.open_job[], i_rules jobs.unique_rule[], i_now timestamptz) returns jobs.wanted_key[]
language plpgsql as $$
declare
  v_names text[];
  v_keys text[];
  v_jobs text[];
  v_untils timestamptz[];
begin
  select array_agg(w.name order by w.nth), array_agg(w.key order by w.nth), array_agg(n.job_id order by w.nth), array_agg(i_now + r.until order by w.nth)
  into v_names, v_keys, v_jobs, v_untils
  from unnest(i_wanted) with ordinality w(name, key, first_at, new_at, change_at, refuse_at, holder, holder_task, holder_state, nth)
  join unnest(array(select j.job_id from unnest(i_new) j)) with ordinality n(job_id, at) on n.at = w.first_at
  join unnest(i_rules) with ordinality r(name, key, until_started, until, on_conflict, wait, max_wait, at) on r.at = w.first_at;
  return array(
    select row(w.name, w.key, w.first_at, w.new_at, w.change_at, w.refuse_at, t.holder, t.task, t.state)::jobs.wanted_key
    from jobs._take_keys(v_names, v_keys, v_jobs, v_untils, i_now) t
    join unnest(i_wanted) with ordinality w(name, key, first_at, new_at, change_at, refuse_at, holder, holder_task, holder_state, nth) on w.nth = t.nth
    order by w.nth);
end $$;

-- Refuses a job whose key is held when it asks for that (PT409), and names the job that holds it.
create or replace function jobs._refuse_held(i_met jobs.wanted_key[], i_jobs integer) returns void
language plpgsql as $$
declare
  v_refused jobs.wanted_key;
begin
  select w.* into v_refused from unnest(i_met) w
  where w.refuse_at is not null and (w.holder_state is not null or w.refuse_at > w.first_at) order by w.refuse_at limit 1;
  if not found then
    return;
  elsif v_refused.holder_state is null then
    raise sqlstate 'PT409' using message = jobs._which(v_refused.refuse_at, i_jobs) || format('job %s of this call has the same unique key', v_refused.first_at),
      hint = 'publish one of them';
  end if;
  raise sqlstate 'PT409' using
    message = jobs._which(v_refused.refuse_at, i_jobs) || format('job %s holds the unique key (%s)', v_refused.holder, v_refused.holder_state),
    hint = format('jobs.explain(%L) says why it is there; on_conflict keep, replace or postpone does not refuse', v_refused.holder);
end $$;

-- Inserts jobs of a call: for each position in i_first a job with that id, and the contents of the job at the
-- position beside it in i_contents.
create or replace function jobs._insert_new(i_new jobs.open_job[], i_bytes bigint[], i_first integer[], i_contents integer[]) returns void
language plpgsql as $$
begin
  insert into jobs.pending (id, job_id, task, body, scheduled_at, timeout, priority, max_retries, created_at, ready_seq, bytes, meta, on_end)
  select f.id, f.job_id, n.task, n.body, n.scheduled_at, n.timeout, n.priority, n.max_retries, n.created_at,
    case when n.ready_seq is not null then f.id end, b.bytes, n.meta, f.on_end
  from unnest(i_first, i_contents) p(first_at, contents_at)
  join (select j.*, row_number() over () as at from unnest(i_new) j) f on f.at = p.first_at
  join (select j.*, row_number() over () as at from unnest(i_new) j) n on n.at = p.contents_at
  join unnest(i_bytes) with ordinality b(bytes, at) on b.at = p.contents_at
  order by f.id;
end $$;

-- Gives pending holders the contents of the last job that replaces or postpones them; false when one of them
-- is not there any more as it was found. A holder keeps its id, its key and its terms; it starts anew, with
-- no failed runs, at its place in the queue if task and priority are the same. A postponed one waits as long
-- as the last publisher asks, but no longer than max_wait from when it was published. Locks their rows, and
-- waits for who has locked them. PT403 when a restricted caller may not publish the task of a holder.
create or replace function jobs._change_holders(i_met jobs.wanted_key[], i_new jobs.open_job[], i_bytes bigint[], i_rules jobs.unique_rule[]) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan as $$
declare
  v_changes bigint := (select count(*) from unnest(i_met) w where w.holder_state = 'pending' and w.change_at is not null);
  v_locked bigint;
begin
  if v_changes = 0 then
    return true;
  end if;
  perform jobs._check_topics(true, array(select distinct w.holder_task::text from unnest(i_met) w where w.holder_state = 'pending' and w.change_at is not null));
  perform 1
  from (select m.holder from unnest(i_met) m where m.holder_state = 'pending' and m.change_at is not null order by m.holder) w,   -- as jobs.cancel locks them
    lateral (select 1 from jobs.pending p where p.job_id = w.holder for update) q;
  get diagnostics v_locked = row_count;
  if v_locked < v_changes then
    return false;
  end if;
  -- In a statement of its own, which sees these rows as they were locked.
  with contents as materialized (
    select q.ctid as at, n.task, n.body, n.timeout, n.priority, n.max_retries, n.meta, b.bytes, d.due, n.created_at as now,
      case when q.task = n.task and q.priority = n.priority then q.ready_seq end as ready_seq
    from unnest(i_met) w
    join (select j.*, row_number() over () as at from unnest(i_new) j) n on n.at = w.change_at
    join unnest(i_bytes) with ordinality b(bytes, at) on b.at = w.change_at
    join unnest(i_rules) with ordinality r(name, key, until_started, until, on_conflict, wait, max_wait, at) on r.at = w.change_at,
    lateral (select p.ctid, p.task, p.priority, p.ready_seq, p.scheduled_at, p.created_at from jobs.pending p where p.job_id = w.holder) q,
    lateral (select case r.on_conflict when 'postpone' then jobs._unique_due(n.scheduled_at, q.created_at + r.max_wait) else n.scheduled_at end as due) d
    where w.holder_state = 'pending'
  )
  update jobs.pending q
  set task = c.task, body = c.body, timeout = c.timeout, priority = c.priority, max_retries = c.max_retries, meta = c.meta, bytes = c.bytes,
      scheduled_at = c.due, retries = 0, traceback = null,
      ready_seq = case when (c.due > c.now) is not true then coalesce(c.ready_seq, nextval('jobs.job_number')) end
  from contents c where q.ctid = c.at;
  return true;
end $$;

-- What became of each job of a call, once its keys are settled.
create or replace function jobs._outcomes(i_new jobs.open_job[], i_rules jobs.unique_rule[], i_met jobs.wanted_key[]) returns jobs.published
language plpgsql as $$
declare
  v_published jobs.published;
begin
  select array_agg(n.id order by n.at), array_agg(coalesce(w.holder, n.job_id) order by n.at), array_agg(case
      when w.holder is null or w.holder_state is null and w.first_at = n.at then 'published'
      when r.on_conflict in ('replace', 'postpone') and coalesce(w.holder_state, 'pending') = 'pending' then 'replaced'
      else 'existing' end order by n.at)
  into v_published.ids, v_published.job_ids, v_published.outcomes
  from (select j.id, j.job_id, row_number() over () as at from unnest(i_new) j) n
  join unnest(i_rules) with ordinality r(name, key, until_started, until, on_conflict, wait, max_wait, at) on r.at = n.at
  left join unnest(i_met) w on w.name = r.name and w.key = r.key;
  return v_published;
end $$;

-- The rows of these jobs, in order, for functions that return what they publish: a job that was there before
-- without its body and its meta; only its id when it has ended and is not kept.
create or replace function jobs._published_rows(i_published jobs.published) returns setof jobs.queued
language plpgsql as $$
begin
  return query
  select g.id, p.job_id, g.task, case when p.outcome <> 'existing' then g.body end, g.retries, g.max_retries, g.priority, g.timeout::numeric, g.created_at,
    g.run_at, g.scheduled_at, g.attempt, case when p.outcome <> 'existing' then g.meta end
  from unnest(i_published.job_ids, i_published.outcomes) with ordinality p(job_id, outcome, at)
  left join lateral jobs.get(p.job_id) g on true
  order by p.at;
end $$;

-- Publishes one job as jobs.publish does, under a unique key.
create or replace function jobs._publish_one_unique(
  i_task text, i_body jsonb, i_scheduled_at timestamptz, i_timeout numeric, i_priority integer, i_max_retries integer, i_checked boolean, i_job_id text,
  i_meta jsonb, i_unique jsonb
) returns jobs.queued
language plpgsql as $$
declare
  v_published jobs.published := jobs._publish_many(
    array[i_task], array[i_body], array[i_scheduled_at], array[i_timeout], array[i_priority], array[i_max_retries],
    case when i_job_id is not null then array[i_job_id] end, false, array[i_checked], case when i_meta is not null then array[i_meta] end,
    array[i_unique], jobs.now());
  v_job jobs.queued;
begin
  if v_published.outcomes[1] = 'existing' then
    select r.* into v_job from jobs._published_rows(v_published) r;
  else
    select q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout, q.created_at, null::timestamptz, q.scheduled_at, q.attempt, q.meta
    into v_job from jobs.pending q where q.job_id = v_published.job_ids[1];
  end if;
  return v_job;
end $$;
