-- Leases: who runs which jobs, until when, and how expired jobs are requeued.
--
-- A plain client's lease belongs to one job and ends after the job's timeout. A worker has thousands of jobs
-- in flight, so its lease is one row in jobs.worker, kept alive by one small update every few seconds; the
-- leases of its jobs last as long as the worker lives, and at the longest for their timeout and a margin. Of
-- either kind, jobs.sweep finds what has expired.

-- Registers a worker, which counts as its first heartbeat. i_commands: the kinds of commands that it knows
-- (jobs.control); null: none, and each command to it is refused at once.
create or replace function jobs.register_worker(
  i_worker uuid, i_host text, i_pid integer, i_version text, i_topics text[], i_tasks text[], i_slots integer,
  i_lease_seconds double precision, i_commands text[] default null
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
  if cardinality(i_commands) > 100 or exists (select from unnest(i_commands) k where (length(k) between 1 and 100) is not true) then
    raise sqlstate 'PT400' using message = 'a worker knows at most 100 kinds of commands, each with a name of 1 to 100 characters';
  end if;
  insert into jobs.worker (id, role, login, host, pid, version, topics, tasks, slots, commands, started_at, heartbeat_at, lease_seconds, expires_at)
  values (i_worker, jobs._role_oid(jobs._caller()), jobs._role_oid(session_user), i_host, i_pid, i_version, i_topics, i_tasks, i_slots, coalesce(i_commands, '{}'),
          v_now, v_now, i_lease_seconds, v_now + make_interval(secs => i_lease_seconds));
end $$;

-- Records in their batches that these runs of a worker have begun, ignoring runs that are not the worker's.
-- With i_skip it skips batches that are locked; otherwise it waits for them.
create or replace function jobs._note_started(i_worker uuid, i_leases uuid[], i_batch_indexes integer[], i_skip boolean) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_batch record;
  v_at tid;
begin
  for v_batch in
    select g.lease, jobs._part(g.batch_index) as part, bit_or(jobs._bit(g.batch_index)) as bits
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
create or replace function jobs.start(i_worker uuid, i_leases uuid[], i_batch_indexes integer[]) returns setof integer
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
    where b.lease = g.lease and b.part = jobs._part(g.batch_index) and b.worker = i_worker and b.open & b.started & jobs._bit(g.batch_index) <> 0);
end $$;

-- The runs that this database thinks a worker has in flight, for that worker: after a failover a server may
-- have runs whose outcomes it never received.
create or replace function jobs.held_by(i_worker uuid) returns table (job_id varchar, lease uuid, batch_index integer)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query select r.job_id, r.lease, r.batch_index from jobs._runs r
    where r.worker = i_worker and exists (select from jobs.worker w where w.id = i_worker and jobs._acts_as(w.role, w.login));
end $$;

-- Unregisters a worker; call it after its jobs are settled or released.
create or replace function jobs.unregister_worker(i_worker uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  -- Jobs that it failed to release become available to others at once.
  update jobs.worker w set lost_at = jobs.now() where w.id = i_worker and jobs._acts_as(w.role, w.login);
  if found and pg_sequence_last_value('jobs.commands_made') > 0 then
    perform jobs._expire_commands(i_worker, 'the worker has left');
  end if;
  perform jobs.sweep(1000);
end $$;

-- How many live workers have a task in common with this one, itself among them, and how many of them have no
-- job in flight: a worker shares the polling with that many. Counts up to 1000; reads only.
create or replace function jobs.count_workers(i_worker uuid) returns table (alive integer, idle integer)
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
