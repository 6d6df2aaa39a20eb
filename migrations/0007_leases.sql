-- Leases: who holds what, until when, and how jobs come back from the dead.
--
-- A plain client's lease is the job's own: it ends after the job's timeout. A worker holds thousands of
-- jobs, so its lease is one row in jobs.worker, kept alive by one small update every few seconds; its jobs
-- live as long as the worker does, and at the longest for their timeout and a margin. Either way
-- jobs.sweep finds what has lapsed.

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
  perform jobs._check_topics(false, i_tasks);
  insert into jobs.worker (id, role, host, pid, version, topics, tasks, slots, started_at, heartbeat_at, lease_seconds, expires_at)
  values (i_worker, jobs._caller(), i_host, i_pid, i_version, i_topics, i_tasks, i_slots, v_now, v_now, i_lease_seconds,
          v_now + make_interval(secs => i_lease_seconds));
end $$;

-- Keeps a worker and all its leases alive; false when it was declared dead, and then its jobs are
-- not its own any more. i_late_leases and i_late_places name runs that started long after they were claimed:
-- their time to run counts from now (and with theirs that of the others in their batch, which ends at most
-- the same span later). Locks one row, and those batches.
create function jobs.heartbeat_worker(
  i_worker uuid, i_late_leases uuid[] default '{}', i_late_places integer[] default '{}'
) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  update jobs.worker w set heartbeat_at = v_now, expires_at = v_now + make_interval(secs => w.lease_seconds::double precision)
  where w.id = i_worker and w.lost_at is null and jobs._acts_as(w.role);
  if not found then
    return false;
  end if;
  if cardinality(i_late_leases) > 0 then
    -- A batch that somebody holds is passed over until the next heartbeat: the worker's own must not wait.
    with given as materialized (
      select p.at from (select distinct g.lease, g.place >> 6 as part from unnest(i_late_leases, i_late_places) g(lease, place)) g,
        lateral (select b.ctid as at from jobs.batch b
                 where b.lease = g.lease and b.part = g.part and b.worker = i_worker for update skip locked) p
    )
    update jobs.batch b
    set counted_from = v_now, expires_at = v_now + (b.expires_at - b.counted_from)
    where b.ctid = any (array(select g.at from given g));
  end if;
  return true;
end $$;

-- Confirms the lease of one job, for a client that is no worker, and returns when it ends: a plain lease
-- is as long as the job may run, its timeout counted from its claim, so there is nothing to prolong, and
-- i_seconds, how long the caller will go on, is only checked. PT409 when the lease is gone or over.
create function jobs.heartbeat(i_job varchar, i_lease uuid, i_seconds numeric default 30) returns timestamptz
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
  v_expires_at timestamptz;
begin
  if (i_lease is not null and i_seconds > 0 and i_seconds <= 604800) is not true then
    raise sqlstate 'PT400' using message = 'a heartbeat needs its lease, and 0 to 604800 seconds';
  end if;
  select r.expires_at into v_expires_at
  from jobs._find_run(i_job) f join jobs._runs r on r.lease = f.lease and r.part = f.place >> 6 and r.place = f.place
  where f.lease = i_lease and r.expires_at > jobs.now();
  if not found then
    perform jobs._not_held(i_job, i_lease);
  end if;
  return v_expires_at;
end $$;

-- What a worker holds as far as this database knows, for that worker: after a failover a server may have
-- runs of it whose verdicts it never received.
create function jobs.held_by(i_worker uuid) returns table (job_id varchar, lease uuid, place integer)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query select r.job_id, r.lease, r.place from jobs._runs r
    where r.worker = i_worker and exists (select from jobs.worker w where w.id = i_worker and jobs._acts_as(w.role));
end $$;

-- A worker leaves; call it after its jobs are settled or released.
create function jobs.unregister_worker(i_worker uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Jobs that it failed to hand back become anybody's at once.
  update jobs.worker w set lost_at = jobs.now() where w.id = i_worker and jobs._acts_as(w.role);
  perform jobs.sweep(1000);
end $$;

-- Brings back up to i_limit jobs that outran their own lease, and returns how many. The run is
-- charged: the job runs again after the default backoff, or ends as failed when this was its last.
--
-- Waits for nobody: a batch that another sweep, a settle or a claim holds is skipped, and a run is
-- judged as it is when its batch is locked, so that two sweeps charge one loss once.
create function jobs._sweep_expired(i_limit integer) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_lapsed uuid[];
  v_parts integer[];
  v_leases uuid[];
  v_places integer[];
begin
  select array_agg(l.lease), array_agg(l.part) into v_lapsed, v_parts
  from (select b.lease, b.part from jobs.batch b
        where b.expires_at < v_now order by b.expires_at limit i_limit for update skip locked) l;
  if v_lapsed is null then
    return 0;
  end if;
  select array_agg(o.lease), array_agg(o.place) into v_leases, v_places
  from (select r.lease, r.place
        from unnest(v_lapsed, v_parts) l(lease, part) join jobs._runs r on r.lease = l.lease and r.part = l.part
        where r.expires_at < v_now limit i_limit) o;
  -- Others in these batches run on: from now on the batch expires with the first of them.
  update jobs.batch b
  set expires_at = e.expires_at
  from (select l.lease, l.part, min(r.expires_at) as expires_at
        from unnest(v_lapsed, v_parts) l(lease, part) join jobs._runs r on r.lease = l.lease and r.part = l.part
        where r.expires_at >= v_now group by l.lease, l.part) e
  where b.lease = e.lease and b.part = e.part;
  if v_places is null then
    return 0;
  end if;
  perform jobs._settle_alike(v_leases, v_places, 'retry', 'expired: the run outlasted its timeout', null);
  return cardinality(v_places);
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
  v_lapsed uuid[];
  v_parts integer[];
  v_leases uuid[];
  v_places integer[];
begin
  -- Not while a claim of theirs is under way: no job can slip to a worker after this.
  with silent as materialized (
    select w.id from jobs.worker w where w.expires_at < v_now and w.lost_at is null for update skip locked
  ), lapsed as materialized (
    select s.id from silent s where pg_try_advisory_xact_lock(jobs._worker_key(s.id))
  )
  update jobs.worker w set lost_at = v_now where w.id = any (array(select l.id from lapsed l));
  -- Nor of one that left while its last claim was under way: what that takes is brought back by the next sweep.
  with gone as materialized (
    select w.id from jobs.worker w where w.lost_at is not null
  )
  select array_agg(g.id) into v_dead from gone g where pg_try_advisory_xact_lock(jobs._worker_key(g.id));
  if v_dead is null then
    return 0;
  end if;
  select array_agg(l.lease), array_agg(l.part) into v_lapsed, v_parts
  from (select b.lease, b.part from jobs.batch b where b.worker = any (v_dead) limit i_limit for update skip locked) l;
  select array_agg(o.lease), array_agg(o.place) into v_leases, v_places
  from (select r.lease, r.place
        from unnest(v_lapsed, v_parts) l(lease, part) join jobs._runs r on r.lease = l.lease and r.part = l.part limit i_limit) o;
  if v_places is not null then
    perform jobs._settle_alike(v_leases, v_places, 'retry', 'lost: the worker died', 0);
  end if;
  -- A dead worker is forgotten once nothing is left of it.
  delete from jobs.worker w
  where w.id = any (v_dead) and not exists (select 1 from jobs.batch b where b.worker = w.id);
  return coalesce(cardinality(v_places), 0);
end $$;

-- Brings back up to i_limit jobs whose lease has lapsed, of either kind, and returns how many.
create function jobs.sweep(i_limit integer default 100) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  return jobs._sweep_expired(i_limit) + jobs._sweep_workers(i_limit);
end $$;

-- Puts up to i_limit jobs whose time has come in line, and returns how many; with i_since only those
-- whose time came after it. (A claim looks back a few seconds and `tend` at everything: while an old
-- snapshot is held, the entries of jobs that have moved on pile up at the head of the index.)
create function jobs.promote(i_limit integer default 1000, i_since timestamptz default '-infinity') returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_now timestamptz := jobs.now();
  v_promoted integer;
begin
  with due as materialized (
    select q.ctid as at from jobs.pending q
    where q.ready_seq is null and q.scheduled_at <= v_now and q.scheduled_at >= i_since
    order by q.scheduled_at limit i_limit for update skip locked
  ), placed as (
    update jobs.pending q set ready_seq = nextval('jobs.job_number')
    where q.ctid = any (array(select d.at from due d)) returning 1
  ) select count(*) into v_promoted from placed;
  if v_promoted > 0 then
    perform jobs._wake_workers();
  end if;
  return v_promoted;
end $$;

-- The house-keeping that any worker does about once a second: sweeps, puts in line what is due, and
-- says in how many seconds the next scheduled job comes due (null: none is scheduled).
create function jobs.tend(i_limit integer default 1000) returns double precision
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_next timestamptz;
begin
  perform jobs.sweep(i_limit);
  perform jobs.promote(i_limit);
  select q.scheduled_at into v_next from jobs.pending q
  where q.ready_seq is null order by q.scheduled_at limit 1;
  return extract(epoch from v_next - jobs.now());
end $$;
