-- Which jobs limits let start. A job of several limits starts when all of them have room, and takes its slots of all
-- at once; else it takes none. What a limit with a key refuses is blocked at that bucket, out of the way of other
-- keys; what a limit without a key refuses stays in its queue, and with it all jobs of its task behind it.
--
-- The functions inherit the pinned plans of jobs._claim_limited, which has locked the limits and the rows.

-- A key as it is stored: of a long one a hash.
create or replace function jobs._short_key(i_key jsonb) returns jsonb
language sql immutable parallel safe
return case when pg_catalog.pg_column_size(i_key) <= 500 then i_key else pg_catalog.jsonb_build_array('sha256:' || pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(i_key::text, 'UTF8')), 'hex')) end;

-- What a job costs whose argument says so: 0 to a million; 1 for what is no number.
create or replace function jobs._cost_of(i_value jsonb) returns integer
language sql immutable parallel safe
return case pg_catalog.jsonb_typeof(i_value) when 'number' then least(greatest(i_value::numeric, 0), 1000000)::integer else 1 end;

-- What these rows of jobs.pending ask for: of each row, each limit that applies to it. A packed row, of a task whose
-- limits have no key, asks for all its jobs. Inlined.
create or replace function jobs._asked(i_rows tid[], i_limits jobs.task_limit[]) returns table (
  at tid, rank bigint, seq bigint, size integer, bytes integer, job_id varchar, task varchar, on_end jobs.on_end, from_bucket bigint, limit_id integer, key jsonb, cost integer
)
language sql stable begin atomic
  select r.at, jobs._rank(q.priority, q.ready_seq), q.ready_seq, q.size, q.bytes, q.job_id, q.task, q.on_end, q.bucket, l.limit_id, case when pg_catalog.pg_column_size(k.key) <= 500 then k.key else jobs._short_key(k.key) end,
    case when l.cost is null then 1 else jobs._cost_of(coalesce(q.body->'kwargs'->l.cost, q.body->'args'->l.cost_position, l.cost_default)) end
  from pg_catalog.unnest(i_rows) r(at), lateral (select p.* from jobs.pending p where p.ctid = r.at offset 0) q
    join pg_catalog.unnest(i_limits) l on l.task = q.task,
    lateral (select case pg_catalog.cardinality(l.key)
      when 1 then pg_catalog.jsonb_build_array(coalesce(q.body->'kwargs'->l.key[1], q.body->'args'->l.positions[1], l.defaults[1]))
      else coalesce((select pg_catalog.jsonb_agg(coalesce(q.body->'kwargs'->n.name, q.body->'args'->n.position, n.value) order by n.nth)
                     from rows from (pg_catalog.unnest(l.key), pg_catalog.unnest(l.positions), pg_catalog.unnest(l.defaults)) with ordinality n(name, "position", value, nth)), '[]') end as key
      offset 0) k
  offset 0;
end;

-- The state of a bucket after that many slots were taken, that many starts, perhaps a refusal, of a job that is blocked
-- at this place if the limit has a key, and perhaps the start of the dead job that had closed it. Inlined.
create or replace function jobs._after_use(
  i_state jobs.bucket_state, i_taken integer, i_starts bigint, i_is_refused boolean, i_is_opened boolean, i_rank bigint, i_seq bigint, i_is_keyless boolean, i_rates jobs.rate[], i_fair boolean,
  i_weight double precision, i_turn double precision, i_run_seconds double precision, i_now timestamptz
) returns jobs.bucket_state
language sql immutable parallel safe
return row(i_state.id, i_state.key, i_state.held + i_taken, i_is_refused or not i_is_keyless and i_state.waits, least(i_state.first_rank, i_rank), least(i_state.first_seq, i_seq),
  case when i_rates is not null and i_starts > 0 then jobs._after_starts(i_rates, i_state.tats, i_starts, i_now) else i_state.tats end, i_state.timer,
  case when i_fair then greatest(i_state.turn, i_turn) + i_starts * coalesce(i_run_seconds, 0) / i_weight else i_state.turn end,
  case when not i_is_opened then i_state.closed_until end, case when not i_is_opened then i_state.closed_by end, case when not i_is_opened then i_state.reason end,
  i_state.at, i_state.stored_held, i_state.stored_waits,
  i_state.is_changed or i_is_opened or i_starts > 0 and (i_fair or i_rates is not null) or (i_rank, i_seq) < (i_state.first_rank, i_state.first_seq) is true)::jobs.bucket_state;

-- Decides about locked rows: up to i_num jobs go, in the order of their queue. i_states are the states of buckets that
-- this claim knows; those of others are read, and all are returned as they are once this is done. The steps: what is
-- asked, the states of those buckets, what each limit says (judged), what that means for each row (verdicts), and
-- which rows are touched at all (decided).
--
-- Where several rows ask for one bucket, each counts those before it, also those that another limit refuses: so it
-- never lets too many go, and the next look finds what is left. No row behind the first that finds no place among
-- i_num, and none of a task behind one that stays, is touched: what is before a job that was claimed is gone from
-- its queue, which is what watermarks rely on.
create or replace function jobs._judge(
  i_rows tid[], i_num integer, i_limits jobs.task_limit[], i_states jobs.bucket_state[], i_now timestamptz, out admission jobs.admission, out states jobs.bucket_state[]
)
language plpgsql as $$
declare
  v_decided record;
begin
  with asked as materialized (
    select a.*, jobs._bucket_id(a.limit_id, a.key) as bucket, l.max, l.rates, l.fair, l.on_dead, l.key is null as is_keyless, (a.on_end).kept is not null and jobs._bucket_id(a.limit_id, a.key) = any ((a.on_end).kept) as is_kept,
      a.size * case when l.cost is null then 1 else least(a.cost, l.max, (select min(r.burst) from unnest(l.rates) r)) end as price
    from jobs._asked(i_rows, i_limits) a join jobs.job_limit l on l.id = a.limit_id
  ), states as materialized (
    select coalesce(i.id, a.bucket) as bucket, case when i.id is not null then i else coalesce(s.state,
        row(a.bucket, a.key, 0, false, null, null, null, null, 0, null, null, null, null, 0, false, false)::jobs.bucket_state) end as state
    from (select u.bucket, (array_agg(u.key))[1] as key from asked u group by u.bucket) a
    full join unnest(i_states) i on i.id = a.bucket
    left join lateral (select jobs._state_of(b, b.ctid) as state from jobs.bucket b where b.id = a.bucket and i.id is null order by b.version desc limit 1) s on true
  ), judged as materialized (
    select a.*, s.state, a.is_kept
        or (s.state).closed_by = a.job_id and a.on_dead = 'hold' and (s.state).held < a.max
        or (a.from_bucket is not null or a.is_keyless or not (a.fair or (s.state).waits))
          and sum(case when a.is_kept then 0 else a.price end) over (partition by a.bucket order by a.rank, a.seq rows unbounded preceding)
              <= jobs._room(a.max, a.rates, (s.state).held, (s.state).tats, (s.state).closed_until, i_now) as fits
    from asked a join states s on s.bucket = a.bucket
  ), verdicts as (
    select j.at, min(j.task) as task, min(j.rank) as rank, min(j.seq) as seq, min(j.size) as size, min(j.bytes) as bytes, min(j.from_bucket) as from_bucket, bool_and(j.fits) as fits,
      (array_agg(j.bucket order by j.limit_id) filter (where not j.fits and not j.is_keyless))[1] as refused_at, bool_or(not j.fits and j.is_keyless) as stays, bool_or(j.on_end is distinct from null) as on_end
    from judged j group by j.at
  ), decided as materialized (
    select v.*, t.is_touched and v.fits as goes, case when t.is_touched and not v.fits and not v.stays then v.refused_at end as blocked_at
    from (select v.*, coalesce(sum(v.size) filter (where v.fits) over (order by v.rank, v.seq rows unbounded preceding), 0) <= i_num
            and bool_or(v.stays and v.from_bucket is null) over (partition by v.task order by v.rank, v.seq rows unbounded preceding) is not true as is_touched
          from verdicts v) v, lateral (select v.is_touched) t
  ), used as (
    select j.bucket, coalesce(sum(j.price) filter (where d.goes and not j.is_kept), 0)::integer as taken, coalesce(sum(j.price) filter (where d.goes), 0) as starts,
      bool_or(d.blocked_at = j.bucket or not d.goes and (j.from_bucket = j.bucket or j.is_keyless and not j.fits)) is true as is_refused,
      bool_or(d.goes and (j.state).closed_by = j.job_id and j.on_dead = 'hold') is true as is_opened, min(j.rank) filter (where d.blocked_at = j.bucket) as rank, min(j.seq) filter (where d.blocked_at = j.bucket) as seq
    from judged j join decided d on d.at = j.at group by j.bucket
  )
  select g.*, b.*, s.*, (
      select array_agg(case when u.bucket is null then s.state else jobs._after_use(s.state, u.taken, u.starts, u.is_refused, u.is_opened, u.rank, u.seq, l.key is null, l.rates, l.fair, case when l.fair then jobs._weight_of(l.weights, (s.state).key) end, f.turn, f.run_seconds, i_now) end)
      from states s join jobs.job_limit l on l.id = s.bucket & 16383 left join used u on u.bucket = s.bucket
      left join lateral (select n.turn, n.run_seconds from jobs.limit_state n where l.fair and n.limit_id = l.id order by n.version desc limit 1) f on true) as states
  into v_decided
  from (select array_agg(d.at order by d.rank, d.seq) as rows, sum(d.bytes + 300 * d.size) as bytes, (count(*) filter (where d.size > 1))::integer as packed, bool_or(d.on_end) as on_end, sum(d.size)::integer as jobs from decided d where d.goes) g,
    (select array_agg(d.at) as blocked, array_agg(d.blocked_at) as blocked_at from decided d where d.blocked_at is not null and d.blocked_at is distinct from d.from_bucket) b,
    (select array_agg(j.job_id) as slot_jobs, array_agg(j.size) as slot_sizes, array_agg(j.bucket) as slot_buckets, array_agg(j.price / j.size) as slot_costs from judged j join decided d on d.at = j.at where d.goes) s;
  states := v_decided.states;
  admission := row(row(v_decided.rows, v_decided.bytes, v_decided.packed, false, null, v_decided.on_end)::jobs.locked_rows, v_decided.jobs,
                   v_decided.slot_jobs, v_decided.slot_sizes, v_decided.slot_buckets, v_decided.slot_costs, v_decided.blocked, v_decided.blocked_at)::jobs.admission;
end $$;

-- Blocks the rows that a limit with a key refuses.
create or replace function jobs._block(i_admission jobs.admission) returns void
language plpgsql set enable_nestloop = on set enable_hashjoin = off set jit = off as $$
begin
  update jobs.pending q set bucket = b.bucket from unnest(i_admission.blocked, i_admission.blocked_at) b(at, bucket) where q.ctid = b.at;
end $$;

-- Writes the slots of the jobs that go into their batches, which a claim has just made under this lease.
create or replace function jobs._hold_slots(i_lease uuid, i_admission jobs.admission) returns void
language plpgsql as $$
declare
  v_each integer := (select max(c.number) from (select count(*)::integer as number from unnest(i_admission.slot_jobs) a group by a) c);
begin
  with slots as materialized (
    select a.job_id, max(a.size) as size, array_agg(a.bucket) || array_fill(null::bigint, array[v_each - count(*)::integer]) as buckets,
      array_agg(a.cost) || array_fill(1, array[v_each - count(*)::integer]) as costs
    from unnest(i_admission.slot_jobs, i_admission.slot_sizes, i_admission.slot_buckets, i_admission.slot_costs) a(job_id, size, bucket, cost) group by a.job_id
  ), jobs_in_order as (
    select b.part, b.first_job, j.job_id, j.ordinality as nth from jobs.batch b, unnest(b.jobs) with ordinality j where b.lease = i_lease and b.buckets is null
  ), held as materialized (
    select j.part, array_agg(u.bucket order by j.nth, u.nth) as buckets, array_agg(u.cost order by j.nth, u.nth) as costs
    from jobs_in_order j
    left join slots p on p.size > 1 and p.job_id = j.first_job   -- the slots of a packed row are those of each of its jobs
    left join slots s on s.job_id = j.job_id,
      lateral rows from (unnest(coalesce(p.buckets, s.buckets)), unnest(coalesce(p.costs, s.costs))) with ordinality u(bucket, cost, nth)
    group by j.part
  )
  update jobs.batch b set on_end = true, buckets = h.buckets, costs = case when 1 <> any (h.costs) then h.costs end, slots_each = v_each
  from held h where b.lease = i_lease and b.part = h.part;
end $$;
