-- Which jobs limits let start. A job of several limits starts when all of them have room, and takes its slots of all
-- at once; else it takes none. What a limit with a key refuses is blocked at that bucket, out of the way of other
-- keys; what a limit without a key refuses stays in its queue, and with it all jobs of its task behind it.
--
-- The functions inherit the pinned plans of jobs._claim_limited, which has locked the limits and the rows.

-- A key as it is stored: of a long one a hash.
create or replace function jobs._short_key(i_key jsonb) returns jsonb
language sql stable parallel safe
return case when pg_catalog.pg_column_size(i_key) <= 500 then i_key else pg_catalog.jsonb_build_array('sha256:' || pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(i_key::text, 'UTF8')), 'hex')) end;

-- What a job costs whose argument says so: 0 to a million; 1 for what is no number.
create or replace function jobs._cost_of(i_value jsonb) returns integer
language sql immutable parallel safe
return case pg_catalog.jsonb_typeof(i_value) when 'number' then least(greatest(i_value::numeric, 0), 1000000)::integer else 1 end;

-- What these rows of jobs.pending ask for: of each row, each limit that applies to it. A packed row, of a task whose
-- limits have no key, asks for all its jobs. Inlined; each `offset 0` keeps a step from being done again in the next.
create or replace function jobs._asked(i_rows tid[], i_limits jobs.task_limit[]) returns table (
  at tid, rank bigint, seq bigint, size integer, bytes integer, job_id varchar, task varchar, kept bigint[], has_on_end boolean, from_bucket bigint,
  limit_id integer, key jsonb, cost integer
)
language sql stable begin atomic
  select k.at, k.rank, k.seq, k.size, k.bytes, k.job_id, k.task, k.kept, k.has_on_end, k.from_bucket, k.limit_id, jobs._short_key(k.key), k.cost
  from (
    select q.at, q.rank, q.seq, q.size, q.bytes, q.job_id, q.task, (q.on_end).kept, q.on_end is distinct from null as has_on_end, q.bucket as from_bucket, l.limit_id,
      case pg_catalog.cardinality(l.key)
        when 1 then pg_catalog.jsonb_build_array(coalesce(q.body->'kwargs'->l.key[1], q.body->'args'->l.positions[1], l.defaults[1]))
        else coalesce((select pg_catalog.jsonb_agg(coalesce(q.body->'kwargs'->n.name, q.body->'args'->n.position, n.value) order by n.nth)
                       from rows from (pg_catalog.unnest(l.key), pg_catalog.unnest(l.positions), pg_catalog.unnest(l.defaults)) with ordinality n(name, "position", value, nth)), '[]') end as key,
      case when l.cost is null then 1 else jobs._cost_of(coalesce(q.body->'kwargs'->l.cost, q.body->'args'->l.cost_position, l.cost_default)) end as cost
    from (select r.at, p.* from pg_catalog.unnest(i_rows) r(at),
            lateral (select jobs._rank(t.priority, t.ready_seq) as rank, t.ready_seq as seq, t.size, t.bytes, t.job_id, t.task, t.on_end, t.bucket, t.body from jobs.pending t where t.ctid = r.at offset 0) p
          offset 0) q
      join pg_catalog.unnest(i_limits) l on l.task = q.task
    offset 0) k
  offset 0;
end;

-- Decides about locked rows: up to i_num jobs go, in the order of their queue. i_states are the states of buckets that
-- this claim knows; those of others are read, and all are returned as they are once this is done. The steps: what is
-- asked, the states of those buckets, what each limit says (judged), what that means for each row (verdicts), and
-- which rows are touched at all (decided). Where the first of those that ask for a bucket is refused there, this claim
-- need not look further: at tasks whose limit without a key is full (shut_tasks), and at keys whose first job that is
-- blocked there costs too much (shut_buckets).
--
-- Where several rows ask for one bucket, each counts those before it, also those that another limit refuses: so it
-- never lets too many go, and the next look finds what is left. No row behind the first that finds no place among
-- i_num, and none of a task behind one that stays, is touched: what is before a job that was claimed is gone from
-- its queue, which is what watermarks rely on.
create or replace function jobs._judge(
  i_rows tid[], i_num integer, i_limits jobs.task_limit[], i_states jobs.bucket_state[], i_now timestamptz, out admission jobs.admission, out states jobs.bucket_state[],
  out shut_tasks text[], out shut_buckets bigint[]
)
language plpgsql as $$
declare
  v_decided record;
begin
  with asked as materialized (
    select a.*, jobs._bucket_id(a.limit_id, a.key) as bucket, l.max, l.rates, l.fair, l.on_dead, l.key is null as is_keyless,
      a.size * case when l.cost is null then 1 else least(a.cost, l.max, (select min(r.burst) from unnest(l.rates) r)) end as price
    from jobs._asked(i_rows, i_limits) a join jobs.job_limit l on l.id = a.limit_id
  ), states as materialized (
    select coalesce(i.id, a.bucket) as id, coalesce(i.key, s.key, a.key) as key, coalesce(i.held, s.held, 0) as held, coalesce(i.waits, s.waits, false) as waits,
      coalesce(i.first_rank, s.first_rank) as first_rank, coalesce(i.first_seq, s.first_seq) as first_seq, coalesce(i.tats, s.tats) as tats, coalesce(i.timer, s.timer) as timer,
      coalesce(i.turn, s.turn, 0) as turn, coalesce(i.closed_until, s.closed_until) as closed_until, coalesce(i.closed_by, s.closed_by) as closed_by, coalesce(i.reason, s.reason) as reason,
      coalesce(i.at, s.at) as at, coalesce(i.stored_held, s.held, 0) as stored_held, coalesce(i.stored_waits, s.waits, false) as stored_waits, coalesce(i.is_changed, false) as is_changed
    from (select u.bucket, (array_agg(u.key))[1] as key from asked u group by u.bucket) a
    full join unnest(i_states) i on i.id = a.bucket
    left join lateral (select b.ctid as at, b.* from jobs.bucket b where b.id = a.bucket and i.id is null order by b.version desc limit 1) s on true
  ), judged as materialized (
    select g.*, g.is_kept or g.is_opener and g.held < g.max
        or (g.from_bucket is not null or g.is_keyless or not (g.fair or g.waits))
          and sum(case when g.is_kept then 0 else g.price end) over (partition by g.bucket order by g.rank, g.seq rows unbounded preceding)
              <= jobs._room(g.max, g.rates, g.held, g.tats, g.closed_until, i_now) as fits,
        row_number() over (partition by g.bucket order by g.rank, g.seq rows unbounded preceding) as place
    from (select a.*, s.held, s.waits, s.tats, s.closed_until, a.bucket = any (a.kept) is true as is_kept, (s.closed_by = a.job_id and a.on_dead = 'hold') is true as is_opener
          from asked a join states s on s.id = a.bucket) g
  ), verdicts as (
    select j.at, min(j.task) as task, min(j.rank) as rank, min(j.seq) as seq, min(j.size) as size, min(j.bytes) as bytes, min(j.from_bucket) as from_bucket, bool_or(j.has_on_end) as on_end,
      bool_and(j.fits) as fits, min(j.bucket) filter (where not j.fits and not j.is_keyless) as refused_at, bool_or(not j.fits and j.is_keyless) as stays
    from judged j group by j.at
  ), numbered as materialized (
    select v.*, row_number() over places as nth, coalesce(sum(v.size) filter (where v.fits) over places, 0) as going
    from verdicts v window places as (order by v.rank, v.seq rows unbounded preceding)
  ), decided as materialized (
    select t.*, t.is_touched and t.fits as goes, case when t.is_touched and not t.fits and not t.stays then t.refused_at end as blocked_at
    from (select n.*, n.going <= i_num and (n.nth >= s.nth) is not true as is_touched
          from numbered n left join (select o.task, min(o.nth) as nth from numbered o where o.stays and o.from_bucket is null group by o.task) s on s.task = n.task) t
  ), used as (
    select j.bucket, coalesce(sum(j.price) filter (where d.goes and not j.is_kept), 0)::integer as taken, coalesce(sum(j.price) filter (where d.goes), 0) as starts,
      bool_or(d.blocked_at = j.bucket or not d.goes and (j.from_bucket = j.bucket or j.is_keyless and not j.fits)) is true as is_refused, bool_or(d.goes and j.is_opener) is true as is_opened,
      min(j.rank) filter (where d.blocked_at = j.bucket) as rank, min(j.seq) filter (where d.blocked_at = j.bucket) as seq
    from judged j join decided d on d.at = j.at group by j.bucket
  )
  select g.*, b.*, s.*, f.*, (
      select array_agg(row(s.id, s.key, s.held + coalesce(u.taken, 0), u.is_refused is true or not (l.key is null and u.bucket is not null) and s.waits, least(s.first_rank, u.rank), least(s.first_seq, u.seq),
          case when l.rates is not null and u.starts > 0 then jobs._after_starts(l.rates, s.tats, u.starts, i_now) else s.tats end, s.timer,
          case when l.fair and u.starts > 0 then greatest(s.turn, f.turn) + u.starts * coalesce(f.run_seconds, 0) / jobs._weight_of(l.weights, s.key) else s.turn end,
          case when u.is_opened is not true then s.closed_until end, case when u.is_opened is not true then s.closed_by end, case when u.is_opened is not true then s.reason end, s.at, s.stored_held, s.stored_waits,
          s.is_changed or u.is_opened is true or u.starts > 0 and (l.fair or l.rates is not null) or (u.rank, u.seq) < (s.first_rank, s.first_seq) is true)::jobs.bucket_state)
      from states s join jobs.job_limit l on l.id = s.id & 16383 left join used u on u.bucket = s.id
      left join lateral (select n.turn, n.run_seconds from jobs.limit_state n where l.fair and n.limit_id = l.id order by n.version desc limit 1) f on true) as states
  into v_decided
  from (select array_agg(d.at order by d.nth) as rows, sum(d.bytes + 300 * d.size) as bytes, (count(*) filter (where d.size > 1))::integer as packed, bool_or(d.on_end) as on_end, sum(d.size)::integer as jobs from decided d where d.goes) g,
    (select array_agg(d.at) as blocked, array_agg(d.blocked_at) as blocked_at from decided d where d.blocked_at is not null and d.blocked_at is distinct from d.from_bucket) b,
    (select array_agg(j.job_id) as slot_jobs, array_agg(j.size) as slot_sizes, array_agg(j.bucket) as slot_buckets, array_agg(j.price / j.size) as slot_costs from judged j join decided d on d.at = j.at where d.goes) s,
    (select array_agg(distinct j.task::text) filter (where j.is_keyless) as shut_tasks, array_agg(distinct j.bucket) filter (where j.from_bucket = j.bucket) as shut_buckets from judged j where j.place = 1 and not j.fits) f;
  states := v_decided.states;
  shut_tasks := v_decided.shut_tasks;
  shut_buckets := v_decided.shut_buckets;
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
