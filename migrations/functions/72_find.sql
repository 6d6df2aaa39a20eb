-- Listing jobs.

-- Refuses a negative number of rows (PT400).
create or replace function jobs._check_limit(i_name text, i_limit bigint) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  if i_limit < 0 then
    raise sqlstate 'PT400' using message = format('%s is a number of at least 0, not %s', i_name, i_limit), hint = 'leave it out for what it is by default';
  end if;
end $$;

-- A page of pending jobs, newest first. The job_id of a row is that of its first job, so every row before
-- i_before contributes at least one job, and i_num rows are enough. Also reads packed rows that begin earlier
-- in the same millisecond, because the ids of a packed row share their millisecond.
create or replace function jobs._page_of_pending(i_pattern text, i_before varchar, i_num integer) returns setof jobs."all"
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_last varchar := (
    select min(r.job_id)
    from (select q.job_id from jobs.pending q where q.task like i_pattern and q.job_id < i_before order by q.job_id desc limit i_num) r);
begin
  return query
  select j.id, j.job_id, j.task, j.body, j.retries, j.max_retries, 'pending'::varchar, j.priority, j.timeout,
    j.created_at, null::timestamptz, j.scheduled_at, null::timestamptz, null::jsonb, j.traceback, j.attempt, null::uuid, j.meta
  from (select q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout, q.created_at, q.scheduled_at, q.attempt, q.traceback, q.meta
        from jobs.pending q
        where q.size = 1 and q.job_id >= v_last and q.job_id < i_before and q.task like i_pattern
        union all
        select p.id, p.job_id, p.task, p.body, p.retries, p.max_retries, p.priority, p.timeout, p.created_at, p.scheduled_at, p.attempt, p.traceback, p.meta
        from jobs.pending q, unnest(q.jobs) p
        where q.size > 1 and q.job_id >= left(v_last, 13) and q.job_id < i_before and q.task like i_pattern and p.job_id < i_before) j
  order by j.job_id desc limit i_num;
end $$;

-- A condition that jobs.job h ended in this state (null: any; unsuccessful: failed or cancelled). Jobs that did
-- not succeed have a separate index.
create or replace function jobs._in_state(i_state text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case when i_state = 'success' then ' and h.status = ' || quote_literal('success')
              when i_state = 'unsuccessful' then ' and h.status <> ' || quote_literal('success')
              when i_state is not null then format(' and h.status <> ''success'' and h.status = %L', i_state) else '' end
$$;

-- A page of ended jobs in a state (null: any), newest first. Finds their ids first, week by week, and then
-- reads the jobs.
create or replace function jobs._page_of_ended(i_state text, i_pattern text, i_before varchar, i_num integer) returns setof jobs."all"
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_week text;
  v_day timestamptz;
  v_ids text[] := array[]::text[];
  v_times timestamptz[] := array[]::timestamptz[];
  v_some_ids text[];
  v_some_times timestamptz[];
begin
  for v_week in select w from jobs._weeks() w loop
    begin
      execute format('select array_agg(e.job_id), array_agg(e.complete_on)
                      from (select h.job_id, h.complete_on from jobs.job h
                            where h.task like $1 and h.job_id < $2 and h.job_id > $3%s%s order by h.job_id desc limit $4) e',
                     jobs._in_state(i_state), v_week)
        into v_some_ids, v_some_times using i_pattern, i_before, coalesce(v_ids[i_num], ''), i_num;   -- ids beyond a full page are of no use
      raise sqlstate 'PT000';
    exception when sqlstate 'PT000' then null;
    end;
    if v_some_ids is not null then
      select array_agg(p.id order by p.id desc), array_agg(p.at order by p.id desc) into v_ids, v_times
      from (select u.id collate "C" as id, u.at from unnest(v_ids || v_some_ids, v_times || v_some_times) u(id, at) order by 1 desc limit i_num) p;
    end if;
  end loop;
  for v_day in select distinct date_trunc('day', t at time zone 'UTC') at time zone 'UTC' as day from unnest(v_times) t order by day loop
    return query execute format('select h.id, h.job_id, h.task, h.body, h.retries, h.max_retries, h.status::text::varchar, h.priority, h.timeout,
        h.created_at, h.run_at, h.scheduled_at, h.complete_on, h.result, h.traceback, h.attempt, h.worker, h.meta
      from jobs.job h where h.job_id = any ($1) and %s', jobs._on_day(v_day)) using v_ids;
  end loop;
end $$;

-- A page of jobs, newest first: those in a state (null: any), under a topic (null: any), older than the job
-- i_before (null: from the newest). Reads in order of job id and stops when the page is full; a separate
-- index serves rare states.
create or replace function jobs.find(
  i_state text default null, i_topic text default null, i_before varchar default null, i_num integer default 50
) returns setof jobs."all"
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_pattern text := coalesce(jobs._pattern(i_topic), '%');
  v_before varchar := coalesce(i_before, chr(1114111));   -- sorts after every id
begin
  perform jobs._check_limit('i_num', i_num);
  if i_state = 'pending' then
    return query select p.* from jobs._page_of_pending(v_pattern, v_before, i_num) p;
  elsif i_state = 'running' then
    return query select o.* from jobs._open o
      where o.run_at is not null and o.task like v_pattern and o.job_id < v_before
      order by o.job_id desc limit i_num;
  elsif i_state in ('success', 'failed', 'cancelled') then
    return query select e.* from jobs._page_of_ended(i_state, v_pattern, v_before, i_num) e order by e.job_id desc;
  elsif i_state is null then
    return query select a.*
      from (select p.* from jobs._page_of_pending(v_pattern, v_before, i_num) p
            union all
            (select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, 'running'::varchar, r.priority, r.timeout, r.created_at,
               r.run_at, r.scheduled_at, null::timestamptz, null::jsonb, r.traceback, r.attempt, r.worker, r.meta
             from jobs._runs r where r.task like v_pattern and r.job_id < v_before order by r.job_id desc limit i_num)
            union all
            select e.* from jobs._page_of_ended(null, v_pattern, v_before, i_num) e) a
      order by a.job_id desc limit i_num;
  else
    raise sqlstate 'PT400' using message = 'a state is one of pending, running, success, failed, cancelled';
  end if;
end $$;
