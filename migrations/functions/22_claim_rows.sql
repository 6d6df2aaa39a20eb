-- The rows of a claim: locks them in jobs.pending and moves them into jobs.batch. These functions inherit the
-- pinned plans of jobs.claim.

-- Locks rows of the plan, skipping those that others have locked, and returns those that fit into i_num jobs;
-- at least one row of at most i_largest jobs if it is the first of the claim. A row that has to be unpacked
-- first is too large: no job behind it is taken before those in it.
create or replace function jobs._lock_rows(
  i_plan jobs.claim_plan, i_num integer, i_is_first boolean, i_largest integer, i_own_batch text[], i_jobs_per_mib bigint
) returns jobs.locked_rows
language plpgsql as $$
declare
  v_rows jobs.locked_rows;
  v_range jobs.key_range := i_plan.ranges[1];
  v_weight bigint;
begin
  -- The rows of a lone key range usually all fit, and then need no running sum.
  if cardinality(i_plan.ranges) = 1 then
    select array_agg(r.at), sum(r.bytes + 300 * r.size), false, count(*) filter (where r.size > 1), (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint),
      bool_or(r.on_end), sum(case when r.size > 1 and v_range.task = any (i_own_batch) then i_largest + 1 else jobs._weight(r.size, r.bytes, i_jobs_per_mib) end)
    into v_rows.rows, v_rows.bytes, v_rows.is_too_large, v_rows.packed, v_rows.unseen, v_rows.on_end, v_weight
    from (select q.at, q.bytes, q.size, q.on_end from jobs._ready q
          where q.task = v_range.task and jobs._in_range(q.rank, q.ready_seq, v_range.from_rank, v_range.from_seq, v_range.to_rank)
          order by q.rank, q.ready_seq limit i_plan.rows[1] for update skip locked) r;
    if (v_weight > i_num) is not true then
      return v_rows;
    end if;
  end if;
  select array_agg(r.at) filter (where r.fits), sum(r.bytes + 300 * r.size) filter (where r.fits), coalesce(bool_or(not r.fits and r.size > 1), false),
    count(*) filter (where r.fits and r.size > 1), (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint), bool_or(r.on_end)
  into v_rows.rows, v_rows.bytes, v_rows.is_too_large, v_rows.packed, v_rows.unseen, v_rows.on_end
  from (
    select g.at, g.size, g.bytes, g.on_end, g.reach <= i_num or i_is_first and g.reach = g.weight and g.size <= i_largest as fits
    from (select l.at, l.size, l.bytes, l.on_end, l.weight, sum(l.weight) over (rows unbounded preceding) as reach
          from (select w.at, w.size, w.bytes, w.on_end, jobs._weight(w.size, w.bytes, i_jobs_per_mib) as weight
                from unnest(i_plan.ranges, i_plan.rows) s(task, from_rank, from_seq, to_rank, rows),
                  lateral (select q.at, q.bytes, q.on_end, case when q.size > 1 and s.task = any (i_own_batch) then i_largest + 1 else q.size end as size
                           from jobs._ready q
                           where q.task = s.task and jobs._in_range(q.rank, q.ready_seq, s.from_rank, s.from_seq, s.to_rank)
                           order by q.rank, q.ready_seq limit s.rows for update skip locked) w
                limit i_num) l) g) r;
  return v_rows;
end $$;

-- Locks all ready rows of these tasks, for an idle worker: usually the one job whose notification woke it.
-- is_too_large: there is more than i_num jobs, so that their order matters, or something has to be unpacked;
-- then it locks nothing, because another worker that was woken takes what this one leaves.
create or replace function jobs._lock_few(i_tasks text[], i_num integer, i_own_batch text[], i_jobs_per_mib bigint) returns jobs.locked_rows
language plpgsql as $$
declare
  v_rows jobs.locked_rows;
begin
  with few as materialized (
    select r.at, case when r.size > 1 and t.task = any (i_own_batch) then i_num + 1 else jobs._weight(r.size, r.bytes, i_jobs_per_mib) end as weight
    from unnest(i_tasks) t(task),
      lateral (select q.at, q.bytes, q.size from jobs._ready q where q.task = t.task order by q.rank, q.ready_seq limit i_num + 1) r
    limit i_num + 1
  )
  select array_agg(l.at), sum(l.bytes + 300 * l.size), coalesce((select sum(f.weight) from few f) > i_num, false), count(*) filter (where l.size > 1),
    (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint), bool_or(l.on_end)
  into v_rows.rows, v_rows.bytes, v_rows.is_too_large, v_rows.packed, v_rows.unseen, v_rows.on_end
  from (select q.ctid as at, q.bytes, q.size, q.on_end is distinct from null as on_end from jobs.pending q
        where q.ctid = any (array(select f.at from few f)) and (select sum(f.weight) from few f) <= i_num for update skip locked) l;
  return v_rows;
end $$;

-- Moves locked rows into batches, as jobs._move_many describes. One row of one job, which is what an idle
-- worker finds, has a statement of its own, whose set-up costs a third. What jobs give up when they start,
-- they give up here.
create or replace function jobs._move_rows(
  i_rows jobs.locked_rows, i_worker uuid, i_lease uuid, i_now timestamptz, i_margin double precision, i_own_batch text[], i_begin integer, i_shared_part integer,
  i_own_part integer
) returns table (part integer, run_at timestamptz, xid bigint, started bigint, jobs jobs.open_job[], size integer)
language plpgsql as $$
begin
  if i_rows.packed > 0 or cardinality(i_rows.rows) > 1 then
    return query select m.* from jobs._move_many(i_rows, i_worker, i_lease, i_now, i_margin, i_own_batch, i_begin, i_shared_part, i_own_part) m;
    if i_rows.on_end then
      perform jobs._after_start(i_lease);
    end if;
    return;
  end if;
  return query
  with taken as (
    delete from jobs.pending q where q.ctid = any (i_rows.rows)
    returning q.timeout, q.job_id, jobs._open_job(q) as job,
      q.task = any (i_own_batch) or q.bytes > 65536 as is_own, i_begin > 0 or q.returned < 0 and q.retries < q.max_retries - 1 as has_begun
  )
  insert into jobs.batch as b (lease, part, worker, on_end, run_at, counted_from, margin, expires_at, open, started, first_job, last_job, jobs)
  select i_lease, case when t.is_own then i_own_part - 1 else i_shared_part end, i_worker, i_rows.on_end, i_now, i_now, make_interval(secs => i_margin),
    i_now + make_interval(secs => t.timeout::double precision + i_margin), 1, t.has_begun::integer, t.job_id, t.job_id, array[t.job]
  from taken t
  returning b.part, b.run_at, pg_current_xact_id_if_assigned()::text::bigint, b.started,
    case when i_worker is null or i_rows.bytes <= 65536 then b.jobs end, 1;
  if i_rows.on_end then
    perform jobs._after_start(i_lease);
  end if;
end $$;

-- Moves any number of locked rows into batches, in the order of the queue: each packed row into a batch,
-- large jobs and jobs of tasks in i_own_batch into own batches, the others into shared batches of up to 64.
-- Numbers packed and shared batches from i_shared_part up, own ones from i_own_part down.
--
-- The first i_begin jobs begin at once: all that are not prefetched. A job that was requeued because its
-- worker died, without counting as an attempt, counts as begun wherever it is in the order, so that a job
-- which kills its worker ends at some time. (For a job on its last run, the worker reports that it begins
-- before it begins.)
create or replace function jobs._move_many(
  i_rows jobs.locked_rows, i_worker uuid, i_lease uuid, i_now timestamptz, i_margin double precision, i_own_batch text[], i_begin integer, i_shared_part integer,
  i_own_part integer
) returns table (part integer, run_at timestamptz, xid bigint, started bigint, jobs jobs.open_job[], size integer)
language plpgsql as $$
begin
  return query
  with taken as (
    delete from jobs.pending q where q.ctid = any (i_rows.rows)
    returning q.size, q.timeout, q.job_id, q.last_job, q.jobs, q.on_end, jobs._rank(q.priority, q.ready_seq, q.bucket) as rank,
      q.ready_seq,
      case when q.size = 1 then jobs._open_job(q) end as job,
      q.task = any (i_own_batch) or q.bytes > 65536 as is_own, q.returned < 0 and q.retries < q.max_retries - 1 as has_begun
  ), rows_in_order as materialized (
    -- Only if there are packed rows: how many jobs there are up to each row.
    select t.job_id, t.size, sum(t.size) over (order by t.rank, t.ready_seq rows unbounded preceding) as jobs_to
    from taken t where i_rows.packed > 0
  ), jobs_in_order as (
    select t.job, t.timeout, t.job_id, t.has_begun, row_number() over w as nth,
      case when t.is_own then -row_number() over w else count(*) filter (where not t.is_own) over w - 1 end as number   -- of a shared batch; below zero: own batch
    from taken t where t.size = 1
    window w as (order by t.rank, t.ready_seq rows unbounded preceding)
  ), batches as (
    select i_shared_part + row_number() over (order by r.jobs_to) - 1 as part, t.size, t.timeout, t.job_id as first_job, t.last_job, t.jobs, t.on_end is distinct from null as on_end,
      (t.on_end).node, (t.on_end).nth as node_from,
      jobs._lowest_bits(least(i_begin - r.jobs_to + t.size, t.size)) as started
    from taken t join rows_in_order r on r.job_id = t.job_id and r.size > 1 where t.size > 1
    union all
    select case when g.part < 0 then i_own_part else i_shared_part + i_rows.packed end + g.part, g.size, g.timeout, g.first_job, g.last_job, g.jobs, i_rows.on_end,   -- of shared batches all, where some job has one
      null::bigint, null::integer,
      jobs._lowest_bits(g.begin) | g.has_begun
    from (select case when j.number < 0 then j.number else j.number >> 6 end as part, count(*) as size, min(j.timeout) as timeout,
            min(j.job_id) as first_job, max(j.job_id) as last_job, array_agg(j.job) as jobs,
            count(*) filter (where j.nth <= case when i_rows.packed = 0 then i_begin
                                                 else (select count(*) from rows_in_order r where r.size = 1 and r.jobs_to <= i_begin) end) as begin,
            coalesce(bit_or(jobs._bit(greatest(j.number, 0))) filter (where j.has_begun), 0) as has_begun
          from (select o.* from jobs_in_order o order by o.number) j   -- the order in which array_agg gets them
          group by 1) g
  )
  insert into jobs.batch as b (lease, part, worker, on_end, run_at, counted_from, margin, expires_at, open, started, first_job, last_job, jobs, node, node_from)
  select i_lease, g.part, i_worker, g.on_end, i_now, i_now, make_interval(secs => i_margin), i_now + make_interval(secs => g.timeout::double precision + i_margin),
    jobs._lowest_bits(g.size), g.started, g.first_job, g.last_job, g.jobs, g.node, g.node_from
  from batches g
  returning b.part, b.run_at, (select pg_current_xact_id_if_assigned()::text::bigint), b.started,
    case when i_worker is null or i_rows.bytes <= 65536 then b.jobs end, jobs._count(b.open);
end $$;
