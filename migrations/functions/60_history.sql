-- History: one partition of jobs.job for each day, created in advance and dropped when old; and the lookup of
-- jobs in it.
--
-- A statement on jobs.job without a condition on the time locks every partition and every index of it, a
-- thousand locks for a year of history, to the end of the caller's transaction. So read it only through the
-- functions below, which put the time into the statement as a literal: the planner then excludes the other
-- days.

-- A time as a literal that means the same under every DateStyle and TimeZone.
create or replace function jobs._literal(i_at timestamptz) returns text
language sql stable parallel safe
return case when pg_catalog.isfinite(i_at)
  then pg_catalog.quote_literal(pg_catalog.to_char(i_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00" BC'))
  else pg_catalog.quote_literal(i_at::text) end;

-- A condition that the column h.complete_on is on this day (UTC), given by its beginning. Adds 24 hours,
-- because `interval '1 day'` is longer or shorter when the session's time zone changes the clocks.
create or replace function jobs._on_day(i_day timestamptz) returns text
language sql stable parallel safe
return case when pg_catalog.isfinite(i_day)
  then 'h.complete_on >= ' || jobs._literal(i_day) || case when i_day < '294276-12-31 00:00:00+00'::timestamptz
    then ' and h.complete_on < ' || jobs._literal(i_day + interval '24 hours') else ' and h.complete_on < ''infinity''' end
  else 'h.complete_on = ' || jobs._literal(i_day) end;

-- A time before which none of these jobs ended, derived from their ids: a job ends after it was created; a
-- day is subtracted for wrong clocks of clients. Null when the ids do not show it: ids of the Python package,
-- or with a time in the future.
create or replace function jobs._ended_since(i_jobs text[]) returns timestamptz
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_tell boolean;
  v_least text;
  v_since timestamptz;
begin
  select bool_and(j ~ '^[0-9a-f]{12}7[0-9a-f]{19}$'), min(j collate "C") into v_tell, v_least from unnest(i_jobs) j;
  if v_tell then
    v_since := to_timestamp(('x0000' || left(v_least, 12))::bit(64)::bigint / 1000.0) - interval '1 day';
  end if;
  return case when v_since < jobs.now() then v_since end;
end $$;

-- When these jobs ended, for those that ended within a range (null: unbounded). Queries one week at a time in
-- a subtransaction and rolls it back, which releases its locks.
create or replace function jobs._ended_times(i_jobs text[], i_from timestamptz, i_until timestamptz) returns timestamptz[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_oldest timestamptz := (select min(p.day)::timestamp at time zone 'UTC' from jobs._partitions() p);
  v_from timestamptz := greatest(i_from, v_oldest);
  v_until timestamptz;
  v_some timestamptz[];
  v_times timestamptz[] := array[]::timestamptz[];
begin
  loop
    v_until := least(v_from + interval '7 days', i_until);
    if i_until is null and v_until > jobs.now() then
      v_until := null;
    end if;
    begin
      execute format('select array_agg(h.complete_on) from jobs.job h where h.job_id = any ($1)%s%s',
                     ' and h.complete_on >= ' || jobs._literal(nullif(v_from, v_oldest)),   -- from the oldest day on: no lower bound
                     ' and h.complete_on < ' || jobs._literal(v_until)) into v_some using i_jobs;
      raise sqlstate 'PT000';
    exception when sqlstate 'PT000' then null;
    end;
    v_times := v_times || v_some;
    exit when cardinality(v_times) >= cardinality(i_jobs) or v_until is null or v_until >= i_until;
    v_from := v_until;
  end loop;
  return v_times;
end $$;

-- Those of these jobs that have ended and are kept. Locks the days since they were created if that is less
-- than a week ago, and otherwise the days on which they ended. i_everywhere: also searches the days that
-- their ids exclude, because a clock may have been wrong; for callers that expect to find the jobs.
create or replace function jobs._history_of(i_jobs text[], i_everywhere boolean default true) returns setof jobs.job
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_since timestamptz := jobs._ended_since(i_jobs);
  v_times timestamptz[];
  v_day timestamptz;
  v_found bigint := 0;
begin
  if v_since > jobs.now() - interval '8 days' then
    return query execute format('select h.* from jobs.job h where h.job_id = any ($1) and h.complete_on >= %s', jobs._literal(v_since)) using i_jobs;
    get diagnostics v_found = row_count;
  else
    v_times := jobs._ended_times(i_jobs, v_since, null);
    v_found := cardinality(v_times);
  end if;
  if i_everywhere and v_since is not null and v_found < cardinality(i_jobs) then
    v_times := v_times || jobs._ended_times(i_jobs, null, v_since);
  end if;
  for v_day in select distinct date_trunc('day', t at time zone 'UTC') at time zone 'UTC' as day from unnest(v_times) t order by day loop
    return query execute format('select h.* from jobs.job h where h.job_id = any ($1) and %s', jobs._on_day(v_day)) using i_jobs;
  end loop;
end $$;

-- Whether one of these jobs has ended; i_least is the smallest of their ids, which are version 7 UUIDs.
create or replace function jobs._have_ended(i_jobs text[], i_least text) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
-- The custom plan contains these days only, so only they are locked. The planner finds them by the partition
-- bounds alone.
set plan_cache_mode = force_custom_plan set constraint_exclusion = off set enable_partition_pruning = on as $$
declare
  v_since timestamptz := to_timestamp(('x0000' || left(i_least, 12))::bit(64)::bigint / 1000.0) - interval '1 day';
  v_until timestamptz := jobs.now() + interval '1 hour';
begin
  if v_since > v_until - interval '8 days' then
    perform from jobs.job h where h.job_id = any (i_jobs) and h.complete_on >= v_since and h.complete_on < v_until;
    return found;
  end if;
  return cardinality(jobs._ended_times(i_jobs, v_since, null)) > 0;
end $$;

-- The number of jobs of these tasks that the sweep has ended as failed since then because a worker died or
-- got stuck in their last run: a worker cannot know this of itself. Reads the failures of those days; for a
-- restricted role only those of its tasks.
create or replace function jobs.count_lost(i_tasks text[], i_since timestamptz) returns bigint
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_partition_pruning = on set jit = off
set plan_cache_mode = force_custom_plan as $$
declare
  v_tasks text[] := jobs._allowed(false, i_tasks);
  v_since timestamptz := i_since;
begin
  return (select count(*) from jobs.job h
          where h.complete_on >= v_since and h.status <> 'success' and h.status = 'failed'   -- the first condition is that of a partial index
            and h.task = any (v_tasks)
            and h.traceback in ('lost: the worker died', 'expired: the run outlasted its timeout'));
end $$;

-- The daily partitions, each with its last day.
create or replace function jobs._partitions() returns table (name text, day date)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.relname::text, to_date(substr(c.relname, 5), 'YYYYMMDD')
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'jobs.job'::regclass and c.relname ~ '^job_[0-9]{8}$'
$$;

-- History one week at a time, newest first: for each week a condition on the column h.complete_on that
-- excludes the other weeks. To read all of history, read each week in a subtransaction and roll it back,
-- which releases its locks.
create or replace function jobs._weeks() returns setof text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case when w.from_day > w.oldest then format(' and h.complete_on >= %s', jobs._literal(w.from_day::timestamp at time zone 'UTC')) else '' end
    || case when w.from_day < w.newest then format(' and h.complete_on < %s', jobs._literal((w.from_day + 7)::timestamp at time zone 'UTC')) else '' end
  from (select t.day - 6 - 7 * k as from_day, t.day - 6 as newest, t.oldest
        from (select (jobs.now() at time zone 'UTC')::date as day, coalesce((select min(p.day) from jobs._partitions() p), 'infinity'::date) as oldest) t,
          generate_series(0, greatest(0, (case when isfinite(t.oldest) then t.day - t.oldest else 0 end) / 7)) k
        order by k) w
$$;
