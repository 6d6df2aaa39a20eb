-- Claiming: pending jobs become running under a lease.
--
-- A claim must cost the same whether ten jobs wait or ten million, whatever their tasks, and however many
-- dead rows a long-open transaction keeps. So it reads only the heads of the queues of the tasks it may take,
-- in the order of the index pending_ready:
--
--   1. which of these tasks have a job ready (one index probe each),
--   2. how many rows to take of each, so that the claim as a whole is filled by priority and then by
--      ready_seq (read without locks; skipped when one key range has everything),
--   3. take that many from the head of each, skipping rows that another claim has locked.
--
-- Watermarks: where the head begins. Jobs leave the queue in order, so the index begins with the entries of
-- jobs that have left. Normally they are cleaned up at once; while some transaction keeps an old snapshot
-- they cannot be, and every claim would scan all of them. A worker therefore sends how far it has read: a
-- watermark (task, priority, ready_seq) promises that no ordinary job of that task and priority waits with a
-- smaller ready_seq. The promise is easy to keep: a job that becomes ready late gets a ready_seq at the end
-- of the queue, and a released job gets a negative one, before every watermark, where claims always read.
-- Only a job whose publisher drew its number before the watermark was set and committed after may be behind
-- it. So each claim returns the oldest xid that was still in progress for it, and its own xid. A worker sets
-- its watermark once all transactions with an xid below a later claim's own have ended
-- (pgjobs/src/worker/policy/watermarks.rs). Without watermarks a claim starts at the beginning.
--
-- The callers pin the plans (enable_*, plan_cache_mode): the statistics of a queue are always stale, and with
-- stale statistics the planner would now and then read the whole table. Plans are also made once: planning
-- these statements anew for each call costs more than a small claim. The functions here inherit these
-- settings: pinning them again for each costs a microsecond a setting.

-- Whether a row lies in the key range from (i_from_rank, i_from_seq) to the end of i_to_rank. Inlined
-- wherever it is used, so that it is a condition of the index scan.
create or replace function jobs._in_range(i_rank bigint, i_ready_seq bigint, i_from_rank bigint, i_from_seq bigint, i_to_rank bigint) returns boolean
language sql immutable parallel safe
return (i_rank, i_ready_seq) >= (i_from_rank, i_from_seq) and i_rank <= i_to_rank;

-- The key ranges that have a job ready: the first i_ranges of them (null: all) by priority and ready_seq of
-- their first rows, locked or not; the weight of the very first row; and those ranges whose first row has to
-- be unpacked for a claim of i_num jobs. Reads without locks, one index probe for each task and watermark.
--
-- Without watermarks, a key range is the whole queue of a task. A watermark cuts out the part before it,
-- among the ordinary jobs of its priority.
create or replace function jobs._heads(
  i_tasks text[], i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_ranges integer, i_num integer, i_own_batch text[],
  i_jobs_per_mib bigint
) returns jobs.claim_plan
language plpgsql stable as $$
declare
  c_first constant bigint := -9223372036854775808;
  c_last constant bigint := 9223372036854775807;
  -- Parallel arrays, because one array of key ranges would cost as much as the probes.
  v_tasks text[];
  v_from_ranks bigint[];
  v_from_seqs bigint[];
  v_to_ranks bigint[];
  v_plan jobs.claim_plan;
begin
  if cardinality(i_watermarks) > 0 is not true then
    -- The same as below for whole queues, whose probes cost less.
    select array_agg(row(h.task, c_first, c_first, c_last)::jobs.key_range), (array_agg(jobs._weight(h.size, h.bytes, i_jobs_per_mib)))[1],
      array_agg(row(h.task, c_first, c_first, c_last)::jobs.key_range) filter (where h.size > 1 and (h.size > i_num or h.task = any (i_own_batch))), 0, false
    into v_plan.ranges, v_plan.weight, v_plan.large, v_plan.jobs, v_plan.is_cut
    from (select t.task, g.size, g.bytes
          from unnest(i_tasks) t(task),
            lateral (select q.rank, q.ready_seq, q.size, q.bytes from jobs._ready q where q.task = t.task order by q.rank, q.ready_seq limit 1) g
          order by g.rank, g.ready_seq limit i_ranges) h;
    return v_plan;
  end if;
  -- By sorting, whose cost grows with tasks plus watermarks and not with their product.
  select array_agg(s.task), array_agg(s.rank), array_agg(s.seq), array_agg(coalesce(s.next_rank - 1, c_last))
  into v_tasks, v_from_ranks, v_from_seqs, v_to_ranks
  from (select f.task, f.rank, f.seq, lead(f.rank) over w as next_rank, first_value(f.rank) over w = c_first as is_asked_for
        from (select distinct t.task, c_first as rank, c_first as seq from unnest(i_tasks) t(task)
              union all
              select m.task, (~m.priority)::bigint * 2 + 1, m.mark from unnest(i_watermark_tasks, i_watermark_priorities, i_watermarks) m(task, priority, mark)) f
        window w as (partition by f.task collate "C" order by f.rank)) s
  where s.is_asked_for;
  select array_agg(h.key_range), (array_agg(jobs._weight(h.size, h.bytes, i_jobs_per_mib)))[1],
    array_agg(h.key_range) filter (where h.size > 1 and (h.size > i_num or h.task = any (i_own_batch))), 0, false
  into v_plan.ranges, v_plan.weight, v_plan.large, v_plan.jobs, v_plan.is_cut
  from (select s.task, g.size, g.bytes, row(s.task, s.from_rank, s.from_seq, s.to_rank)::jobs.key_range as key_range
        from unnest(v_tasks, v_from_ranks, v_from_seqs, v_to_ranks) s(task, from_rank, from_seq, to_rank),
          lateral (select q.rank, q.ready_seq, q.size, q.bytes from jobs._ready q
                   where q.task = s.task and jobs._in_range(q.rank, q.ready_seq, s.from_rank, s.from_seq, s.to_rank)
                   order by q.rank, q.ready_seq limit 1) g
        order by g.rank, g.ready_seq limit i_ranges) h;
  return v_plan;
end $$;

-- The weight of a row: the number of its jobs, or its bytes when they are the greater share of what a claim
-- may return.
create or replace function jobs._weight(i_size integer, i_bytes integer, i_jobs_per_mib bigint) returns integer
language sql immutable parallel safe
return greatest(i_size, (i_bytes * i_jobs_per_mib >> 20)::integer);

-- The most rows to read of each of these key ranges when i_num jobs are missing: with many key ranges,
-- reading i_num of each would cost their number x i_num, so each is read to at most four times its even
-- share.
create or replace function jobs._share(i_num integer, i_ranges integer) returns integer
language sql immutable parallel safe
return least(i_num, greatest(50, 4 * i_num / i_ranges));

-- How many rows to take of each of these key ranges, which are ordered by their first rows, so that up to
-- i_num jobs are taken by priority and then by ready_seq. `jobs` is how many jobs these are, `cut` that there
-- may be more. Of tasks in i_own_batch it counts rows of one job only, up to the first packed row. Reads
-- without locks.
create or replace function jobs._quotas(i_ranges jobs.key_range[], i_num integer, i_own_batch text[]) returns table (
  key_range jobs.key_range, rows integer, jobs integer, cut boolean
)
language plpgsql stable as $$
declare
  v_share integer := jobs._share(i_num, cardinality(i_ranges));
begin
  return query
  select i_ranges[p.nth::integer], count(*)::integer, sum(p.size)::integer, bool_or(p.at = v_share)
  from (
    select h.nth, h.at, h.size, sum(h.size) over (order by h.rank, h.ready_seq rows unbounded preceding) as reach
    from (select s.nth, g.rank, g.ready_seq, row_number() over (partition by s.nth order by g.rank, g.ready_seq) as at,
            case when g.size > 1 and s.task = any (i_own_batch) then i_num + 1 else g.size end as size
          from unnest(i_ranges) with ordinality s(task, from_rank, from_seq, to_rank, nth),
            lateral (select q.rank, q.ready_seq, q.size from jobs._ready q
                     where q.task = s.task and jobs._in_range(q.rank, q.ready_seq, s.from_rank, s.from_seq, s.to_rank)
                     order by q.rank, q.ready_seq limit v_share) g) h) p
  where p.reach <= i_num
  group by p.nth order by p.nth;
end $$;

-- How many rows to take at most of each of these key ranges when i_num jobs are missing. For a task in
-- i_own_batch: the rows of one job with which the key range begins, locked or not; if it begins with a packed
-- row, which another transaction has locked, i_num. Reads without locks.
create or replace function jobs._rows_of_one(i_ranges jobs.key_range[], i_num integer, i_own_batch text[]) returns integer[]
language plpgsql stable as $$
declare
  v_share integer := jobs._share(i_num, cardinality(i_ranges));
begin
  return array(
    select case when s.task <> all (i_own_batch) then i_num else (
      select coalesce(nullif(count(*) filter (where not r.is_behind), 0), i_num)
      from (select bool_or(g.size > 1) over (order by g.rank, g.ready_seq rows unbounded preceding) as is_behind
            from (select q.rank, q.ready_seq, q.size from jobs._ready q
                  where q.task = s.task and jobs._in_range(q.rank, q.ready_seq, s.from_rank, s.from_seq, s.to_rank)
                  order by q.rank, q.ready_seq limit v_share) g) r)::integer end
    from unnest(i_ranges) with ordinality s(task, from_rank, from_seq, to_rank, nth) order by s.nth);
end $$;

-- Unpacks, in each key range, the first unlocked row that has more than i_most jobs, or is a packed row of a
-- task in i_own_batch, until it has unpacked i_most jobs; true when there was one. Locks no other row, and
-- reads the first i_depth rows of a key range.
create or replace function jobs._unpack_heads(i_ranges jobs.key_range[], i_most integer, i_own_batch text[], i_depth integer default 1000) returns boolean
language plpgsql set enable_sort = off set jit = off as $$
declare
  v_range jobs.key_range;
  v_row tid;
  v_size integer;
  v_rows tid[] := array[]::tid[];
  v_jobs integer := 0;
begin
  foreach v_range in array coalesce(i_ranges, '{}') loop   -- null: other claims took what there was
    select l.at, l.size into v_row, v_size
    from (select q.at, q.size from jobs._ready q
          where q.task = v_range.task and jobs._in_range(q.rank, q.ready_seq, v_range.from_rank, v_range.from_seq, v_range.to_rank)
          order by q.rank, q.ready_seq limit i_depth) g,
      lateral (select q.ctid as at, q.size from jobs.pending q where q.ctid = g.at for update skip locked) l
    where g.size > 1 and (g.size > i_most or v_range.task = any (i_own_batch)) limit 1;
    continue when not found;
    v_rows := v_rows || v_row;
    v_jobs := v_jobs + v_size;
    exit when v_jobs >= i_most;
  end loop;
  return v_jobs > 0 and cardinality(jobs._unpack_rows(v_rows)) > 0;
end $$;
