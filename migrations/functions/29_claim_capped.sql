-- Claims of tasks whose limits have no key and are the same for all of them: a cap on a topic, or on everything. Their
-- jobs are alike to the limits, so nothing is decided about each: the claim takes no more than there is room for, as
-- jobs._claim_in_order takes any jobs, and their batches get the slots.

-- Whether the claim can be made that way.
create or replace function jobs._shares_caps(i_limits jobs.task_limit[]) returns boolean
language plpgsql immutable as $$
begin
  return (select bool_and(l.key is null and l.cost is null) and count(*) = count(distinct l.task) * count(distinct l.limit_id) from unnest(i_limits) l);
end $$;

-- The same as jobs._claim_limited, for those.
create or replace function jobs._claim_capped(
  i_worker uuid, i_tasks text[], i_limits jobs.task_limit[], i_num integer, i_lease uuid, i_now timestamptz, i_margin double precision, i_own_batch text[],
  i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_ahead integer, i_jobs_per_mib bigint
) returns table (part integer, run_at timestamptz, unseen bigint, next bigint, started bigint, jobs jobs.open_job[])
language plpgsql as $$
declare
  v_most integer := least(i_num, 5000);
  v_ids integer[] := jobs._take_turns(i_limits, i_worker is null);
  v_is_busy boolean := cardinality(jobs._limits_in_turn(i_limits, v_ids)) = 0;
  v_limited text[] := array(select distinct l.task from unnest(i_limits) l);
  v_free text[] := array(select t from unnest(i_tasks) t where t <> all (v_limited));
  v_states jobs.bucket_state[] := jobs._states_of_caps(v_ids, v_most, i_now);
  v_room integer := case when v_is_busy then 0 else jobs._least_room(v_states, i_now) end;
  v_step record;
  v_parts integer[] := array[]::integer[];
  v_got integer := 0;
  v_taken integer := 0;
  v_shared_part integer := 0;
  v_own_part integer := 0;
  v_size integer;
  v_is_left boolean;
begin
  i_now := jobs.now();   -- after all that was heard: no run begins before the end of the one whose slot it takes
  for v_step in
    select s.is_free, case when s.is_half then (v_most + 1) / 2 else v_most end as most, s.nth, case when s.is_free then v_free else v_limited end as tasks
    from (select n.*, 0 as nth from jobs._steps(v_free, v_limited, v_states) n
          union all select false, false, 1) s   -- and once more where a packed row did not fit into what is left of the room
  loop
    for part, run_at, unseen, next, started, jobs, v_size in
      select c.* from (select least(v_step.most - v_got, case when not v_step.is_free then v_room - v_taken end) as num) n,
        lateral jobs._claim_in_order(i_worker, v_step.tasks, n.num, i_lease, i_now, i_margin, i_own_batch, i_watermark_tasks, i_watermark_priorities, i_watermarks,
                                     n.num + v_got - i_num + i_ahead, i_jobs_per_mib, v_shared_part, v_own_part) c where n.num > 0 and (v_step.nth = 0 or v_taken > 0 and v_room - v_taken < 64)
    loop
      v_got := v_got + v_size;
      v_shared_part := greatest(v_shared_part, part + 1);
      v_own_part := least(v_own_part, part);
      if not v_step.is_free then
        v_taken := v_taken + v_size;
        v_parts := v_parts || part;
      end if;
      return next;
    end loop;
  end loop;
  if v_taken > 0 then
    perform jobs._hold_caps(i_lease, v_parts, v_ids);
  end if;
  v_states := jobs._after_caps(v_states, v_taken, case when not v_is_busy then v_taken >= v_room end, i_now);
  v_is_left := jobs._store_buckets(v_states, i_now);
  run_at := jobs._claim_again(v_ids, v_states, false, v_is_left, v_is_busy, i_now);   -- sees the timers that were just stored
  if v_got < v_most and run_at is not null then
    part := null;
    jobs := null;
    started := 0;
    return next;
  end if;
end $$;

-- The states of the buckets of these limits: one each, new ones included.
create or replace function jobs._states_of_caps(i_ids integer[], i_num integer, i_now timestamptz) returns jobs.bucket_state[]
language plpgsql as $$
declare
  v_states jobs.bucket_state[] := jobs._states_in_turn(i_ids, i_num, i_now);
begin
  return v_states || array(
    select jobs._new_state(i.id, '[]')
    from unnest(i_ids) i(id) where i.id not in (select s.id from unnest(v_states) s));
end $$;

-- How many jobs may start under all of these limits.
create or replace function jobs._least_room(i_states jobs.bucket_state[], i_now timestamptz) returns integer
language plpgsql stable as $$
begin
  return (select min(jobs._room(l.max, l.rates, s.held, s.tats, s.closed_until, i_now)) from unnest(i_states) s join jobs.job_limit l on l.id = s.id);
end $$;

-- Writes the slots of these limits into batches of a claim: one of each for each job.
create or replace function jobs._hold_caps(i_lease uuid, i_parts integer[], i_ids integer[]) returns void
language plpgsql as $$
begin
  update jobs.batch b set on_end = true, slots_each = cardinality(i_ids),
    buckets = case cardinality(i_ids) when 1 then array_fill(i_ids[1]::bigint, array[jobs._count(b.open)])
                   else array(select i.id::bigint from generate_series(1, jobs._count(b.open)), unnest(i_ids) i(id)) end
  where b.lease = i_lease and b.part = any (i_parts);
end $$;

-- The states after that many jobs have started. i_waits: there may be more of them; null: as before.
create or replace function jobs._after_caps(i_states jobs.bucket_state[], i_taken integer, i_waits boolean, i_now timestamptz) returns jobs.bucket_state[]
language plpgsql stable as $$
begin
  return (
    select array_agg(row(s.id, s.key, s.held + i_taken, coalesce(i_waits, s.waits), null, null, case when l.rates is not null and i_taken > 0 then jobs._after_starts(l.rates, s.tats, i_taken, i_now) else s.tats end,
                         s.timer, 0, s.closed_until, s.closed_by, s.reason, s.at, s.stored_held, s.stored_waits, s.is_changed or i_taken > 0 and l.rates is not null)::jobs.bucket_state)
    from unnest(i_states) s join jobs.job_limit l on l.id = s.id);
end $$;
