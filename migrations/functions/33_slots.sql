-- The slots of runs that end. Whoever ends a run must not wait for a claim of the limit, so it leaves a delta, which
-- the next claim applies: until then the bucket looks fuller than it is. A run that leads to another one, under a
-- limit in order, keeps its slot, so that no other job of its key comes before the next run.

-- Gives back the slots of these runs, before they leave their batches. Of limits in order only those of jobs that
-- end; where such a job is dead and its limit holds what comes after it, the key is closed. Wakes workers when
-- somebody waits for a slot.
create or replace function jobs._give_back_slots(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[]) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_in_order integer[] := array(select l.id from jobs.job_limit l where l.in_order);
  v_buckets bigint[];
begin
  with slots as (
    select u.bucket, sum(coalesce(u.cost, 1))::integer as slots, sum(coalesce(u.cost, 1) * extract(epoch from v_now - b.run_at)::double precision) as seconds
    from rows from (unnest(i_runs.leases), unnest(i_runs.parts), unnest(i_runs.bits)) g(lease, part, bits),
      lateral (select q.buckets, q.costs, q.slots_each, q.run_at from jobs.batch q where q.lease = g.lease and q.part = g.part limit 1) b,
      lateral rows from (unnest(b.buckets), unnest(b.costs)) with ordinality u(bucket, cost, at)
    where u.bucket is not null and g.bits & jobs._bit((u.at - 1) / b.slots_each) <> 0 and (u.bucket & 16383)::integer <> all (v_in_order)
    group by 1
  ), given as (
    insert into jobs.bucket_delta (limit_id, buckets, slots, seconds)
    select s.bucket & 16383, array_agg(s.bucket), array_agg(s.slots), array_agg(s.seconds) from slots s group by 1
    returning buckets
  )
  select array_agg(b) into v_buckets from given g, unnest(g.buckets) b;
  if v_in_order <> '{}' then
    v_buckets := v_buckets || jobs._give_back_in_order(i_runs, i_leases, i_batch_indexes, i_outcomes);
  end if;
  if jobs._is_awaited('jobs.sleeping_until') and exists (
      select from unnest(v_buckets) g(id), lateral (select b.waits from jobs.bucket b where b.id = g.id order by b.version desc limit 1) s where s.waits) then
    perform jobs._wake_workers();
  end if;
end $$;

-- The runs under limits in order among these: their buckets, and whether their jobs end with them.
create or replace function jobs._runs_in_order(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[]) returns table (
  job_id varchar, bucket bigint, seconds double precision, ends boolean, is_dead boolean, on_dead text
)
language sql stable begin atomic
  select j.job_id, u.bucket, extract(epoch from jobs.now() - b.run_at)::double precision, coalesce(jobs._ends(s.outcome, j.retries, j.max_retries), true),
    s.outcome not in ('success', 'cancel') is true, l.on_dead
  from rows from (pg_catalog.unnest(i_runs.leases), pg_catalog.unnest(i_runs.parts), pg_catalog.unnest(i_runs.bits)) g(lease, part, bits),
    lateral (select q.buckets, q.slots_each, q.run_at, q.jobs from jobs.batch q where q.lease = g.lease and q.part = g.part limit 1) b,
    pg_catalog.unnest(b.buckets) with ordinality u(bucket, at)
    join jobs.job_limit l on l.id = u.bucket & 16383 and l.in_order,
    lateral (select n.job_id, n.retries, n.max_retries from pg_catalog.unnest(b.jobs) with ordinality n where n.ordinality = (u.at - 1) / b.slots_each + 1) j,
    lateral (select o.outcome from rows from (pg_catalog.unnest(i_leases), pg_catalog.unnest(i_batch_indexes), pg_catalog.unnest(i_outcomes)) o(lease, batch_index, outcome)
             where o.lease = g.lease and o.batch_index = g.part * 64 + (u.at - 1) / b.slots_each) s
  where g.bits & jobs._bit((u.at - 1) / b.slots_each) <> 0;
end;

-- The same for limits in order.
create or replace function jobs._give_back_in_order(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[]) returns bigint[]
language plpgsql as $$
declare
  v_buckets bigint[];
begin
  with given as (
    insert into jobs.bucket_delta (limit_id, buckets, slots, seconds, closed_until, closed_by, reason)
    select o.bucket & 16383, array[o.bucket], array[1], array[o.seconds],
      case when o.is_closing then 'infinity'::timestamptz end, case when o.is_closing then o.job_id end, case when o.is_closing then 'a job in order is dead' end
    from (select r.*, r.is_dead and r.on_dead <> 'skip' as is_closing from jobs._runs_in_order(i_runs, i_leases, i_batch_indexes, i_outcomes) r where r.ends) o
    returning buckets
  )
  select array_agg(g.buckets[1]) into v_buckets from given g;
  return v_buckets;
end $$;

-- Lets the jobs of these runs that will run again, and are back in jobs.pending, keep their slots of limits in order.
create or replace function jobs._keep_slots(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  if pg_sequence_last_value('jobs.limits_made') is not null and exists (select from jobs.job_limit l where l.in_order) then
    update jobs.pending q set on_end.kept = k.buckets
    from (select r.job_id, array_agg(r.bucket) as buckets from jobs._runs_in_order(i_runs, i_leases, i_batch_indexes, i_outcomes) r where not r.ends group by 1) k
    where q.job_id = k.job_id;
  end if;
end $$;

-- Gives back slots of limits in order that jobs have kept which end while they wait for their next run.
create or replace function jobs._give_back_kept(i_on_ends jobs.on_end[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  insert into jobs.bucket_delta (limit_id, buckets, slots, seconds)
  select b & 16383, array_agg(b), array_agg(1), array_agg(0::double precision) from unnest(i_on_ends) e, unnest(e.kept) b
  where exists (select from jobs.job_limit l where l.id = (b & 16383)::integer) group by 1;
  if found then
    perform jobs._wake_workers();
  end if;
end $$;
