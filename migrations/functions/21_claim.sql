-- Claims of workers, and what they do about an answer that was lost or cannot be sent.

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
-- until the worker reports that they began (jobs.start, jobs.heartbeat_worker).
--
-- i_sleep_seconds: how long the caller will sleep if it gets nothing. Recorded before the queue is read, so
-- that a job committed after the read wakes the caller.
--
-- Each job of a task in i_own_batch gets an own batch: ending it inside a transaction locks its batch until
-- the commit, and no other job should wait for that. So do large jobs, since no row can have more than 1 GiB.
--
-- A packed row is claimed as a whole. Where it must not be, because a row at the head of a queue has more
-- jobs than were asked for or belongs to a task in i_own_batch, it is unpacked first.
--
-- Watermarks are explained at the top of this file; `unseen` is the oldest transaction that had not ended
-- when the claim read the queue, and `next` is the claim's own xid.
create or replace function jobs.claim(
  i_worker uuid, i_tasks text[], i_num integer, i_lease uuid, i_margin double precision default 0, i_sleep_seconds double precision default null,
  i_own_batch text[] default null, i_watermark_tasks text[] default null, i_watermark_priorities integer[] default null, i_watermarks bigint[] default null,
  i_ahead integer default 0
) returns table (part integer, run_at timestamptz, unseen bigint, next bigint, started bigint, jobs jobs.open_job[])
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_now timestamptz := jobs.now();
  v_margin interval := make_interval(secs => i_margin);
  v_ranges jobs.key_range[];
  v_most integer := least(i_num, 5000);
  v_jobs_per_mib bigint := case when i_worker is null then 0 else 1 + v_most / 8 end;   -- about 8 MiB in all
  v_own_batch_tasks text[] := array(select t from unnest(i_own_batch) t where t is not null);
  v_rows integer[];          -- the most rows to take of each key range
  v_expected integer := 0;   -- jobs that the read without locks counted on
  v_cut boolean := false;    -- there may be more than these
  v_got integer := 0;
  v_part integer := 0;       -- part of the next shared batch
  v_alone integer := 0;      -- part of the last own batch
  v_size integer;
  v_first integer;           -- weight of the first row
  v_large jobs.key_range[];    -- those whose first row has to be unpacked
  v_left boolean;            -- there may be more that fits: in unread rows, or once a row is unpacked
begin
  if (i_num >= 1 and i_lease is not null and i_margin between 0 and 3600 and i_ahead >= 0) is not true then
    raise sqlstate 'PT400' using message = 'a claim needs a number of at least 1, a lease, and a margin of 0 to 3600 seconds';
  end if;
  perform jobs._check_topics(false, i_tasks);
  if i_worker is not null then
    if not exists (select 1 from jobs.worker w where w.id = i_worker and w.lost_at is null and jobs._acts_as(w.role, w.login)) then
      perform jobs._refuse_dead();
    end if;
    if i_sleep_seconds > 0 then
      perform jobs._sleep_for(i_sleep_seconds);
    end if;
    if exists (select 1 from jobs.pending q
               where q.ready_seq is null and q.scheduled_at <= v_now and q.scheduled_at > v_now - interval '10 s') then
      perform jobs.promote(greatest(1000, 2 * v_most), v_now - interval '10 s');
    end if;
  end if;
  select array_agg(h.key_range), (array_agg(greatest(h.size, h.bytes * v_jobs_per_mib >> 20)))[1],
    array_agg(h.key_range) filter (where h.size > 1 and (h.size > v_most or (h.key_range).task = any (i_own_batch)))
  into v_ranges, v_first, v_large
  from jobs._heads(i_tasks, i_watermark_tasks, i_watermark_priorities, i_watermarks, v_most) h;
  if v_ranges is null then
    return;
  elsif v_large is not null then
    perform jobs._unpack_heads(v_large, v_most, i_own_batch);
    v_first := 1;
  end if;
  if i_own_batch is not null or cardinality(v_ranges) > 1 then
    select array_agg(q.key_range), array_agg(q.rows), coalesce(sum(q.jobs), 0), coalesce(bool_or(q.cut), false)
    into v_ranges, v_rows, v_expected, v_cut from jobs._quotas(v_ranges, v_most, i_own_batch) q;
  else
    -- As many rows as fit if all weigh as much as the first: long runs of rows are alike.
    v_rows := array[greatest(1, v_most / v_first)];
  end if;

  for v_round in 1..2 loop
    -- The first round read without locks: another claim may have locked what it counted on, some task may
    -- have more than its share, or rows may weigh less than the first. The second round takes what is missing
    -- wherever it is.
    if v_round = 2 then
      select array_agg(h.key_range), (array_agg(greatest(h.size, h.bytes * v_jobs_per_mib >> 20)))[1] into v_ranges, v_first
      from jobs._heads(i_tasks, i_watermark_tasks, i_watermark_priorities, i_watermarks) h;
      exit when v_ranges is null or v_got > 0 and v_most >= 64 and v_own_batch_tasks = '{}' and cardinality(v_ranges) = 1 and v_first > v_most - v_got;
      if v_got > 0 and v_left and (v_own_batch_tasks <> '{}' or v_most < 64) then
        perform jobs._unpack_heads(v_ranges, v_most - v_got, i_own_batch);
        v_first := 1;
      end if;
      v_rows := case when v_own_batch_tasks <> '{}' then jobs._rows_of_one(v_ranges, v_most - v_got, v_own_batch_tasks)
        when cardinality(v_ranges) = 1 then array[greatest(1, (v_most - v_got) / v_first)]
        else array_fill(v_most - v_got, array[cardinality(v_ranges)]) end;
    end if;
    for part, run_at, unseen, next, started, jobs, v_size, v_left in
    with picked as materialized (
      -- The weight of a row is the number of its jobs, or its bytes when they are the greater share of what a
      -- claim may return. A row that has to be unpacked first is too large: no job behind it is taken before
      -- those in it.
      select r.at, r.size, r.reach <= v_most - v_got or v_got = 0 and r.reach = r.weight and r.size <= v_most as fits
      from (select g.at, g.size, g.weight, sum(g.weight) over (rows unbounded preceding) as reach
            from (select l.at, l.size, greatest(l.size, (l.bytes * v_jobs_per_mib >> 20)::integer) as weight
                  from unnest(v_ranges, v_rows) s(task, from_rank, from_seq, to_rank, rows),
                    lateral (select q.ctid as at, q.bytes,
                               case when q.size > 1 and s.task = any (v_own_batch_tasks) then v_most + 1 else q.size end as size from jobs.pending q
                             where q.task = s.task and q.ready_seq is not null
                               and (jobs._rank(q.priority, q.ready_seq), q.ready_seq) >= (s.from_rank, s.from_seq)
                               and jobs._rank(q.priority, q.ready_seq) <= s.to_rank
                             order by jobs._rank(q.priority, q.ready_seq), q.ready_seq limit s.rows for update skip locked) l
                  limit v_most - v_got) g) r
    ), taken as (
      delete from jobs.pending q where q.ctid = any (array(select p.at from picked p where p.fits))
      returning q.size, q.bytes, q.timeout, q.job_id, q.last_job, q.jobs, jobs._rank(q.priority, q.ready_seq) as rank, q.ready_seq,
        case when q.size = 1 then row(q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout, q.created_at,
                                      q.scheduled_at, q.ready_seq, q.attempt, q.traceback)::jobs.open_job end as job,
        q.task = any (v_own_batch_tasks) or q.bytes > 65536 as alone, q.returned < 0 and q.retries < q.max_retries - 1 as again
    ), totals as materialized (
      select count(*) as of_all, count(*) filter (where t.size > 1) as rows, sum(t.bytes + 300 * t.size) as bytes
      from taken t
    ), lined as materialized (
      -- Only if there are packed rows: where the last job of each row is, in the order of the queue.
      select t.job_id, t.size, sum(t.size) over (order by t.rank, t.ready_seq rows unbounded preceding) as at
      from taken t where (select o.rows from totals o) > 0
    ), placed as (
      -- Rows of one job, in order; nth counts from zero for jobs that share batches, below zero for own
      -- batches.
      select t.job, t.timeout, t.job_id, t.again, row_number() over w as at,
        case when t.alone then -row_number() over w else count(*) filter (where not t.alone) over w - 1 end as nth
      from taken t where t.size = 1
      window w as (order by t.rank, t.ready_seq rows unbounded preceding)
    ), batches as (
      -- The first jobs begin at once: all that are not prefetched. A job that was requeued because its worker
      -- died, without counting as an attempt, counts as begun wherever it is in the order, so that a job
      -- which kills its worker ends at some time. (For a job on its last run, the worker reports that it
      -- begins before it begins.)
      select v_part + row_number() over (order by l.at) - 1 as part, t.size, t.timeout, t.job_id as first_job, t.last_job, t.jobs,
        jobs._lowest_bits(least(i_num - i_ahead - v_got - l.at + t.size, t.size)) as started
      from taken t join lined l on l.job_id = t.job_id and l.size > 1 where t.size > 1
      union all
      select case when g.nth < 0 then v_alone + g.nth else v_part + (select t.rows from totals t) + g.nth end,
        g.size, g.timeout, g.first_job, g.last_job, g.jobs, jobs._lowest_bits(g.begun) | g.again
      from (select case when p.nth < 0 then p.nth else p.nth >> 6 end as nth, count(*) as size, min(p.timeout) as timeout,
              min(p.job_id) as first_job, max(p.job_id) as last_job, array_agg(p.job) as jobs,
              count(*) filter (where p.at <= (select case when o.rows = 0 then i_num - i_ahead - v_got
                                                           else (select count(*) from lined l where l.size = 1 and l.at <= i_num - i_ahead - v_got) end
                                              from totals o)) as begun,
              coalesce(bit_or(1::bigint << (greatest(p.nth, 0) & 63)::integer) filter (where p.again), 0) as again
            from (select o.job, o.timeout, o.job_id, o.again, o.at, o.nth from placed o order by o.nth) p   -- the order in which array_agg gets them
            group by 1) g
    )
    insert into jobs.batch as b (lease, part, worker, run_at, counted_from, margin, expires_at, open, started, first_job, last_job, jobs)
    select i_lease, g.part, i_worker, v_now, v_now, v_margin, v_now + make_interval(secs => g.timeout::double precision) + v_margin,
      jobs._lowest_bits(g.size), g.started, g.first_job, g.last_job, g.jobs
    from batches g
    returning b.part, b.run_at, (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint), (select pg_current_xact_id_if_assigned()::text::bigint),
      b.started, case when i_worker is null or (select t.bytes from totals t) <= 65536 then b.jobs end, bit_count(b.open::bit(64)),
      (select t.bytes < 1048576 and v_expected = 0 and t.of_all >= v_rows[1] from totals t)
        or (v_own_batch_tasks <> '{}' or v_most < 64) and exists (select from picked p where not p.fits and p.size > 1)
    loop
      v_got := v_got + v_size;
      v_part := greatest(v_part, part + 1);
      v_alone := least(v_alone, part);
      return next;
    end loop;
    exit when v_got >= v_most or v_got > 0 and v_got >= v_expected and not v_cut
      and (not v_left or v_most >= 64 and v_most - v_got < v_first);
  end loop;
  if v_got > 0 then
    if i_worker is not null then
      perform 1 from jobs.worker w where w.id = i_worker and w.lost_at is null and i_lease <> all (w.void_leases) for key share;
      if not found then
        perform jobs._refuse_dead();
      end if;
    end if;
  -- All that fitted was locked by other claims: unpack what is left.
  elsif (v_own_batch_tasks <> '{}' or v_most < 64) and jobs._unpack_heads(v_ranges, v_most, i_own_batch, 10000) then
    return query select c.part, c.run_at, c.unseen, c.next, c.started, c.jobs
      from jobs.claim(i_worker, i_tasks, i_num, i_lease, i_margin, null, i_own_batch, i_watermark_tasks, i_watermark_priorities, i_watermarks, i_ahead) c;
  end if;
end $$;

-- Raises the error for a claim whose worker was declared dead, or which was released.
create or replace function jobs._refuse_dead() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise sqlstate 'PT410' using message = 'this worker was declared dead or never registered',
    hint = 'its jobs went to others; register under a new id';
end $$;

-- The jobs of a claim, for its worker: of all its batches, or of one. Changes and locks nothing; may be
-- repeated.
create or replace function jobs.fetch(i_worker uuid, i_lease uuid, i_part integer default null) returns table (part integer, jobs jobs.open_job[])
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
begin
  return query
  select b.part, b.jobs from jobs.batch b
  where b.lease = i_lease and b.worker = i_worker and (i_part is null or b.part = i_part)
    and exists (select from jobs.worker w where w.id = i_worker and jobs._acts_as(w.role, w.login));
end $$;

-- Ends as failed, with this reason, the next job that a claim for one job would take, if it cannot be sent:
-- no claim could ever bring it to a worker. Returns its id; null when the next job can be sent, or there is
-- none.
create or replace function jobs.fail_next(i_worker uuid, i_tasks text[], i_lease uuid, i_reason text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_job text;
  v_batch_index integer;
  v_bytes bigint;
begin
  if i_worker is null then
    raise sqlstate 'PT400' using message = 'fail_next needs the worker that would claim the job';
  end if;
  perform jobs.claim(i_worker, i_tasks, 1, i_lease);
  select r.job_id, r.batch_index, jobs._text_size(r.body) into v_job, v_batch_index, v_bytes from jobs._runs r where r.lease = i_lease and r.worker = i_worker;
  if v_job is null then
    return null;
  elsif v_bytes < 268435456 then
    perform jobs._settle_alike(array[i_lease], array[v_batch_index], 'release', null, null);
    return null;
  end if;
  perform jobs._settle_alike(array[i_lease], array[v_batch_index], 'fail', i_reason, null);
  return v_job;
end $$;

-- Releases every job that a claim under this lease took: for a worker that never got the answer, because the
-- connection broke after the commit. Returns how many.
create or replace function jobs.release(i_worker uuid, i_lease uuid) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_batch_indexes integer[];
  v_void uuid[];
begin
  if i_lease is null then
    raise sqlstate 'PT400' using message = 'release needs the lease of the claim';
  end if;
  -- The claim itself may still be running. Once it is at its end it has locked the worker's row, and this
  -- waits for it; if it gets there later, it finds its lease in void_leases, of which the last hundred are
  -- kept.
  select w.void_leases into v_void from jobs.worker w where w.id = i_worker and jobs._acts_as(w.role, w.login) for update;
  if not found then
    return 0;   -- declared dead: sweeps requeue its jobs
  end if;
  update jobs.worker w set void_leases = v_void[greatest(1, cardinality(v_void) - 98):] || i_lease where w.id = i_worker;
  perform 1 from jobs.batch b where b.lease = i_lease and b.worker = i_worker for update;
  v_batch_indexes := array(select r.batch_index from jobs._runs r where r.lease = i_lease and r.worker = i_worker);
  perform jobs._settle_alike(array_fill(i_lease, array[cardinality(v_batch_indexes)]), v_batch_indexes, 'release', null, null);
  return cardinality(v_batch_indexes);
end $$;
