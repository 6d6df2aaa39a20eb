-- Leases: who holds what, until when, and how jobs come back from the dead.
--
-- A plain client's lease is the job's own: it ends after the job's timeout, and jobs.heartbeat
-- prolongs it. A worker holds thousands of jobs, so its lease is one row in jobs.worker, kept alive
-- by one small update every few seconds; its jobs live as long as the worker does, and at the
-- longest for their timeout and a margin. Either way jobs.sweep finds what has lapsed.

-- Registers a worker; its first heartbeat.
create function jobs.register_worker(
  i_worker uuid, i_host text, i_pid integer, i_version text, i_topics text[], i_tasks text[], i_slots integer,
  i_lease_seconds double precision
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := jobs.now();
begin
  if (i_lease_seconds between 1 and 3600) is not true then
    raise sqlstate 'PT400' using message = 'the lease of a worker lies within 1 and 3600 seconds';
  end if;
  insert into jobs.worker (id, host, pid, version, topics, tasks, slots, started_at, heartbeat_at, lease_seconds, expires_at)
  values (i_worker, i_host, i_pid, i_version, i_topics, i_tasks, i_slots, v_now, v_now, i_lease_seconds,
          v_now + make_interval(secs => i_lease_seconds));
end $$;

-- Keeps a worker and all its leases alive; false when it was declared dead, and then its jobs are
-- not its own any more. i_late names jobs that started long after they were claimed: their time
-- to run counts from now. Locks one row, and those jobs.
create function jobs.heartbeat_worker(i_worker uuid, i_late text[] default '{}', i_margin double precision default 0) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  update jobs.worker w set heartbeat_at = v_now, expires_at = v_now + make_interval(secs => w.lease_seconds::double precision)
  where w.id = i_worker and w.lost_at is null;
  if not found then
    return false;
  end if;
  if cardinality(i_late) > 0 then
    -- A row that somebody holds is passed over until the next heartbeat: the worker's own must not wait.
    with given as materialized (
      select p.at from unnest(i_late) g(job_id),
        lateral (select q.ctid as at from jobs.job_queue q
                 where q.job_id = g.job_id and q.worker = i_worker for update skip locked) p
    )
    update jobs.job_queue q
    set expires_at = v_now + make_interval(secs => q.timeout::double precision + i_margin)
    where q.ctid = any (array(select g.at from given g));
  end if;
  return true;
end $$;

-- Prolongs the lease of one job, for a client that is no worker: i_seconds from now, but never past
-- the job's timeout counted from its claim, and never shortens it. Returns when the lease then ends; PT409 when it is gone.
create function jobs.heartbeat(i_job varchar, i_lease uuid, i_seconds numeric default 30) returns timestamptz
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
  v_now timestamptz := jobs.now();
  v_expires_at timestamptz;
begin
  if (i_lease is not null and i_seconds > 0 and i_seconds <= 604800) is not true then
    raise sqlstate 'PT400' using message = 'a heartbeat needs its lease, and 0 to 604800 seconds';
  end if;
  update jobs.job_queue q
  set expires_at = greatest(q.expires_at, least(q.run_at + make_interval(secs => q.timeout::double precision),
                                                v_now + make_interval(secs => i_seconds::double precision)))
  where q.job_id = i_job and q.lease = i_lease and q.run_at + make_interval(secs => q.timeout::double precision) > v_now
  returning q.expires_at into v_expires_at;
  if not found then
    perform jobs._not_held(i_job, i_lease);
  end if;
  return v_expires_at;
end $$;

-- A worker leaves; call it after its jobs are settled or released.
create function jobs.unregister_worker(i_worker uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Jobs that it failed to hand back become anybody's at once.
  update jobs.worker w set lost_at = jobs.now() where w.id = i_worker;
  perform jobs.sweep(1000);
end $$;

-- Brings back up to i_limit jobs that outran their own lease, and returns how many. The run is
-- charged: the job runs again after the default backoff, or ends as failed when this was its last.
--
-- Waits for nobody: what another sweep, a settle or a claim holds is skipped, and a row is judged as
-- it is when it is locked, so that two sweeps charge one loss once.
create function jobs._sweep_expired(i_limit integer) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_jobs text[];
  v_leases uuid[];
begin
  select array_agg(l.job_id), array_agg(l.lease) into v_jobs, v_leases
  from (select q.job_id, q.lease from jobs.job_queue q
        where q.run_at is not null and q.expires_at < v_now
        order by q.expires_at limit i_limit for update skip locked) l;
  if v_jobs is null then
    return 0;
  end if;
  perform jobs._lapse(v_jobs, v_leases, 'expired: the run outlasted its timeout', null);
  return cardinality(v_jobs);
end $$;

-- Declares workers dead that gave no sign of life for as long as their lease, and brings up to
-- i_limit of their jobs back; returns how many. The run is charged, and the job runs again at once.
-- Skips what is locked, as above.
create function jobs._sweep_workers(i_limit integer) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_dead uuid[];
  v_jobs text[];
  v_leases uuid[];
begin
  -- Locked for update, which a claim under way prevents: no job can slip to a worker after this.
  with lapsed as materialized (
    select w.id from jobs.worker w where w.expires_at < v_now and w.lost_at is null for update skip locked
  )
  update jobs.worker w set lost_at = v_now where w.id = any (array(select l.id from lapsed l));
  select array_agg(w.id) into v_dead from jobs.worker w where w.lost_at is not null;
  if v_dead is null then
    return 0;
  end if;
  select array_agg(l.job_id), array_agg(l.lease) into v_jobs, v_leases
  from (select q.job_id, q.lease from jobs.job_queue q
        where q.run_at is not null and q.worker = any (v_dead)
        order by q.expires_at limit i_limit for update skip locked) l;
  if v_jobs is not null then
    perform jobs._lapse(v_jobs, v_leases, 'lost: the worker died', 0);
  end if;
  -- A dead worker is forgotten once nothing is left of it.
  delete from jobs.worker w
  where w.id = any (v_dead)
    and not exists (select 1 from jobs.job_queue q where q.run_at is not null and q.worker = w.id);
  return coalesce(cardinality(v_jobs), 0);
end $$;

-- Brings back up to i_limit jobs whose lease has lapsed, of either kind, and returns how many.
create function jobs.sweep(i_limit integer default 100) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  return jobs._sweep_expired(i_limit) + jobs._sweep_workers(i_limit);
end $$;

-- Charges these runs as failed, their rows locked by the caller.
create function jobs._lapse(i_jobs text[], i_leases uuid[], i_error text, i_delay double precision) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform jobs.settle(i_jobs, i_leases,
    array_fill('retry'::text, array[cardinality(i_jobs)]), array_fill(null::jsonb, array[cardinality(i_jobs)]),
    array_fill(i_error, array[cardinality(i_jobs)]), array_fill(i_delay, array[cardinality(i_jobs)]));
end $$;

-- Puts up to i_limit jobs whose time has come in line, and returns how many.
create function jobs.promote(i_limit integer default 1000) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_promoted integer;
begin
  with due as materialized (
    select q.ctid as at from jobs.job_queue q
    where q.run_at is null and q.ready_seq is null and q.scheduled_at <= v_now
    order by q.scheduled_at limit i_limit for update skip locked
  ), placed as (
    update jobs.job_queue q set ready_seq = nextval('jobs.job_number')
    where q.ctid = any (array(select d.at from due d)) returning 1
  ) select count(*) into v_promoted from placed;
  if v_promoted > 0 then
    perform jobs._wake_workers();
  end if;
  return v_promoted;
end $$;

-- The house-keeping that any worker does about once a second: sweeps, and says in how many seconds
-- the next scheduled job comes due (null: none is scheduled).
create function jobs.tend(i_limit integer default 1000) returns double precision
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_next timestamptz;
begin
  perform jobs.sweep(i_limit);
  select q.scheduled_at into v_next from jobs.job_queue q
  where q.run_at is null and q.ready_seq is null order by q.scheduled_at limit 1;
  return extract(epoch from v_next - jobs.now());
end $$;
