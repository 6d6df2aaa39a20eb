-- Claims of workers.
--
-- A claim is: _begin_claim (may this worker claim now), _plan_claim (which rows of which key ranges, read
-- without locks), _lock_rows (locks them), _move_rows (from jobs.pending into jobs.batch), and _plan_rest for
-- a second round of locking and moving when the plan did not fill the claim. An idle worker needs no plan for
-- the few jobs that it finds: _lock_few and _move_rows. These functions inherit the pinned plans of jobs.claim.

-- Claims up to i_num jobs of i_tasks: moves them from jobs.pending into batches under i_lease, and returns
-- the batches. Never waits for a lock on jobs. Until its commit it locks the jobs that it returns, the jobs
-- of rows that it unpacks, and, with a worker, a few rows that turned out not to fit.
--
-- Jobs are returned as they were while pending: this run is attempt + 1. The nth job of a batch, from 0, has
-- the batch_index part * 64 + n; within a batch jobs are ordered by priority, then by ready_seq.
--
-- i_lease is a random key that the caller makes: if the answer is lost, a worker can still release the jobs
-- by that key (jobs.release). Lease and batch_index identify a run when it is settled. The lease of a job
-- outlasts its timeout by i_margin seconds, so that a worker, which counts from the same start, ends the run
-- first.
--
-- i_worker is a registered worker, whose leases end when it dies; PT410 when it was declared dead. A claim
-- that has taken jobs locks the worker's row at its end, so that no sweep can declare it dead before the
-- claim commits. Without a worker each lease ends by itself.
--
-- A worker gets about 8 MB of bodies at most, and at least one job. PostgreSQL commits only once the answer
-- is being sent, and a client that is frozen must not keep locks meanwhile. So where an answer might not fit
-- into the buffers of a connection, a worker gets its batches without `jobs`, and asks for those by
-- jobs.fetch.
--
-- i_ahead: how many of i_num are prefetched, for which the worker has no slot yet. `started` has the bits of
-- the others, which count as begun: if the worker dies, their runs count as attempts. Prefetched ones do not,
-- until the worker reports that they began (jobs.start, jobs.beat).
--
-- i_sleep_seconds: how long the caller will sleep if it gets nothing (0: it has said so lately); null when it
-- expects to be kept busy. Recorded before the queue is read, so that a job committed after the read wakes the
-- caller.
--
-- Each job of a task in i_own_batch gets an own batch: ending it inside a transaction locks its batch until
-- the commit, and no other job should wait for that. So do large jobs, since no row can have more than 1 GiB.
--
-- A packed row is claimed as a whole. Where it must not be, because a row at the head of a queue has more
-- jobs than were asked for or belongs to a task in i_own_batch, it is unpacked first.
--
-- Watermarks are explained at the top of 20_key_ranges.sql; `unseen` is the oldest transaction that had not ended
-- when the claim read the queue, and `next` is the claim's own xid.
create or replace function jobs.claim(
  i_worker uuid, i_tasks text[], i_num integer, i_lease uuid, i_margin double precision default 0, i_sleep_seconds double precision default null,
  i_own_batch text[] default null, i_watermark_tasks text[] default null, i_watermark_priorities integer[] default null, i_watermarks bigint[] default null,
  i_ahead integer default 0
) returns table (part integer, run_at timestamptz, unseen bigint, next bigint, started bigint, jobs jobs.open_job[])
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_now timestamptz;
  v_most integer := least(i_num, 5000);
  v_jobs_per_mib bigint := case when i_worker is null then 0 else 1 + v_most / 8 end;   -- about 8 MiB in all
  v_own_batch text[] := coalesce(i_own_batch, '{}');
  v_rows jobs.locked_rows;
  v_watched boolean;
  v_limits jobs.task_limit[];
begin
  -- One test for the rare cases, because PL/pgSQL sets up each expression anew.
  if (i_num >= 1 and i_lease is not null and i_margin between 0 and 3600 and i_ahead >= 0 and pg_sequence_last_value('jobs.restrictions_made') is null
      and not jobs._are_watched()) is not true then
    if (i_num >= 1 and i_lease is not null and i_margin between 0 and 3600 and i_ahead >= 0) is not true then
      raise sqlstate 'PT400' using message = 'a claim needs a number of at least 1, a lease, and a margin of 0 to 3600 seconds';
    end if;
    i_tasks := jobs._unpaused(i_tasks);
    v_watched := jobs._are_watched();
    if pg_sequence_last_value('jobs.limits_made') is not null then
      v_limits := jobs._limits_of(i_tasks);
    end if;
  end if;
  if array_ndims(i_own_batch) > 1 or array_position(i_own_batch, null) is not null then
    raise sqlstate 'PT400' using message = 'i_own_batch is a list of task names, without null';
  end if;
  v_now := jobs._begin_claim(i_worker, i_tasks, v_most, i_sleep_seconds);
  if v_limits is not null and jobs._shares_caps(v_limits) then
    return query select c.part, c.run_at, c.unseen, c.next, c.started, c.jobs
      from jobs._claim_capped(i_worker, i_tasks, v_limits, i_num, i_lease, v_now, i_margin, v_own_batch, i_watermark_tasks, i_watermark_priorities, i_watermarks, i_ahead, v_jobs_per_mib) c;
    v_rows.is_too_large := false;   -- nothing more to claim
  elsif v_limits is not null then
    return query select c.part, c.run_at, c.unseen, c.next, c.started, c.jobs
      from jobs._claim_limited(i_worker, i_tasks, v_limits, i_num, i_lease, v_now, i_margin, v_own_batch, i_watermark_tasks, i_watermark_priorities, i_watermarks, i_ahead, v_jobs_per_mib) c;
    v_rows.is_too_large := false;   -- nothing more to claim
  elsif i_sleep_seconds is not null and cardinality(i_watermarks) = 0 then   -- an idle worker, and no dead rows to pass over
    v_rows := jobs._lock_few(i_tasks, least(v_most, 64), v_own_batch, v_jobs_per_mib);
  end if;
  if v_rows.is_too_large is false then
    if v_rows.rows is not null then
      return query select m.part, m.run_at, v_rows.unseen, m.xid, m.started, m.jobs
        from jobs._move_rows(v_rows, i_worker, i_lease, v_now, i_margin, v_own_batch, i_num - i_ahead, 0, 0) m;
    end if;
  else
    return query select c.part, c.run_at, c.unseen, c.next, c.started, c.jobs
      from jobs._claim_in_order(i_worker, i_tasks, i_num, i_lease, v_now, i_margin, v_own_batch, i_watermark_tasks, i_watermark_priorities, i_watermarks, i_ahead, v_jobs_per_mib) c;
  end if;
  if found and (i_worker is not null or v_watched) then
    -- No sweep can declare the worker dead before this commits, and a lease that was released claims nothing.
    perform 1 from jobs.worker w where w.id = i_worker and w.lost_at is null and i_lease <> all (w.void_leases) for key share;
    if not found or v_watched then
      if not found and i_worker is not null then
        perform jobs._refuse_dead();
      end if;
      perform jobs._note_picked(i_lease);
    end if;
  end if;
end $$;

-- Claims up to i_num jobs by priority, then by ready_seq, from any number of jobs that are ready.
create or replace function jobs._claim_in_order(
  i_worker uuid, i_tasks text[], i_num integer, i_lease uuid, i_now timestamptz, i_margin double precision, i_own_batch text[],
  i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_ahead integer, i_jobs_per_mib bigint,
  i_shared_part integer default 0, i_own_part integer default 0
) returns table (part integer, run_at timestamptz, unseen bigint, next bigint, started bigint, jobs jobs.open_job[], size integer)
language plpgsql as $$
declare
  v_most integer := least(i_num, 5000);
  v_may_unpack boolean := v_most < 64 or i_own_batch <> '{}';   -- rows that are too large; others are left to other claims
  v_plan jobs.claim_plan := jobs._plan_claim(i_tasks, i_watermark_tasks, i_watermark_priorities, i_watermarks, v_most, i_own_batch, i_jobs_per_mib);
  v_rows jobs.locked_rows;
  v_got integer := 0;
  v_shared_part integer := i_shared_part;   -- part of the next shared batch
  v_own_part integer := i_own_part;         -- part of the last own batch
  v_is_left boolean;            -- there may be more that fits: in unread rows, or once a row is unpacked
begin
  -- The first round locks what the plan names: another claim may have locked it, some task may have more than
  -- its share, or rows may weigh less than the first. The second takes what is missing wherever it is.
  for v_round in 1..2 loop
    if v_round = 2 then
      v_plan := jobs._plan_rest(i_tasks, i_watermark_tasks, i_watermark_priorities, i_watermarks, v_most - v_got, i_own_batch, i_jobs_per_mib,
                                v_got > 0 and v_most >= 64, v_got > 0 and v_is_left and v_may_unpack);
    end if;
    exit when v_plan.ranges is null;
    v_rows := jobs._lock_rows(v_plan, v_most - v_got, v_got = 0, v_most, i_own_batch, i_jobs_per_mib);
    continue when v_rows.rows is null;
    for part, run_at, unseen, next, started, jobs, size in
      select m.part, m.run_at, v_rows.unseen, m.xid, m.started, m.jobs, m.size
      from jobs._move_rows(v_rows, i_worker, i_lease, i_now, i_margin, i_own_batch, i_num - i_ahead - v_got, v_shared_part, v_own_part) m
    loop
      v_got := v_got + size;
      v_shared_part := greatest(v_shared_part, part + 1);
      v_own_part := least(v_own_part, part);
      return next;
    end loop;
    -- Where nothing was counted: as many rows as planned, and they are small.
    v_is_left := v_plan.jobs = 0 and v_rows.bytes < 1048576 and cardinality(v_rows.rows) >= v_plan.rows[1] or v_may_unpack and v_rows.is_too_large;
    exit when v_got >= v_most or v_got > 0 and v_got >= v_plan.jobs and not v_plan.is_cut
      and (not v_is_left or v_most >= 64 and v_most - v_got < v_plan.weight);
  end loop;
  -- All that fitted was locked by other claims: unpack what is left.
  if v_got = 0 and v_may_unpack and v_plan.ranges is not null and jobs._unpack_heads(v_plan.ranges, v_most, i_own_batch, 10000) then
    return query select c.*
      from jobs._claim_in_order(i_worker, i_tasks, i_num, i_lease, i_now, i_margin, i_own_batch, i_watermark_tasks, i_watermark_priorities, i_watermarks, i_ahead, i_jobs_per_mib,
                                i_shared_part, i_own_part) c;
  end if;
end $$;

-- Before the queue is read: refuses a worker that is not alive, records how long it will sleep, and promotes
-- what became due in the last ten seconds. Returns the time of the claim.
create or replace function jobs._begin_claim(i_worker uuid, i_tasks text[], i_num integer, i_sleep_seconds double precision) returns timestamptz
language plpgsql as $$
declare
  v_now timestamptz := jobs.now();
  v_is_alive boolean;
  v_is_due boolean;
begin
  -- Here current_user is the owner, who is never restricted.
  if session_user <> current_user or current_setting('role') <> 'none' then
    perform jobs._check_topics(false, i_tasks);
  end if;
  if i_worker is null then
    perform jobs._note_plain_client();
    return v_now;
  end if;
  select exists (select 1 from jobs.worker w where w.id = i_worker and w.lost_at is null and jobs._acts_as(w.role, w.login)),
    exists (select 1 from jobs.pending q where q.ready_seq is null and q.scheduled_at <= v_now and q.scheduled_at > v_now - interval '10 s')
  into v_is_alive, v_is_due;
  if not v_is_alive then
    perform jobs._refuse_dead();
  end if;
  if i_sleep_seconds > 0 then
    perform jobs._sleep_for(i_sleep_seconds);
  end if;
  if v_is_due then
    perform jobs.promote(greatest(1000, 2 * i_num), v_now - interval '10 s');
  end if;
  return v_now;
end $$;

-- Plans the first round: the key ranges in the order of their first rows, and how many rows to take of each
-- so that i_num jobs are taken. First unpacks first rows that have more than i_num jobs or belong to a task
-- in i_own_batch. Locks nothing else. Ranges are null when no job is ready.
create or replace function jobs._plan_claim(
  i_tasks text[], i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_num integer, i_own_batch text[], i_jobs_per_mib bigint
) returns jobs.claim_plan
language plpgsql as $$
declare
  v_plan jobs.claim_plan := jobs._heads(i_tasks, i_watermark_tasks, i_watermark_priorities, i_watermarks, i_num, i_num, i_own_batch, i_jobs_per_mib);
begin
  if v_plan.ranges is null then
    return v_plan;
  elsif v_plan.large is not null then
    perform jobs._unpack_heads(v_plan.large, i_num, i_own_batch);
    v_plan.weight := 1;
  end if;
  if i_own_batch <> '{}' or cardinality(v_plan.ranges) > 1 then
    -- No range at all when a packed row comes first that others have locked: the second round takes what is
    -- behind it.
    select coalesce(array_agg(q.key_range), '{}'), array_agg(q.rows), coalesce(sum(q.jobs), 0), coalesce(bool_or(q.cut), false)
    into v_plan.ranges, v_plan.rows, v_plan.jobs, v_plan.is_cut from jobs._quotas(v_plan.ranges, i_num, i_own_batch) q;
  else
    -- As many rows as fit if all weigh as much as the first: long runs of rows are alike.
    v_plan.rows := array[greatest(1, i_num / v_plan.weight)];
  end if;
  return v_plan;
end $$;

-- Plans the second round, for the i_num jobs that are missing: from all key ranges, as many rows of each as
-- there is room for. i_is_enough: null ranges when nothing of the only key range fits any more.
create or replace function jobs._plan_rest(
  i_tasks text[], i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_num integer, i_own_batch text[], i_jobs_per_mib bigint,
  i_is_enough boolean, i_unpack boolean
) returns jobs.claim_plan
language plpgsql as $$
declare
  v_plan jobs.claim_plan := jobs._heads(i_tasks, i_watermark_tasks, i_watermark_priorities, i_watermarks, null, i_num, null, i_jobs_per_mib);
begin
  if i_is_enough and i_own_batch = '{}' and cardinality(v_plan.ranges) = 1 and v_plan.weight > i_num then
    v_plan.ranges := null;
  elsif i_unpack then
    perform jobs._unpack_heads(v_plan.ranges, i_num, i_own_batch);
    v_plan.weight := 1;
  end if;
  v_plan.rows := case when v_plan.ranges is null then null
    when i_own_batch <> '{}' then jobs._rows_of_one(v_plan.ranges, i_num, i_own_batch)
    when cardinality(v_plan.ranges) = 1 then array[greatest(1, i_num / v_plan.weight)]
    else array_fill(i_num, array[cardinality(v_plan.ranges)]) end;
  return v_plan;
end $$;

-- Raises the error for a claim whose worker was declared dead, or whose lease was released.
create or replace function jobs._refuse_dead() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise sqlstate 'PT410' using message = 'this worker was declared dead or never registered, or it has released the lease of this claim',
    hint = 'its jobs went to others; register under a new id';
end $$;
