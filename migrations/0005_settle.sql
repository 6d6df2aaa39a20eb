-- Settling: a run ends, and its job ends or waits for the next run.
--
-- Every verdict is decided by one DELETE or UPDATE of the job's row that names the lease of the
-- attempt: a late word from an attempt whose lease is gone finds no row. A success may be said
-- twice under its lease (the reply may have been lost); the second time it is found in history.
-- Rows are locked in order of job id, so that two settles never wait for each other in a circle.

-- Settles many runs at once, given as parallel arrays. The outcome of each is
--   success  the job ends with its result
--   fail     the job ends as failed
--   retry    runs again after its delay in seconds (null: the default backoff), or ends as failed
--            when this was its last run
--   verify   the task settled the job itself; if it did not (its transaction was rolled back),
--            as retry
--   snooze   runs again after its delay, this run not counted
--   release  runs again at once in its old place, this run not counted
-- Returns the jobs whose lease was no longer live; every other verdict is accepted.
create function jobs.settle(
  i_job_ids text[], i_leases uuid[], i_outcomes text[], i_results jsonb[], i_errors text[], i_delays double precision[]
) returns setof text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_settled integer;
  v_requeued text[] := '{}';
begin
  with given as materialized (
    select g.* from unnest(i_job_ids, i_leases, i_outcomes, i_results, i_errors)
      g(job_id, lease, outcome, result, error)
    where g.outcome not in ('snooze', 'release') order by g.job_id
  ), gone as (
    delete from jobs.job_queue q using given g
    where q.job_id = g.job_id and q.lease = g.lease
      and (g.outcome in ('success', 'fail') or q.retries + 1 >= q.max_retries)
    returning q.*, g.outcome, g.result, g.error
  ), kept as (
    insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at,
                          run_at, scheduled_at, complete_on, result, traceback, attempt, lease, worker)
    select d.id, d.job_id, d.task, d.body, d.retries, d.max_retries, d.priority, d.timeout,
      case when d.outcome = 'success' then 'success' else 'failed' end::jobs.job_status,
      d.created_at, d.run_at, d.scheduled_at, v_now, d.result,
      case when d.outcome = 'success' then d.traceback else left(d.error, 65536) end, d.attempt, d.lease, d.worker
    from gone d returning 1
  ) select count(*) into v_settled from kept;

  if v_settled < cardinality(i_job_ids) then
    with given as materialized (
      select g.* from unnest(i_job_ids, i_leases, i_outcomes, i_errors, i_delays)
        g(job_id, lease, outcome, error, delay)
      where g.outcome in ('retry', 'verify', 'snooze', 'release') order by g.job_id
    ), due as materialized (
      select q.job_id as id, g.lease, g.outcome, g.error,
        case when g.outcome = 'release' then q.scheduled_at
          else v_now + coalesce(make_interval(secs => g.delay), jobs._backoff(q.retries)) end as at
      from given g join jobs.job_queue q on q.job_id = g.job_id and q.lease = g.lease
    ), back as (
      update jobs.job_queue q
      set run_at = null, lease = null, expires_at = null, worker = null, scheduled_at = d.at,
          retries = q.retries + (d.outcome in ('retry', 'verify'))::integer,
          traceback = case when d.outcome in ('retry', 'verify') then left(d.error, 65536) else q.traceback end,
          ready_seq = case when d.outcome = 'release' then q.ready_seq when d.at <= v_now then nextval('jobs.job_number') end
      from due d where q.job_id = d.id and q.lease = d.lease
      returning q.job_id
    ) select coalesce(array_agg(b.job_id), '{}') into v_requeued from back b;
    perform jobs._wake_workers();
  end if;
  if v_settled > 0 then
    perform jobs._wake_waiters();
  end if;

  if v_settled + cardinality(v_requeued) < cardinality(i_job_ids) then
    -- Left over: a verdict said before, which history knows, or a lease that is gone.
    return query
    select g.job_id from unnest(i_job_ids, i_leases) g(job_id, lease)
    where g.job_id <> all (v_requeued)
      and not exists (select 1 from jobs.job h where h.job_id = g.job_id and h.lease = g.lease);
  end if;
end $$;

-- Ends a running job as a success and returns its row. With its lease it is fenced: PT409 when the
-- lease is gone, the same row again when this lease has ended it already. Without one, as the
-- original's clients call it, whoever holds the job is taken at his word; P0001 when nobody does.
create function jobs.ack(i_job varchar, i_result jsonb default null, i_lease uuid default null) returns jobs.ended
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_ended jobs.ended;
begin
  with gone as (
    delete from jobs.job_queue q
    where q.job_id = i_job and q.run_at is not null and (i_lease is null or q.lease = i_lease)
    returning q.*
  )
  insert into jobs.job as h (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at,
                             run_at, scheduled_at, complete_on, result, traceback, attempt, lease, worker)
  select d.id, d.job_id, d.task, d.body, d.retries, d.max_retries, d.priority, d.timeout, 'success', d.created_at,
    d.run_at, d.scheduled_at, jobs.now(), i_result, d.traceback, d.attempt, d.lease, d.worker
  from gone d
  returning h.id, h.job_id, h.task, h.body, h.retries, h.max_retries, h.priority, h.timeout, h.status,
    h.created_at, h.run_at, h.scheduled_at, h.complete_on, h.result, h.traceback, h.attempt into v_ended;
  if found then
    perform jobs._wake_waiters();
    return v_ended;
  end if;
  if i_lease is not null then
    select h.id, h.job_id, h.task, h.body, h.retries, h.max_retries, h.priority, h.timeout, h.status,
      h.created_at, h.run_at, h.scheduled_at, h.complete_on, h.result, h.traceback, h.attempt into v_ended
    from jobs.job h where h.job_id = i_job and h.lease = i_lease and h.status = 'success';
    if found then
      return v_ended;
    end if;
  end if;
  perform jobs._not_held(i_job, i_lease);
end $$;

-- Says that a run failed: the job runs again at i_scheduled_at (null: after the default backoff),
-- or ends as failed when this was its last run. ensure_running false, of the original, lets a
-- pending job be failed too. Lease and errors as for ack.
create function jobs.nack(
  i_job varchar,
  i_traceback text default null,
  i_scheduled_at timestamptz default null,
  ensure_running boolean default true,
  i_lease uuid default null
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_lease uuid;
begin
  if not ensure_running and i_lease is null then
    -- A pending job is taken for an instant, so that one path decides what follows.
    update jobs.job_queue q
    set run_at = jobs.now(), expires_at = jobs.now(), lease = gen_random_uuid(), attempt = q.attempt + 1
    where q.job_id = i_job and q.run_at is null;
  end if;
  select q.lease into v_lease from jobs.job_queue q
  where q.job_id = i_job and q.run_at is not null and (i_lease is null or q.lease = i_lease) for update;
  if not found or exists (
    select 1 from jobs.settle(array[i_job::text], array[v_lease], array['retry'], array[null::jsonb], array[i_traceback],
                         array[extract(epoch from i_scheduled_at - jobs.now())::double precision])
  ) then
    perform jobs._not_held(i_job, i_lease);
  end if;
end $$;

-- Raises the error for a job that the caller does not hold.
create function jobs._not_held(i_job varchar, i_lease uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if i_lease is null then
    raise exception 'inexistent_task %', i_job using hint = 'no job with this id is running';
  end if;
  raise sqlstate 'PT409' using message = 'lease_lost', detail = 'job ' || i_job,
    hint = 'the lease ran out or the job was cancelled; another attempt may be under way, so undo this one';
end $$;
