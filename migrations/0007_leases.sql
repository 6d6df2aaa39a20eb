-- Leases: who runs which jobs, until when, and how expired jobs are requeued.
--
-- A plain client's lease belongs to one job and ends after the job's timeout. A worker has thousands of jobs
-- in flight, so its lease is one row in jobs.worker, kept alive by one small update every few seconds; the
-- leases of its jobs last as long as the worker lives, and at the longest for their timeout and a margin. Of
-- either kind, jobs.sweep finds what has expired.

-- Registers a worker, which counts as its first heartbeat.
create function jobs.register_worker(
  i_worker uuid, i_host text, i_pid integer, i_version text, i_topics text[], i_tasks text[], i_slots integer,
  i_lease_seconds double precision
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  if (i_lease_seconds between 1 and 3600) is not true then
    raise sqlstate 'PT400' using message = 'the lease of a worker lies within 1 and 3600 seconds';
  end if;
  perform jobs._check_worker(i_worker, i_host, i_pid, i_version, i_topics, i_tasks, i_slots);
  perform jobs._check_topics(false, i_tasks);
  insert into jobs.worker (id, role, login, host, pid, version, topics, tasks, slots, started_at, heartbeat_at, lease_seconds, expires_at)
  values (i_worker, jobs._role_oid(jobs._caller()), jobs._role_oid(session_user), i_host, i_pid, i_version, i_topics, i_tasks, i_slots, v_now, v_now, i_lease_seconds,
          v_now + make_interval(secs => i_lease_seconds));
end $$;

-- Keeps a worker and all its leases alive; false when it was declared dead, and then its jobs no longer
-- belong to it.
--
-- i_late_leases and i_late_batch_indexes name runs that started long after they were claimed: their timeouts
-- count from now (and with them those of the other jobs in their batch, whose leases end later by at most the
-- same span). i_started_leases and i_started_batch_indexes name prefetched runs that have begun since.
--
-- Locks the worker's row and those batches. It skips a locked batch until the next heartbeat, because the
-- worker's heartbeat must not wait.
create function jobs.heartbeat_worker(
  i_worker uuid, i_late_leases uuid[] default '{}', i_late_batch_indexes integer[] default '{}',
  i_started_leases uuid[] default '{}', i_started_batch_indexes integer[] default '{}'
) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  update jobs.worker w set heartbeat_at = v_now, expires_at = v_now + make_interval(secs => w.lease_seconds::double precision)
  where w.id = i_worker and w.lost_at is null and jobs._acts_as(w.role, w.login);
  if not found then
    return false;
  end if;
  if cardinality(i_late_leases) > 0 then
    with given as materialized (
      select p.at from (select distinct g.lease, g.batch_index >> 6 as part from unnest(i_late_leases, i_late_batch_indexes) g(lease, batch_index)) g,
        lateral (select b.ctid as at from jobs.batch b
                 where b.lease = g.lease and b.part = g.part and b.worker = i_worker for update skip locked) p
    )
    update jobs.batch b
    set counted_from = v_now, expires_at = v_now + (b.expires_at - b.counted_from)
    where b.ctid = any (array(select g.at from given g));
  end if;
  if cardinality(i_started_leases) > 0 then
    perform jobs._note_started(i_worker, i_started_leases, i_started_batch_indexes, true);
  end if;
  return true;
end $$;

-- Records in their batches that these runs of a worker have begun, ignoring runs that are not the worker's.
-- With i_skip it skips batches that are locked; otherwise it waits for them.
create function jobs._note_started(i_worker uuid, i_leases uuid[], i_batch_indexes integer[], i_skip boolean) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_batch record;
  v_at tid;
begin
  for v_batch in
    select g.lease, g.batch_index >> 6 as part, bit_or(1::bigint << (g.batch_index & 63)) as bits
    from unnest(i_leases, i_batch_indexes) g(lease, batch_index) group by 1, 2 order by 1, 2
  loop
    if i_skip then
      select b.ctid into v_at from jobs.batch b
      where b.lease = v_batch.lease and b.part = v_batch.part and b.worker = i_worker for update skip locked;
    else
      select b.ctid into v_at from jobs.batch b
      where b.lease = v_batch.lease and b.part = v_batch.part and b.worker = i_worker for update;
    end if;
    update jobs.batch b set started = b.started | (v_batch.bits & b.open) where b.ctid = v_at;
  end loop;
end $$;

-- Records that prefetched runs of a worker begin, before they begin: from here on they count as attempts if
-- it dies. Returns the positions, in these arrays, of the runs that no longer belong to the worker and must
-- not begin. Waits for transactions that have locked their batches.
create function jobs.start(i_worker uuid, i_leases uuid[], i_batch_indexes integer[]) returns setof integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
begin
  if exists (select from jobs.worker w where w.id = i_worker and w.lost_at is null and jobs._acts_as(w.role, w.login)) then
    perform jobs._note_started(i_worker, i_leases, i_batch_indexes, false);
  end if;
  return query
  select g.at::integer
  from unnest(i_leases, i_batch_indexes) with ordinality g(lease, batch_index, at)
  where not exists (
    select from jobs.batch b
    where b.lease = g.lease and b.part = g.batch_index >> 6 and b.worker = i_worker and (b.open & b.started >> (g.batch_index & 63)) & 1 = 1);
end $$;

-- Confirms the lease of one job, for a client that is not a worker, and returns when it ends. A plain lease
-- lasts as long as the job may run, its timeout counted from the claim, so there is nothing to extend;
-- i_seconds, how long the caller will go on, is only checked. PT409 when the lease is gone or over.
create function jobs.heartbeat(i_job varchar, i_lease uuid, i_seconds numeric default 30) returns timestamptz
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_expires_at timestamptz;
begin
  if (i_lease is not null and i_seconds > 0 and i_seconds <= 604800) is not true then
    raise sqlstate 'PT400' using message = 'a heartbeat needs its lease, and 0 to 604800 seconds';
  end if;
  select r.expires_at into v_expires_at
  from jobs._find_run(i_job) f join jobs._runs r on r.lease = f.lease and r.part = f.batch_index >> 6 and r.batch_index = f.batch_index
  where f.lease = i_lease and r.expires_at > jobs.now();
  if not found then
    perform jobs._not_held(i_job, i_lease);
  end if;
  return v_expires_at;
end $$;

-- The runs that this database thinks a worker has in flight, for that worker: after a failover a server may
-- have runs whose outcomes it never received.
create function jobs.held_by(i_worker uuid) returns table (job_id varchar, lease uuid, batch_index integer)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query select r.job_id, r.lease, r.batch_index from jobs._runs r
    where r.worker = i_worker and exists (select from jobs.worker w where w.id = i_worker and jobs._acts_as(w.role, w.login));
end $$;

-- Unregisters a worker; call it after its jobs are settled or released.
create function jobs.unregister_worker(i_worker uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  -- Jobs that it failed to release become available to others at once.
  update jobs.worker w set lost_at = jobs.now() where w.id = i_worker and jobs._acts_as(w.role, w.login);
  perform jobs.sweep(1000);
end $$;

-- Requeues up to i_limit jobs of plain clients under a pattern whose lease expired, as a sweep does, and
-- returns how many: for a plain client, which may keep its transaction open. So it locks no other jobs, and
-- leaves those of workers to workers.
create function jobs._sweep_plain(i_pattern text, i_limit integer) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_limits jobs.limits := jobs._limits(false);
  v_leases uuid[];
  v_batch_indexes integer[];
begin
  select array_agg(l.lease), array_agg(l.batch_index) into v_leases, v_batch_indexes
  from (select b.lease, b.part * 64 as batch_index from jobs.batch b
        where b.expires_at < v_now and b.worker is null and cardinality(b.jobs) = 1 and (b.jobs[1]).task like i_pattern
          and jobs._is_under((b.jobs[1]).task, v_limits)
        order by b.expires_at limit i_limit for update skip locked) l;
  if v_batch_indexes is null then
    return 0;
  end if;
  perform jobs._settle_alike(v_leases, v_batch_indexes, 'retry', 'expired: the run outlasted its timeout', null);
  return cardinality(v_batch_indexes);
end $$;

-- Requeues up to i_limit jobs whose own lease expired, and returns how many. The run counts as an attempt,
-- and the job ends as failed if this was its last. A job of a plain client runs again after the default
-- backoff. A worker ends a run itself at its timeout, so if one expires the worker is stuck or dead: the job
-- runs again at once, before others, and the run does not count as an attempt if it had not begun.
--
-- Never waits: it skips a batch that another sweep, a settle or a claim has locked. It judges a run as it is
-- when its batch is locked, so that two sweeps count one loss once.
create function jobs._sweep_expired(i_limit integer, i_limits jobs.limits) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_lapsed uuid[];
  v_parts integer[];
  v_swept integer;
begin
  select array_agg(l.lease), array_agg(l.part) into v_lapsed, v_parts
  from (select b.lease, b.part from jobs.batch b
        where b.expires_at < v_now and (i_limits is null or not exists (select from unnest(b.jobs) j where not jobs._is_under(j.task, i_limits)))
        order by b.expires_at limit i_limit for update skip locked) l;
  if v_lapsed is null then
    return 0;
  end if;
  v_swept := jobs._settle_lost(v_lapsed, v_parts, i_limit, 'expired: the run outlasted its timeout', v_now, true);
  -- The rest of these batches, beyond the limit too, expires with the first of its runs to expire.
  update jobs.batch b
  set expires_at = e.expires_at
  from (select l.lease, l.part, min(r.expires_at) as expires_at
        from unnest(v_lapsed, v_parts) l(lease, part) join jobs._runs r on r.lease = l.lease and r.part = l.part
        group by l.lease, l.part) e
  where b.lease = e.lease and b.part = e.part;
  return v_swept;
end $$;

-- Declares workers dead that sent no heartbeat for as long as their lease, and requeues up to i_limit of
-- their jobs; returns how many. Runs that had begun count as attempts, those that were only prefetched do
-- not; either job runs again at once, before others. Skips what is locked, as above.
create function jobs._sweep_workers(i_limit integer, i_limits jobs.limits) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_dead uuid;
  v_sees_all boolean;
  v_lapsed uuid[];
  v_parts integer[];
  v_swept integer := 0;
begin
  -- A claim locks its worker's row from its end to its commit. So a worker that is locked here has no claim
  -- with jobs that this transaction could not see, and no later claim of it can commit. One worker after
  -- another, and no more than needed: the caller may keep its transaction open.
  while v_swept < i_limit loop
    select w.id, current_setting('transaction_isolation') = 'read committed'
        or w.lost_at is not null and age(w.xmin) > age(pg_snapshot_xmax(pg_current_snapshot())::xid) into v_dead, v_sees_all from jobs.worker w
    where (w.lost_at is not null or w.expires_at < v_now) and (v_dead is null or w.id > v_dead)
      and (i_limits is null or not exists (select from unnest(w.tasks) t where not jobs._is_under(t, i_limits)))
    order by w.id limit 1 for update skip locked;
    exit when not found;
    update jobs.worker w set lost_at = v_now where w.id = v_dead and w.lost_at is null;
    select array_agg(l.lease), array_agg(l.part) into v_lapsed, v_parts
    from (select b.lease, b.part from jobs.batch b where b.worker = v_dead limit i_limit - v_swept for update skip locked) l;
    v_swept := v_swept + jobs._settle_lost(v_lapsed, v_parts, i_limit - v_swept, 'lost: the worker died', v_now, false);
    -- Delete a dead worker once it has no batch left. Not if the caller's snapshot is older than its death,
    -- since there may be newer batches than the caller sees: a later sweep finds them by this row.
    delete from jobs.worker w where w.id = v_dead and v_sees_all and not exists (select 1 from jobs.batch b where b.worker = w.id);
  end loop;
  return v_swept;
end $$;

-- Requeues up to i_limit runs of these batches, which the caller has locked, for this reason: all, or those
-- whose own lease expired. Returns how many.
create function jobs._settle_lost(
  i_leases uuid[], i_parts integer[], i_limit integer, i_reason text, i_now timestamptz, i_only_expired boolean
) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_leases uuid[];
  v_batch_indexes integer[];
  v_outcomes text[];
  v_errors text[];
begin
  select array_agg(o.lease), array_agg(o.batch_index), array_agg(case when o.worker is null then 'retry' when o.started then 'lost' else 'unbegun' end),
    array_agg(case when o.worker is null or o.started then i_reason end)
  into v_leases, v_batch_indexes, v_outcomes, v_errors
  from (select r.lease, r.batch_index, r.worker, (b.started >> (r.batch_index & 63)) & 1 = 1 as started
        from unnest(i_leases, i_parts) l(lease, part)
          join jobs._runs r on r.lease = l.lease and r.part = l.part
          join jobs.batch b on b.lease = l.lease and b.part = l.part
        where not i_only_expired or r.expires_at < i_now
        limit i_limit) o;
  if v_batch_indexes is null then
    return 0;
  end if;
  perform jobs._settle(v_leases, v_batch_indexes, v_outcomes, null, v_errors, array_fill(null::double precision, array[cardinality(v_batch_indexes)]), i_now);
  return cardinality(v_batch_indexes);
end $$;

-- Requeues up to i_limit jobs, at most 10000, whose lease expired, of workers and of plain clients, and
-- returns how many. Locks those jobs, and as many dead workers as had them.
create function jobs.sweep(i_limit integer default 100) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_limit integer := greatest(0, least(i_limit, 10000));
  v_limits jobs.limits := jobs._limits(false);
begin
  return jobs._sweep_expired(v_limit, v_limits) + jobs._sweep_workers(v_limit, v_limits);
end $$;

-- Promotes up to i_limit jobs of tasks under a pattern that became due since i_since, in the order of
-- scheduled_at, and returns how many. Locks no other jobs, since the caller may keep its transaction open;
-- for a restricted caller, it promotes only jobs of the caller's tasks.
create function jobs._promote(i_pattern text, i_limit integer, i_since timestamptz) returns integer
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
            and q.task like i_pattern and jobs._is_under(q.task, v_limits)
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
-- jobs.maintain promotes all: while an old snapshot is kept, the entries of jobs that have left pile up at the head of the index.)
create function jobs.promote(i_limit integer default 1000, i_since timestamptz default '-infinity') returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  return jobs._promote('%', i_limit, i_since);
end $$;

-- What any worker calls for all workers about once a second: sweeps, promotes due jobs, and returns in how
-- many seconds the next scheduled job is due (null: none is scheduled). For a restricted caller it considers
-- only the caller's own jobs among the next thousand. 0 means that there is more to do than i_limit of a
-- kind: call it again at once.
create function jobs.maintain(i_limit integer default 1000) returns double precision
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_limit integer := greatest(1, least(i_limit, 10000));
  v_limits jobs.limits := jobs._limits(false);
  v_is_full boolean := greatest(jobs._sweep_expired(v_limit, v_limits), jobs._sweep_workers(v_limit, v_limits), jobs.promote(v_limit)) >= v_limit;
  v_next timestamptz;
begin
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

-- How many live workers have a task in common with this one, itself among them, and how many of them have no
-- job in flight: a worker shares the polling with that many. Counts up to 1000; reads only.
create function jobs.count_workers(i_worker uuid) returns table (alive integer, idle integer)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_tasks text[] := (select w.tasks from jobs.worker w where w.id = i_worker);
begin
  return query
  select count(*)::integer, count(*) filter (where not exists (select from jobs.batch b where b.worker = w.id))::integer
  from (select w.id from jobs.worker w
        where w.lost_at is null
          -- Workers of one program have the same tasks, so their first ten are enough. Others are compared by
          -- sorting: && costs the product.
          and (v_tasks && w.tasks[:10] or cardinality(w.tasks) > 10 and exists (select unnest(v_tasks) intersect select unnest(w.tasks)))
        limit 1000) w;
end $$;
