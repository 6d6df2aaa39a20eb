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

-- What these rows ask for, with the buckets and what each of them takes there.
create or replace function jobs._asks(i_rows tid[], i_limits jobs.task_limit[]) returns jobs.ask[]
language plpgsql stable as $$
begin
  return array(
    select row(a.at, a.rank, a.seq, a.size, a.bytes, a.job_id, a.task, a.has_on_end, a.from_bucket, a.bucket, a.key,
               a.size * case when l.cost is null then 1 else least(a.cost, l.max, (select min(r.burst) from unnest(l.rates) r)) end, l.key is null, (a.bucket = any (a.kept)) is true, l.on_dead = 'hold')::jobs.ask
    from (select d.*, jobs._bucket_id(d.limit_id, d.key) as bucket from jobs._asked(i_rows, i_limits) d offset 0) a join jobs.job_limit l on l.id = a.limit_id);
end $$;

-- These states, and those of the other buckets that are asked for: as they are stored, or new.
create or replace function jobs._with_states(i_states jobs.bucket_state[], i_asks jobs.ask[]) returns jobs.bucket_state[]
language plpgsql stable as $$
begin
  return i_states || array(
    select coalesce(s.state, jobs._new_state(a.bucket, a.key))
    from (select u.bucket, (array_agg(u.key))[1] as key from unnest(i_asks) u group by u.bucket) a
    left join unnest(i_states) i on i.id = a.bucket
    left join lateral (select jobs._state_of(b, b.ctid) as state from jobs.bucket b where b.id = a.bucket and i.id is null order by b.version desc limit 1) s on true
    where i.id is null);
end $$;

-- What the buckets of these states have room for, in their order: now, and if they were not closed; and whether jobs
-- wait there, behind which others have to go.
create or replace function jobs._rooms_of(i_states jobs.bucket_state[], i_now timestamptz, out rooms integer[], out slots integer[], out waits boolean[])
language plpgsql stable as $$
begin
  select array_agg(jobs._room(l.max, l.rates, s.held, s.tats, s.closed_until, i_now) order by s.nth), array_agg(coalesce(l.max - s.held, 1000000000) order by s.nth),
    array_agg(l.key is not null and (l.fair or s.waits) order by s.nth)
  into rooms, slots, waits
  from unnest(i_states) with ordinality s(id, key, held, waits, first_rank, first_seq, tats, timer, turn, closed_until, closed_by, reason, at, stored_held, stored_waits, is_changed, nth)
  join jobs.job_limit l on l.id = s.id & 16383;
end $$;

-- The rows that ask, in the order of their queue, each with the numbers of its buckets in i_states: first those of
-- limits with a key.
create or replace function jobs._rows_asking(i_asks jobs.ask[], i_states jobs.bucket_state[]) returns table (
  at tid, rank bigint, seq bigint, size integer, bytes integer, job_id varchar, task varchar, has_on_end boolean, from_bucket bigint, from_number bigint,
  numbers bigint[], buckets bigint[], prices integer[], is_keyless boolean[], is_kept boolean[], is_opener boolean[]
)
language plpgsql stable as $$
begin
  return query
  select a.at, min(a.rank), min(a.seq), min(a.size), min(a.bytes), min(a.job_id)::varchar, min(a.task)::varchar, bool_or(a.has_on_end), min(a.from_bucket), min(s.nth) filter (where a.from_bucket = a.bucket),
    array_agg(s.nth order by a.is_keyless, a.bucket), array_agg(a.bucket order by a.is_keyless, a.bucket), array_agg(a.price order by a.is_keyless, a.bucket),
    array_agg(a.is_keyless order by a.is_keyless, a.bucket), array_agg(a.is_kept order by a.is_keyless, a.bucket), array_agg((s.closed_by = a.job_id and a.holds_dead) is true order by a.is_keyless, a.bucket)
  from unnest(i_asks) a
  join (select i.id, i.closed_by, row_number() over () as nth from unnest(i_states) i) s on s.id = a.bucket
  group by a.at order by 2, 3;
end $$;

-- Decides about locked rows, one after the other in the order of their queue: up to i_num jobs go. i_states are the
-- states of buckets that this claim knows; those of others are read, and all are returned as they are once this is done.
-- Where a row is refused, this claim need not look again for others: at its task, when a limit without a key is full
-- (shut_tasks), and at its key, when it was blocked there already (shut_buckets).
--
-- No row behind the first that finds no place among i_num, and none of a task behind one that stays, is touched: what
-- is before a job that was claimed is gone from its queue, which is what watermarks rely on.
create or replace function jobs._judge(
  i_rows tid[], i_num integer, i_limits jobs.task_limit[], i_states jobs.bucket_state[], i_now timestamptz, out admission jobs.admission, out states jobs.bucket_state[],
  out shut_tasks text[], out shut_buckets bigint[]
)
language plpgsql as $$
declare
  v_asks jobs.ask[] := jobs._asks(i_rows, i_limits);
  v_states jobs.bucket_state[] := jobs._with_states(i_states, v_asks);
  v_size integer := cardinality(v_states);
  v_rooms integer[];   -- of the buckets, in the order of v_states
  v_slots integer[];
  v_waits boolean[];
  v_taken integer[] := array_fill(0, array[v_size]);
  v_starts integer[] := array_fill(0, array[v_size]);
  v_refused boolean[] := array_fill(false, array[v_size]);
  v_opened boolean[] := array_fill(false, array[v_size]);
  v_ranks bigint[] := array_fill(null::bigint, array[v_size]);
  v_seqs bigint[] := array_fill(null::bigint, array[v_size]);
  v_row record;
  v_at integer;        -- the number of a bucket
  v_refuses integer;   -- which of the row's buckets does
  v_stopped text[] := array[]::text[];
  v_going tid[] := array[]::tid[];
  v_blocked tid[] := array[]::tid[];
  v_blocked_at bigint[] := array[]::bigint[];
  v_jobs integer := 0;
begin
  select r.rooms, r.slots, r.waits into v_rooms, v_slots, v_waits from jobs._rooms_of(v_states, i_now) r;
  for v_row in select r.* from jobs._rows_asking(v_asks, v_states) r loop
    if v_jobs + v_row.size > i_num or v_row.task = any (v_stopped) then
      v_jobs := case when v_row.task = any (v_stopped) then v_jobs else i_num end;   -- nothing behind it goes
      if v_row.from_number is not null then
        v_refused[v_row.from_number] := true;
      end if;
      continue;
    end if;
    v_refuses := null;
    for k in 1..cardinality(v_row.numbers) loop
      v_at := v_row.numbers[k];
      if not (v_row.is_kept[k] or v_row.is_opener[k] and v_slots[v_at] >= v_row.prices[k]
          or v_rooms[v_at] >= v_row.prices[k] and (v_row.from_bucket is not null or not v_waits[v_at])) then
        v_refuses := k;
        exit;
      end if;
    end loop;
    if v_refuses is null then
      v_going := v_going || v_row.at;
      v_jobs := v_jobs + v_row.size;
      for k in 1..cardinality(v_row.numbers) loop
        v_at := v_row.numbers[k];
        v_starts[v_at] := v_starts[v_at] + v_row.prices[k];
        if not v_row.is_kept[k] then
          v_taken[v_at] := v_taken[v_at] + v_row.prices[k];
          v_rooms[v_at] := v_rooms[v_at] - v_row.prices[k];
          v_slots[v_at] := v_slots[v_at] - v_row.prices[k];
        end if;
        v_opened[v_at] := v_opened[v_at] or v_row.is_opener[k];
      end loop;
      continue;
    end if;
    v_at := v_row.numbers[v_refuses];
    v_refused[v_at] := true;
    if v_row.is_keyless[v_refuses] then
      v_stopped := v_stopped || v_row.task::text;
      if v_row.from_number is not null then
        v_refused[v_row.from_number] := true;
      end if;
      if v_rooms[v_at] <= 0 then
        shut_tasks := shut_tasks || v_row.task::text;
      end if;
    elsif v_row.buckets[v_refuses] = v_row.from_bucket then
      shut_buckets := shut_buckets || v_row.from_bucket;
    else
      v_blocked := v_blocked || v_row.at;
      v_blocked_at := v_blocked_at || v_row.buckets[v_refuses];
      v_ranks[v_at] := least(v_ranks[v_at], v_row.rank);
      v_seqs[v_at] := least(v_seqs[v_at], v_row.seq);
      v_waits[v_at] := true;
    end if;
  end loop;
  admission := jobs._admission(v_asks, v_going, v_blocked, v_blocked_at);
  states := jobs._next_states(v_states, v_taken, v_starts, v_refused, v_opened, v_ranks, v_seqs, i_now);
end $$;

-- What was decided, as jobs._move_rows, jobs._hold_slots and jobs._block take it.
create or replace function jobs._admission(i_asks jobs.ask[], i_going tid[], i_blocked tid[], i_blocked_at bigint[]) returns jobs.admission
language plpgsql immutable as $$
declare
  v_admission jobs.admission;
  v_rows record;
begin
  select sum(r.bytes + 300 * r.size) as bytes, count(*) filter (where r.size > 1) as packed, bool_or(r.has_on_end) as on_end, sum(r.size) as jobs into v_rows
  from (select distinct a.at, a.size, a.bytes, a.has_on_end from unnest(i_going) g(at) join unnest(i_asks) a on a.at = g.at) r;
  select array_agg(a.job_id), array_agg(a.size), array_agg(a.bucket), array_agg(a.price / a.size)
  into v_admission.slot_jobs, v_admission.slot_sizes, v_admission.slot_buckets, v_admission.slot_costs from unnest(i_going) g(at) join unnest(i_asks) a on a.at = g.at;
  v_admission.rows := row(nullif(i_going, '{}'), v_rows.bytes, v_rows.packed, false, null, v_rows.on_end)::jobs.locked_rows;
  v_admission.jobs := v_rows.jobs;
  v_admission.blocked := nullif(i_blocked, '{}');
  v_admission.blocked_at := nullif(i_blocked_at, '{}');
  return v_admission;
end $$;

-- These states after what was decided, in step: the slots taken, the starts, whether a job was refused, whether the
-- dead job that had closed it goes, and the first place at which a job was blocked.
create or replace function jobs._next_states(
  i_states jobs.bucket_state[], i_taken integer[], i_starts integer[], i_refused boolean[], i_opened boolean[], i_ranks bigint[], i_seqs bigint[], i_now timestamptz
) returns jobs.bucket_state[]
language plpgsql stable as $$
begin
  return (
    select array_agg(row(s.id, s.key, s.held + s.taken, s.refused or l.key is not null and s.waits, least(s.first_rank, s.rank), least(s.first_seq, s.seq),
        case when l.rates is not null and s.starts > 0 then jobs._after_starts(l.rates, s.tats, s.starts, i_now) else s.tats end, s.timer,
        case when l.fair and s.starts > 0 then greatest(s.turn, f.turn) + s.starts * coalesce(f.run_seconds, 0) / jobs._weight_of(l.weights, s.key) else s.turn end,
        case when not s.opened then s.closed_until end, case when not s.opened then s.closed_by end, case when not s.opened then s.reason end, s.at, s.stored_held, s.stored_waits,
        s.is_changed or s.opened or s.starts > 0 and (l.fair or l.rates is not null) or (s.rank, s.seq) < (s.first_rank, s.first_seq) is true)::jobs.bucket_state)
    from rows from (unnest(i_states), unnest(i_taken), unnest(i_starts), unnest(i_refused), unnest(i_opened), unnest(i_ranks), unnest(i_seqs))
      s(id, key, held, waits, first_rank, first_seq, tats, timer, turn, closed_until, closed_by, reason, at, stored_held, stored_waits, is_changed, taken, starts, refused, opened, rank, seq)
    join jobs.job_limit l on l.id = s.id & 16383
    left join lateral (select n.turn, n.run_seconds from jobs.limit_state n where l.fair and n.limit_id = l.id order by n.version desc limit 1) f on true);
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
