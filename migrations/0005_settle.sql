-- Settling: a run ends, and its job ends or waits for the next run.
--
-- Every verdict is decided by one DELETE or UPDATE of the job's row that names the lease of the
-- attempt: a late word from an attempt whose lease is gone finds no row. A success may be said
-- twice under its lease (the reply may have been lost); the second time it is found in history.
-- Settling many waits for nobody: a row that another transaction holds is passed over and named.

-- Settles many runs at once, given as parallel arrays. The outcome of each is
--   success  the job ends with its result
--   fail     the job ends as failed
--   retry    runs again after its delay in seconds (null: the default backoff), or ends as failed
--            when this was its last run
--   verify   the task settled the job itself; if it did not (its transaction was rolled back),
--            as retry
--   snooze   runs again after its delay, this run not counted
--   release  runs again at once in its old place, this run not counted
-- Returns the verdicts that were not accepted: `lost` when the lease was no longer live, `busy` when
-- another transaction holds the job's row just now. A busy one is to be said again; waiting for it
-- here would hold up the verdicts of a whole batch behind one open transaction.
--
-- First the rows are found and locked, from the list to the table whatever the statistics say (a
-- lateral subquery that locks is never turned round), then they are reached by their place in the
-- table. Two statements, so that the second sees the rows as the first locked them.
create function jobs.settle(
  i_job_ids text[], i_leases uuid[], i_outcomes text[], i_results jsonb[], i_errors text[], i_delays double precision[]
) returns table (job_id text, verdict text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_ends tid[];      -- rows of jobs that end here, and which verdict each gets
  v_end_of integer[];
  v_backs tid[];     -- rows of jobs that run again
  v_back_of integer[];
  v_requeued text[] := '{}';
begin
  if not i_outcomes <@ array['success', 'fail', 'retry', 'verify', 'snooze', 'release'] then
    raise sqlstate 'PT400' using message = 'an outcome is one of success, fail, retry, verify, snooze, release';
  end if;

  select array_agg(f.at) filter (where f.ends), array_agg(f.which) filter (where f.ends),
    array_agg(f.at) filter (where not f.ends), array_agg(f.which) filter (where not f.ends)
  into v_ends, v_end_of, v_backs, v_back_of
  from (
    select p.at, g.which, g.outcome in ('success', 'fail') or (g.outcome in ('retry', 'verify') and p.retries + 1 >= p.max_retries) as ends
    from (select u.job_id, u.lease, u.outcome, u.which::integer
          from unnest(i_job_ids, i_leases, i_outcomes) with ordinality u(job_id, lease, outcome, which)
          order by u.job_id) g,
      lateral (select q.ctid as at, q.retries, q.max_retries from jobs.job_queue q
               where q.job_id = g.job_id and q.lease = g.lease for update skip locked) p
  ) f;

  if v_ends is not null then
    with gone as (
      delete from jobs.job_queue q using unnest(v_ends, v_end_of) e(at, which)
      where q.ctid = e.at returning q.*, e.which
    )
    insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at,
                          run_at, scheduled_at, complete_on, result, traceback, attempt, lease, worker)
    select d.id, d.job_id, d.task, d.body, d.retries, d.max_retries, d.priority, d.timeout,
      case when i_outcomes[d.which] = 'success' then 'success' else 'failed' end::jobs.job_status,
      d.created_at, d.run_at, d.scheduled_at, v_now, i_results[d.which],
      case when i_outcomes[d.which] = 'success' then d.traceback else coalesce(left(i_errors[d.which], 65536), d.traceback) end,
      d.attempt, d.lease, d.worker
    from gone d;
    perform jobs._wake_waiters();
  end if;

  if v_backs is not null then
    with due as materialized (
      select b.at, i_outcomes[b.which] as outcome, i_errors[b.which] as error,
        case when i_outcomes[b.which] <> 'release' then
          v_now + coalesce(make_interval(secs => i_delays[b.which]), jobs._backoff(q.retries)) end as run_after
      from unnest(v_backs, v_back_of) b(at, which) join jobs.job_queue q on q.ctid = b.at
    ), back as (
      update jobs.job_queue q
      set run_at = null, lease = null, expires_at = null, worker = null,
          scheduled_at = case when d.outcome = 'release' then q.scheduled_at else d.run_after end,
          retries = q.retries + (d.outcome in ('retry', 'verify'))::integer,
          traceback = case when d.outcome in ('retry', 'verify') then coalesce(left(d.error, 65536), q.traceback) else q.traceback end,
          ready_seq = case when d.outcome = 'release' then q.ready_seq when d.run_after <= v_now then nextval('jobs.job_number') end
      from due d where q.ctid = d.at
      returning q.job_id
    ) select array_agg(b.job_id) into v_requeued from back b;
    perform jobs._wake_workers();
  end if;

  if coalesce(cardinality(v_ends), 0) + coalesce(cardinality(v_backs), 0) < cardinality(i_job_ids) then
    -- Left over: a verdict said before, which history knows; a lease that is gone; a row that is held.
    return query
    select g.job_id, case when held.found then 'busy' else 'lost' end
    from unnest(i_job_ids, i_leases) g(job_id, lease)
    left join lateral (select true as found from jobs.job_queue q where q.job_id = g.job_id and q.lease = g.lease limit 1) held on true
    left join lateral (select true as known from jobs.job h where h.job_id = g.job_id and h.lease = g.lease limit 1) ended on true
    where ended.known is null and g.job_id <> all (coalesce(v_requeued, '{}'));
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
