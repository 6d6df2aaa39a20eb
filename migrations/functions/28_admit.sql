-- Which jobs limits let start. A job of several limits starts when all of them have room, and takes its slots of all
-- at once; else it takes none. What a limit with a key refuses is blocked at that bucket, out of the way of other
-- keys; what a limit without a key refuses stays in its queue, and with it all jobs of its task behind it.
--
-- A claim locks rows, asks for them (_asks), reads the states of the buckets (_with_states), decides (_judge), and
-- then carries out what it decided: _block, _move_rows with _hold_slots, and _next_states. The functions inherit the
-- pinned plans of jobs._claim_limited, which has locked the limits.

-- What these locked rows of jobs.pending ask for: for each row one for each limit that applies to it. A packed row,
-- of a task whose limits have no key, asks for all its jobs.
create or replace function jobs._asks(i_rows tid[], i_limits jobs.task_limit[]) returns jobs.ask[]
language plpgsql stable as $$
begin
  return (
    select array_agg(row(a.at, a.rank, a.seq, a.size, a.job_id, a.task, a.from_bucket, a.bucket, a.key,
                         a.size * least(a.cost, l.max, (select min(r.burst) from unnest(l.rates) r)), a.is_keyless, a.kept is not null and a.bucket = any (a.kept), null, null, null, null)::jobs.ask)
    from (select k.*, jobs._bucket_id(k.limit_id, k.key) as bucket
          from (select r.at, jobs._rank(q.priority, q.ready_seq) as rank, q.ready_seq as seq, q.size, q.job_id, q.task, q.bucket as from_bucket, l.limit_id, l.key is null as is_keyless, (q.on_end).kept,
                  case cardinality(l.key)
                    when 1 then jobs._short_key(jsonb_build_array(coalesce(q.body->'kwargs'->l.key[1], q.body->'args'->l.positions[1], l.defaults[1])))
                    else jobs._short_key(coalesce((select jsonb_agg(coalesce(q.body->'kwargs'->n.name, q.body->'args'->n.position, n.value) order by n.nth)
                                                   from unnest(l.key, l.positions, l.defaults) with ordinality n(name, "position", value, nth)), '[]')) end as key,
                  case when l.cost is null then 1 else jobs._cost_of(coalesce(q.body->'kwargs'->l.cost, q.body->'args'->l.cost_position, l.cost_default)) end as cost
                from unnest(i_rows) r(at), lateral (select p.* from jobs.pending p where p.ctid = r.at offset 0) q
                join unnest(i_limits) l on l.task = q.task offset 0) k) a
    join jobs.job_limit l on l.id = a.bucket & 16383);
end $$;

-- A key as it is stored: of a long one a hash.
create or replace function jobs._short_key(i_key jsonb) returns jsonb
language sql immutable parallel safe
return case when pg_catalog.pg_column_size(i_key) <= 500 then i_key
            else pg_catalog.jsonb_build_array('sha256:' || pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(i_key::text, 'UTF8')), 'hex')) end;

-- What a job costs whose argument says so: 0 to a million; 1 for what is no number.
create or replace function jobs._cost_of(i_value jsonb) returns integer
language sql immutable parallel safe
return case pg_catalog.jsonb_typeof(i_value) when 'number' then least(greatest(i_value::numeric, 0), 1000000)::integer else 1 end;

-- These states, with those of the buckets that are asked for: as they are stored, or new.
create or replace function jobs._with_states(i_states jobs.bucket[], i_asks jobs.ask[]) returns jobs.bucket[]
language plpgsql stable as $$
begin
  return i_states || (
    select array_agg(coalesce(s.state, row(a.bucket, 0, a.key, 0, false, null, null, null, null, 0, null, null, null)::jobs.bucket))
    from (select u.bucket, (array_agg(u.key))[1] as key from unnest(i_asks) u group by u.bucket) a
    left join lateral (select b as state from jobs.bucket b where b.id = a.bucket order by b.version desc limit 1) s on true
    where i_states is null or a.bucket <> all (select b.id from unnest(i_states) b));
end $$;

-- Decides about what is asked: up to i_num jobs go, in the order of their queue.
--
-- Where several rows ask for one bucket, each counts those before it, also those that another limit refuses: so it
-- never lets too many go, and the next look finds what is left. No row behind the first that finds no place among
-- i_num, and none of a task behind one that stays, is touched: what is before a job that was claimed is gone from
-- its queue, which is what watermarks rely on.
create or replace function jobs._judge(i_asks jobs.ask[], i_states jobs.bucket[], i_num integer, i_now timestamptz) returns jobs.ask[]
language plpgsql stable as $$
begin
  return (
    with judged as materialized (
      select a.*, a.is_kept
          or b.closed_by = a.job_id and l.on_dead = 'hold' and b.held < l.max
          or (a.from_bucket is not null or a.is_keyless or not (l.fair or b.waits))
            and sum(case when a.is_kept then 0 else a.cost end) over (partition by a.bucket order by a.rank, a.seq rows unbounded preceding)
                <= jobs._room(l.max, l.rates, b.held, b.tats, b.closed_until, i_now) as may
      from unnest(i_asks) a join unnest(i_states) b on b.id = a.bucket join jobs.job_limit l on l.id = a.bucket & 16383
    ), verdicts as (
      select j.at, min(j.task) as task, min(j.rank) as rank, min(j.seq) as seq, min(j.size) as size, min(j.from_bucket) as from_bucket, bool_and(j.may) as goes,
        (array_agg(j.bucket order by j.bucket & 16383) filter (where not j.may and not j.is_keyless))[1] as refused_at, bool_or(not j.may and j.is_keyless) as stays
      from judged j group by j.at
    ), decided as (
      select v.*, coalesce(sum(v.size) filter (where v.goes) over (order by v.rank, v.seq rows unbounded preceding), 0) <= i_num
          and bool_or(v.stays and v.from_bucket is null) over (partition by v.task order by v.rank, v.seq rows unbounded preceding) is not true as is_touched
      from verdicts v
    )
    select array_agg(row(j.at, j.rank, j.seq, j.size, j.job_id, j.task, j.from_bucket, j.bucket, j.key, j.cost, j.is_keyless, j.is_kept, j.may, d.is_touched and d.goes,
                         case when d.is_touched and not d.goes and not d.stays then d.refused_at end, not d.is_touched or d.stays)::jobs.ask order by j.rank, j.seq)
    from judged j join decided d on d.at = j.at);
end $$;

-- Blocks the rows that a limit with a key refuses.
create or replace function jobs._block(i_asks jobs.ask[]) returns void
language plpgsql set enable_nestloop = on set enable_hashjoin = off set jit = off as $$
begin
  update jobs.pending q set bucket = b.blocked_at
  from (select a.at, min(a.blocked_at) as blocked_at from unnest(i_asks) a where a.blocked_at is not null and a.blocked_at is distinct from a.from_bucket group by a.at) b
  where q.ctid = b.at;
end $$;

-- The states of the buckets once this was decided.
create or replace function jobs._next_states(i_states jobs.bucket[], i_asks jobs.ask[], i_now timestamptz) returns jobs.bucket[]
language plpgsql stable as $$
begin
  return (
    select array_agg(case when c.bucket is null then b else row(b.id, b.version, b.key, b.held + c.taken,
        case when c.is_keyless then c.is_refused else b.waits or c.is_refused end,
        least(b.first_rank, c.rank), least(b.first_seq, c.seq), case when l.rates is not null and c.starts > 0 then jobs._after_starts(l.rates, b.tats, c.starts, i_now) else b.tats end,
        b.timer, case when l.fair then greatest(b.turn, s.turn) + c.starts * s.run_seconds / jobs._weight_of(l.weights, b.key) else b.turn end,
        b.closed_until, b.closed_by, b.reason)::jobs.bucket end)
    from unnest(i_states) b join jobs.job_limit l on l.id = b.id & 16383
    left join (select a.bucket, coalesce(sum(a.cost) filter (where a.goes and not a.is_kept), 0)::integer as taken, coalesce(sum(a.cost) filter (where a.goes), 0) as starts,
                 bool_or(a.is_keyless) as is_keyless, bool_or(a.blocked_at = a.bucket or not a.goes and (a.from_bucket = a.bucket or a.is_keyless and not a.fits)) is true as is_refused,
                 min(a.rank) filter (where a.blocked_at = a.bucket) as rank, min(a.seq) filter (where a.blocked_at = a.bucket) as seq
               from unnest(i_asks) a group by a.bucket) c on c.bucket = b.id
    left join lateral (select n.turn, n.run_seconds from jobs.limit_state n where l.fair and n.limit_id = l.id order by n.version desc limit 1) s on true);
end $$;

-- Writes the slots of the jobs that go into their batches, which a claim has just made under this lease.
create or replace function jobs._hold_slots(i_lease uuid, i_asks jobs.ask[]) returns void
language plpgsql as $$
declare
  v_each integer := (select max(c.number) from (select count(*)::integer as number from unnest(i_asks) a where a.goes group by a.at) c);
begin
  with slots as materialized (
    select a.job_id, max(a.size) as size, array_agg(a.bucket) || array_fill(null::bigint, array[v_each - count(*)::integer]) as buckets,
      array_agg(a.cost / a.size) || array_fill(1, array[v_each - count(*)::integer]) as costs
    from unnest(i_asks) a where a.goes group by a.job_id
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
