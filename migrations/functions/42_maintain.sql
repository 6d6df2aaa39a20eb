-- Promoting due jobs, and the call that workers make for everybody.

-- Promotes up to i_limit jobs of tasks under a pattern that became due since i_since, in the order of
-- scheduled_at, and returns how many. Locks no other jobs, since the caller may keep its transaction open;
-- for a restricted caller, it promotes only jobs of the caller's tasks. Leaves tasks under the patterns
-- i_except.
create or replace function jobs._promote(i_pattern text, i_limit integer, i_since timestamptz, i_except text[] default null) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_now timestamptz := jobs.now();
  v_limits jobs.limits := jobs._limits(false);
  v_promoted integer;
begin
  perform pg_current_xact_id();   -- an xid before it draws a number, as for publishers
  with due as materialized (
    select d.at, nextval('jobs.job_number') as seq
    from (select q.ctid as at from jobs.pending q
          where q.ready_seq is null and q.scheduled_at <= v_now and q.scheduled_at >= i_since
            and q.task like i_pattern and jobs._is_under(q.task, v_limits) and (q.task like any (i_except)) is not true
          order by q.scheduled_at, q.id limit greatest(0, least(i_limit, 10000)) for update skip locked) d
  )
  update jobs.pending q set ready_seq = d.seq from due d where q.ctid = d.at;
  get diagnostics v_promoted = row_count;
  if v_promoted > 0 then
    perform jobs._wake_workers();
  end if;
  return v_promoted;
end $$;

-- Promotes up to i_limit due jobs, at most 10000, in the order of scheduled_at, and returns how many; with
-- i_since only those that became due after it. (A claim promotes what became due in the last 10 s, and
-- jobs.maintain promotes all: while an old snapshot is kept, the entries of jobs that have left pile up at
-- the head of the index.)
create or replace function jobs.promote(i_limit integer default 1000, i_since timestamptz default '-infinity') returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  return jobs._promote('%', i_limit, i_since);
end $$;

-- What any worker calls for all workers about once a second: sweeps, promotes due jobs, publishes the jobs
-- of schedules that are due, does steps of operations, counts what ended for statistics, cleans up after limits
-- that were dropped, stops workflows whose time is over, wakes jobs whose signal found them locked, and returns in how many seconds
-- the next scheduled job is due (null: none is scheduled).
-- For a restricted caller it considers only the caller's own jobs among the next thousand. 0 means that there
-- is more to do than i_limit of a kind: call it again at once.
create or replace function jobs.maintain(i_limit integer default 1000) returns double precision
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_limit integer := greatest(1, least(i_limit, 10000));
  v_limits jobs.limits := jobs._limits(false);
  v_is_full boolean := greatest(jobs._sweep_expired(v_limit, v_limits), jobs._sweep_workers(v_limit, v_limits), jobs.promote(v_limit)) >= v_limit;
  v_next timestamptz;
begin
  perform jobs.tick(200, 0.3), jobs._step_operations(0.2), jobs._roll_up(1000), jobs._tend_limits(), jobs._tend_workflows(), jobs._deliver_left();
  if v_is_full then
    return 0;
  end if;
  select f.scheduled_at into v_next
  from (select q.task, q.scheduled_at from jobs.pending q
        where q.ready_seq is null and (v_limits is null or q.scheduled_at > jobs.now())
        order by q.scheduled_at limit case when v_limits is null then 1 else 1000 end) f
  where jobs._is_under(f.task, v_limits) order by f.scheduled_at limit 1;
  return extract(epoch from v_next - jobs.now());
end $$;
