-- Claims of tasks with limits. The limits' rows are locked in the order of their ids, so that the claims of a limit
-- take turns and each sees what the one before has decided. Nobody else locks them for longer than a statement;
-- a plain client, whose transaction may stay open, never waits for one, and where plain clients are about, workers
-- do not either: who finds a limit locked leaves its tasks out.

-- Claims up to i_num jobs of tasks of which some have limits, for jobs.claim. First applies what was said since the
-- last turn. Then jobs without limits and those with them share the claim: half of it for those whose first job is
-- older, the rest for the others, and what then is left for the first. Where fewer than i_num are claimed and a
-- limit will let jobs start later, a last row says when to claim again: its part is null.
create or replace function jobs._claim_limited(
  i_worker uuid, i_tasks text[], i_limits jobs.task_limit[], i_num integer, i_lease uuid, i_now timestamptz, i_margin double precision, i_own_batch text[],
  i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_ahead integer, i_jobs_per_mib bigint
) returns table (part integer, run_at timestamptz, unseen bigint, next bigint, started bigint, jobs jobs.open_job[])
language plpgsql set enable_mergejoin = off set enable_nestloop = off set jit = off as $$
declare
  v_most integer := least(i_num, 5000);
  v_ids integer[] := jobs._take_turns(i_limits, i_worker is null);
  v_limits jobs.task_limit[] := jobs._limits_in_turn(i_limits, v_ids);
  v_limited text[] := array(select distinct l.task from unnest(v_limits) l);
  v_free text[] := array(select t from unnest(i_tasks) t where t <> all (array(select l.task from unnest(i_limits) l)));
  v_states jobs.bucket_state[] := jobs._states_in_turn(v_ids, v_most, i_now);
  v_unseen bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;   -- before any queue is read
  v_step record;
  v_open jobs.task_limit[];   -- those of tasks of which a job may start in this claim
  v_round record;
  v_admission jobs.admission;   -- of a round for limited jobs; those without limits need none
  v_got integer := 0;
  v_looked integer := 0;
  v_shared_part integer := 0;
  v_own_part integer := 0;
  v_size integer;
  v_is_left boolean;
  v_shut bigint[] := array[]::bigint[];   -- keys of which no job can start in this claim any more
begin
  i_now := jobs.now();   -- after all that was heard: no run begins before the end of the one whose slot it takes
  v_open := jobs._without_full(v_limits, v_states, i_now);
  for v_step in select s.is_free, case when s.is_half then (v_most + 1) / 2 else v_most end as most from jobs._steps(v_free, v_limited, v_states) s loop
    while v_got < v_step.most loop
      if not v_step.is_free then
        select a.admission, a.states, a.looked, a.shut_tasks, a.shut_buckets into v_round
        from jobs._admit(v_open, v_shut, v_states, v_step.most - v_got, v_looked, i_now, i_own_batch, i_watermark_tasks, i_watermark_priorities, i_watermarks, i_jobs_per_mib) a;
        v_states := v_round.states;
        v_looked := v_looked + v_round.looked;
        v_admission := v_round.admission;
        exit when v_admission is null;
        v_shut := v_shut || v_round.shut_buckets;
        if v_round.shut_tasks is not null then
          v_open := array(select l from unnest(v_open) l where l.task <> all (v_round.shut_tasks));
        end if;
      end if;
      for part, run_at, unseen, next, started, jobs, v_size in
        select m.part, m.run_at, v_unseen, m.xid, m.started, m.jobs, m.size
        from jobs._move_admitted(v_admission, i_worker, i_lease, i_now, i_margin, i_own_batch, i_num - i_ahead - v_got, v_shared_part, v_own_part) m where not v_step.is_free
        union all
        select c.part, c.run_at, c.unseen, c.next, c.started, c.jobs, c.size
        from jobs._claim_in_order(i_worker, v_free, v_step.most - v_got, i_lease, i_now, i_margin, i_own_batch, i_watermark_tasks, i_watermark_priorities, i_watermarks,
                                  v_step.most - i_num + i_ahead, i_jobs_per_mib, v_shared_part, v_own_part) c where v_step.is_free
      loop
        v_got := v_got + v_size;
        v_shared_part := greatest(v_shared_part, part + 1);
        v_own_part := least(v_own_part, part);
        return next;
      end loop;
      exit when v_step.is_free;
    end loop;
  end loop;
  v_is_left := jobs._store_buckets(v_states, i_now);
  perform jobs._note_served(v_ids, v_states);
  run_at := jobs._claim_again(v_ids, v_states, v_looked >= 5000, v_is_left, cardinality(v_limits) < cardinality(i_limits), i_now);   -- sees the timers that were just stored
  if v_got < v_most and run_at is not null then
    part := null;
    jobs := null;
    started := 0;
    return next;
  end if;
end $$;

-- Locks these limits, and returns those that it has locked: a plain client, and a worker where plain clients are
-- about, leaves out what others have locked.
create or replace function jobs._take_turns(i_limits jobs.task_limit[], i_is_plain boolean) returns integer[]
language plpgsql as $$
declare
  v_ids integer[] := array(select distinct l.limit_id from unnest(i_limits) l);
begin
  if i_is_plain or jobs._is_awaited('jobs.plain_clients_until') then
    v_ids := array(select l.id from jobs.job_limit l where l.id = any (v_ids) and l.dropped_at is null order by l.id for no key update skip locked);
  else
    v_ids := array(select l.id from jobs.job_limit l where l.id = any (v_ids) and l.dropped_at is null order by l.id for no key update);
  end if;
  perform jobs._note_turn();
  return v_ids;
end $$;

-- Notes that this transaction has a turn, after it has locked limits. 40001 where it reads with an older snapshot than
-- that of the last turn, as a caller's transaction with the isolation level REPEATABLE READ or SERIALIZABLE may: the
-- lock alone does not show it what that turn has taken.
create or replace function jobs._note_turn() returns void
language plpgsql as $$
declare
  v_last xid8 := pg_sequence_last_value('jobs.limit_turns')::text::xid8;
  v_own xid8 := pg_current_xact_id();
begin
  if v_last <> v_own and not pg_visible_in_snapshot(v_last, pg_current_snapshot()) and current_setting('transaction_isolation') <> 'read committed' then
    raise sqlstate '40001' using message = 'another claim under the same limits was committed after this transaction began',
      hint = 'run the transaction again, or claim with the isolation level READ COMMITTED';
  end if;
  perform setval('jobs.limit_turns', v_own::text::bigint);
end $$;

-- The limits of those tasks of which all limits are locked.
create or replace function jobs._limits_in_turn(i_limits jobs.task_limit[], i_ids integer[]) returns jobs.task_limit[]
language plpgsql immutable as $$
begin
  if cardinality(i_ids) = (select count(distinct l.limit_id) from unnest(i_limits) l) then
    return i_limits;
  end if;
  return array(select l from unnest(i_limits) l where l.task <> all (array(select o.task from unnest(i_limits) o where o.limit_id <> all (i_ids))));
end $$;

-- The states of buckets that a turn begins with: those of which something was said, those without a key, and of
-- fair limits those with room whose turn is next.
create or replace function jobs._states_in_turn(i_ids integer[], i_num integer, i_now timestamptz) returns jobs.bucket_state[]
language plpgsql as $$
declare
  v_limit jobs.job_limit;
  v_heard jobs.bucket_state[];
  v_states jobs.bucket_state[];
begin
  for v_limit in select l.* from jobs.job_limit l where l.id = any (i_ids) order by l.id loop
    v_heard := jobs._hear(v_limit, i_now);
    v_states := v_states || v_heard;
    if v_limit.key is null and v_heard is null then
      v_states := v_states || array(select jobs._state_of(b, b.ctid) from jobs.bucket b where b.id = v_limit.id order by b.version desc limit 1);
    elsif v_limit.fair then
      v_states := v_states || (
        select array_agg(s.state)
        from (select jobs._state_of(b, b.ctid) as state, b.id from jobs.bucket b where (b.id & 16383) = v_limit.id and b.waits and jobs._room(v_limit.max, v_limit.rates, b.held, b.tats, b.closed_until, i_now) > 0 order by b.turn limit greatest(100, i_num)) s
        left join unnest(v_heard) h on h.id = s.id where h.id is null);
    end if;
  end loop;
  return v_states;
end $$;

-- Notes how far the turns of fair limits have come: to the least of those who wait, or where nobody waits, to the
-- greatest. Who comes to wait begins there, and has nothing left of the time before.
create or replace function jobs._note_served(i_ids integer[], i_states jobs.bucket_state[]) returns void
language plpgsql as $$
begin
  perform jobs._note_heard(l.id, s.heard, s.timers_to, coalesce(s.run_seconds, 0), t.turn)
  from jobs.job_limit l
  left join lateral (select n.* from jobs.limit_state n where n.limit_id = l.id order by n.version desc limit 1) s on true,
    lateral (select coalesce(min(greatest(b.turn, s.turn)) filter (where b.waits), max(b.turn)) as turn from unnest(i_states) b where (b.id & 16383)::integer = l.id) t
  where l.id = any (i_ids) and l.fair and t.turn > coalesce(s.turn, 0);
end $$;

-- These limits without those of tasks that have one without a key which is full, and of which it is known that jobs
-- wait for it: none of them can start.
create or replace function jobs._without_full(i_limits jobs.task_limit[], i_states jobs.bucket_state[], i_now timestamptz) returns jobs.task_limit[]
language plpgsql stable as $$
declare
  v_full integer[] := array(select l.id from unnest(i_states) s join jobs.job_limit l on l.id = s.id and l.key is null
                            where s.waits and jobs._room(l.max, l.rates, s.held, s.tats, s.closed_until, i_now) <= 0);
begin
  if v_full = '{}' then
    return i_limits;
  end if;
  return array(select l from unnest(i_limits) l where l.task <> all (array(select o.task from unnest(i_limits) o where o.limit_id = any (v_full))));
end $$;

-- What a claim does one after the other: jobs without limits (is_free) and jobs with them, for half of the claim or
-- all of it.
create or replace function jobs._steps(i_free text[], i_limited text[], i_states jobs.bucket_state[]) returns table (is_free boolean, is_half boolean)
language plpgsql stable as $$
declare
  v_free record;
  v_limited record;
begin
  select h.rank, h.ready_seq into v_free from unnest(i_free) t(task),
    lateral (select q.rank, q.ready_seq from jobs._ready q where q.task = t.task order by q.rank, q.ready_seq limit 1) h order by 1, 2 limit 1;
  if v_free.rank is null then
    return query select false, false;
    return;
  end if;
  select h.rank, h.ready_seq into v_limited
  from (select r.rank, r.ready_seq from unnest(i_limited) t(task), lateral (select q.rank, q.ready_seq from jobs._ready q where q.task = t.task order by q.rank, q.ready_seq limit 1) r
        union all select b.first_rank, b.first_seq from unnest(i_states) b where b.waits) h order by 1, 2 limit 1;
  return query select s.is_free, s.is_half from (values (1, false, true), (2, true, false), (3, false, false), (0, true, true)) s(at, is_free, is_half)
    where (v_limited.rank, v_limited.ready_seq) < (v_free.rank, v_free.ready_seq) is true and s.at > 0 or ((v_limited.rank, v_limited.ready_seq) < (v_free.rank, v_free.ready_seq)) is not true and s.at in (0, 2, 3)
    order by case when s.at = 2 and (v_limited.rank, v_limited.ready_seq) < (v_free.rank, v_free.ready_seq) is not true then 4 else s.at end;
end $$;

-- A round of a claim of limited jobs: takes rows that may go, blocked ones before those in the queues (of fair limits
-- the queues first, because their jobs go by turns), and decides about them. The admission is null when there is
-- nothing more to decide. i_looked: how many rows of queues this claim has looked at, at most 5000.
create or replace function jobs._admit(
  i_limits jobs.task_limit[], i_shut bigint[], i_states jobs.bucket_state[], i_num integer, i_looked integer, i_now timestamptz, i_own_batch text[],
  i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_jobs_per_mib bigint,
  out admission jobs.admission, out states jobs.bucket_state[], out looked integer, out shut_tasks text[], out shut_buckets bigint[]
)
language plpgsql as $$
declare
  v_fair integer[] := array(select l.id from jobs.job_limit l where l.fair and l.id = any (array(select t.limit_id from unnest(i_limits) t)));
  v_blocks boolean := exists (select from unnest(i_limits) t where t.key is not null);   -- rows may have to be looked through
  v_rows tid[];
  v_round record;
begin
  looked := 0;
  states := i_states;
  if v_fair <> '{}' and i_looked < 5000 then
    v_rows := jobs._ready_rows(array(select t.task from unnest(i_limits) t where t.limit_id = any (v_fair)), i_limits, states, i_now, 1000, 1000, '{}', i_watermark_tasks, i_watermark_priorities, i_watermarks, i_jobs_per_mib);
    looked := coalesce(cardinality(v_rows), 0);
  end if;
  if v_rows is null then
    select o.admission, o.rows, o.states into v_round from jobs._open_blocked(i_states, i_limits, i_shut, i_num, i_now) o;
    admission := v_round.admission;
    v_rows := v_round.rows;
    states := v_round.states;
  end if;
  if admission is null and v_rows is null and i_looked < 5000 then
    v_rows := jobs._ready_rows(array(select distinct t.task from unnest(i_limits) t), i_limits, states, i_now, i_num, least(5000 - i_looked, case when v_blocks then greatest(i_num + 64, i_looked) else i_num end), i_own_batch,
                               i_watermark_tasks, i_watermark_priorities, i_watermarks, i_jobs_per_mib);
    looked := coalesce(cardinality(v_rows), 0);
  end if;
  if v_rows is not null then
    select j.* into v_round from jobs._judge(v_rows, i_num, i_limits, states, i_now) j;
    admission := v_round.admission;
    states := v_round.states;
    shut_tasks := v_round.shut_tasks;
    shut_buckets := v_round.shut_buckets;
    if admission.blocked is not null then
      perform jobs._block(admission);
    elsif admission.jobs is null and shut_tasks is null and shut_buckets is null then
      admission := null;
    end if;
  end if;
end $$;

-- The rows at the heads of the queues of these tasks, locked: for i_num jobs, and up to i_look to find them behind
-- those that will be blocked. Packed rows are unpacked where their jobs may not go together.
create or replace function jobs._ready_rows(
  i_tasks text[], i_limits jobs.task_limit[], i_states jobs.bucket_state[], i_now timestamptz, i_num integer, i_look integer, i_own_batch text[],
  i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_jobs_per_mib bigint
) returns tid[]
language plpgsql as $$
declare
  v_plan jobs.claim_plan := jobs._plan_claim(i_tasks, i_watermark_tasks, i_watermark_priorities, i_watermarks, i_look, i_own_batch, i_jobs_per_mib);
  v_rows jobs.locked_rows;
begin
  if v_plan.ranges is not null then
    v_rows := jobs._lock_rows(v_plan, i_look, true, i_look, i_own_batch, i_jobs_per_mib);
    if v_rows.packed > 0 then
      v_rows.rows := jobs._unpack_limited(v_rows.rows, i_limits, i_states, i_num, i_now);
    end if;
  end if;
  return v_rows.rows;
end $$;

-- These rows, with those packed ones unpacked whose jobs have keys or costs of their own, or of which there are more
-- than there is room for.
create or replace function jobs._unpack_limited(i_rows tid[], i_limits jobs.task_limit[], i_states jobs.bucket_state[], i_num integer, i_now timestamptz) returns tid[]
language plpgsql as $$
declare
  v_packed tid[];
begin
  v_packed := array(
    select r.at
    from (select g.at, q.size, t.room, t.is_keyed, sum(q.size) over (partition by q.task order by q.rank, q.ready_seq rows unbounded preceding) as reach
          from unnest(i_rows) g(at), lateral (select p.task, p.size, jobs._rank(p.priority, p.ready_seq) as rank, p.ready_seq from jobs.pending p where p.ctid = g.at offset 0) q
          join (select l.task, bool_or(l.key is not null or l.cost is not null) as is_keyed,
                  least(i_num, min(jobs._room(d.max, d.rates, coalesce(i.held, b.held, 0), coalesce(i.tats, b.tats), coalesce(i.closed_until, b.closed_until), i_now))) as room
                from unnest(i_limits) l join jobs.job_limit d on d.id = l.limit_id
                left join unnest(i_states) i on i.id = l.limit_id and l.key is null
                left join lateral (select s.* from jobs.bucket s where l.key is null and i.id is null and s.id = l.limit_id order by s.version desc limit 1) b on true group by 1) t on t.task = q.task) r
    where r.size > 1 and (r.is_keyed or r.reach > r.room and r.reach - r.size < r.room));
  if v_packed = '{}' then
    return i_rows;
  end if;
  return array(select r from unnest(i_rows) r where r <> all (v_packed)) || jobs._unpack_rows(v_packed);
end $$;

-- The blocked jobs that can start now, locked: up to i_num of those buckets that have room, in the order of their
-- queues; of fair limits in the order of turns. Either those of tasks with one limit, which go (admission), or where
-- there are none of these, others, about which there is more to decide (rows). Only jobs of the tasks of these limits,
-- and none of the buckets i_shut. And the states, in which buckets where nobody is left do not wait.
create or replace function jobs._open_blocked(
  i_states jobs.bucket_state[], i_limits jobs.task_limit[], i_shut bigint[], i_num integer, i_now timestamptz, out admission jobs.admission, out rows tid[], out states jobs.bucket_state[]
)
language plpgsql as $$
declare
  v_opened record;
  v_tasks text[] := array(select distinct l.task from unnest(i_limits) l);
  v_simple text[] := array(select l.task from unnest(i_limits) l group by l.task having count(*) = 1 and bool_and(l.cost is null));
begin
  with open as materialized (
    select b.id, b.turn, l.fair, b.first_rank, b.first_seq, least(jobs._room(l.max, l.rates, b.held, b.tats, b.closed_until, i_now), i_num) as room, l.rates, s.turn as limit_turn, s.run_seconds,
      case when l.fair then jobs._weight_of(l.weights, b.key) end as weight
    from unnest(i_states) b join jobs.job_limit l on l.id = b.id & 16383
    left join lateral (select n.turn, n.run_seconds from jobs.limit_state n where l.fair and n.limit_id = l.id order by n.version desc limit 1) s on true
    where b.waits and l.key is not null and b.id <> all (i_shut)
  ), heads as materialized (
    select o.id, o.room, p.*, case when o.fair then greatest(o.turn, o.limit_turn) + p.nth * greatest(o.run_seconds, 0.001) / o.weight else 0 end as start
    from open o, lateral (
      select h.*, row_number() over (order by h.rank, h.seq rows unbounded preceding) as nth
      from (select q.ctid as at, jobs._rank(q.priority, q.ready_seq) as rank, q.ready_seq as seq, q.job_id, q.bytes, q.on_end is distinct from null as on_end, q.task = any (v_simple) as is_simple
            from jobs.pending q
            where q.bucket = o.id and q.task = any (v_tasks) and (jobs._rank(q.priority, q.ready_seq), q.ready_seq) >= (o.first_rank, o.first_seq)
            order by jobs._rank(q.priority, q.ready_seq), q.ready_seq limit o.room + 1) h) p
    where o.room > 0
  ), locked as materialized (
    select c.* from (select h.* from heads h where h.nth <= h.room order by h.is_simple desc, h.start, h.rank, h.seq limit i_num) c,
      lateral (select 1 from jobs.pending q where q.ctid = c.at for update skip locked) l
  ), used as (
    select h.id, count(*) > count(l.at) filter (where l.is_simple or not (select coalesce(bool_or(s.is_simple), false) from locked s)) as is_left, (count(l.at) filter (where l.is_simple))::integer as taken, min(h.rank) as rank, min(h.seq) as seq,
      array_agg(l.at) filter (where l.at is not null) as at from heads h left join locked l on l.at = h.at group by 1
  )
  select array_agg(l.at order by l.rank, l.seq) filter (where l.is_simple) as rows, array_agg(l.at) filter (where not l.is_simple) as others, sum(l.bytes + 300) as bytes, bool_or(l.on_end) as on_end,
    array_agg(l.job_id) filter (where l.is_simple) as jobs, array_agg(l.id) filter (where l.is_simple) as buckets, (
      select array_agg(case when o.room > 0 then jobs._after_open(b, u.is_left is true or exists (select from jobs.pending q where q.bucket = o.id and q.ctid <> all (coalesce(u.at, '{}'))), coalesce(u.taken, 0), p.rank, p.seq, o.rates, o.fair, o.weight, o.limit_turn, o.run_seconds, i_now) else b end)
      from unnest(i_states) b left join open o on o.id = b.id left join used u on u.id = b.id
      left join lateral (   -- the first place, unless there are jobs of other tasks before it
        select u.rank, u.seq where not exists (
          select from jobs.pending q where q.bucket = o.id and (jobs._rank(q.priority, q.ready_seq), q.ready_seq) >= (o.first_rank, o.first_seq)
            and (jobs._rank(q.priority, q.ready_seq), q.ready_seq) < (u.rank, u.seq))) p on true) as states
  into v_opened from locked l;
  states := v_opened.states;
  if v_opened.rows is not null then
    admission := row(row(v_opened.rows, v_opened.bytes, 0, false, null, v_opened.on_end)::jobs.locked_rows, cardinality(v_opened.rows), v_opened.jobs, array_fill(1, array[cardinality(v_opened.rows)]), v_opened.buckets,
                     array_fill(1, array[cardinality(v_opened.rows)]), null, null)::jobs.admission;
  else
    rows := v_opened.others;
  end if;
end $$;

-- The state of a bucket after its blocked jobs were looked at. Inlined.
create or replace function jobs._after_open(
  i_state jobs.bucket_state, i_is_left boolean, i_taken integer, i_rank bigint, i_seq bigint, i_rates jobs.rate[], i_fair boolean, i_weight double precision, i_turn double precision,
  i_run_seconds double precision, i_now timestamptz
) returns jobs.bucket_state
language sql immutable parallel safe
return row(i_state.id, i_state.key, i_state.held + i_taken, i_is_left, coalesce(i_rank, i_state.first_rank), coalesce(i_seq, i_state.first_seq),
  case when i_rates is not null and i_taken > 0 then jobs._after_starts(i_rates, i_state.tats, i_taken, i_now) else i_state.tats end, i_state.timer,
  case when i_fair then greatest(i_state.turn, i_turn) + i_taken * coalesce(i_run_seconds, 0) / i_weight else i_state.turn end, i_state.closed_until, i_state.closed_by, i_state.reason,
  i_state.at, i_state.stored_held, i_state.stored_waits, i_state.is_changed or i_taken > 0 and (i_fair or i_rates is not null))::jobs.bucket_state;

-- Moves the rows that go into batches, as jobs._move_rows does, and writes their slots there.
create or replace function jobs._move_admitted(
  i_admission jobs.admission, i_worker uuid, i_lease uuid, i_now timestamptz, i_margin double precision, i_own_batch text[], i_begin integer, i_shared_part integer, i_own_part integer
) returns table (part integer, run_at timestamptz, xid bigint, started bigint, jobs jobs.open_job[], size integer)
language plpgsql as $$
begin
  if i_admission.jobs > 0 then
    return query select m.part, m.run_at, m.xid, m.started, m.jobs, m.size
      from jobs._move_rows(i_admission.rows, i_worker, i_lease, i_now, i_margin, i_own_batch, i_begin, i_shared_part, i_own_part) m;
    perform jobs._hold_slots(i_lease, i_admission);
  end if;
end $$;

-- When to claim again because a limit opens then; null: when a slot is given back. i_is_more: the queues have more to
-- look at; i_is_left: jobs wait at keys with room, because others have locked them or they cost more; i_is_busy: another
-- claim has one of the limits.
create or replace function jobs._claim_again(i_ids integer[], i_states jobs.bucket_state[], i_is_more boolean, i_is_left boolean, i_is_busy boolean, i_now timestamptz) returns timestamptz
language plpgsql stable as $$
begin
  if i_is_more then
    return i_now;
  end if;
  return least(case when i_is_busy then i_now + interval '50 ms' end, case when i_is_left then i_now + interval '1 s' end, (
    select min(t.at) from unnest(i_ids) i(id), lateral (
      select t.at from jobs.bucket_timer t where t.limit_id = i.id and t.at > i_now order by t.at limit 1) t), (
    select min(jobs._opens_at(l.max, l.rates, b.held, b.tats, b.closed_until, i_now)) from unnest(i_states) b
      join jobs.job_limit l on l.id = (b.id & 16383)::integer and l.key is null where b.waits));
end $$;
