-- Buckets: the state of a limit for one key. Read by anybody, written by who has locked the limit's row: the
-- claims of a limit take turns. Others say what happened with a delta (jobs.bucket_delta), which the next claim
-- of that limit applies, so that ending a run waits for nobody.
--
-- The functions inherit the pinned plans of jobs._claim_limited.

-- The limits that apply to these tasks, in the order of the tasks; null: none. A limit covers a task if its topic
-- matches one of the task's names. Reads the limits, and what is known of the tasks that they cover.
create or replace function jobs._limits_of(i_tasks text[]) returns jobs.task_limit[]
language plpgsql stable as $$
declare
  v_tasks text[];
  v_ids integer[];
begin
  select array_agg(m.task), array_agg(m.id) into v_tasks, v_ids
  from (select distinct n.task, l.id
        from (select t as task, t as name from unnest(i_tasks) t
              union all
              select t, c.name from unnest(i_tasks) t join jobs.publish_check k on k.name = t join jobs.publish_check c on c.task = k.task and c.name <> t) n
        join jobs.job_limit l on l.dropped_at is null and n.name like l.pattern) m;
  return case when v_ids is not null then jobs._limits_with_arguments(i_tasks, v_tasks, v_ids) end;
end $$;

-- These limits of these tasks, in step, with where in a body the arguments are that make their keys and costs.
create or replace function jobs._limits_with_arguments(i_order text[], i_tasks text[], i_ids integer[]) returns jobs.task_limit[]
language plpgsql stable as $$
begin
  return (
    select array_agg(row(g.task, l.id, l.key, k.positions, k.defaults, l.cost, k.cost_position, k.cost_default)::jobs.task_limit order by array_position(i_order, g.task), l.id)
    from unnest(i_tasks, i_ids) g(task, id) join jobs.job_limit l on l.id = g.id,
      lateral (
        select array_agg(p.at::integer - 1 order by n.at) filter (where n.at > 0) as positions, array_agg(p.param->'default' order by n.at) filter (where n.at > 0) as defaults,
          max(p.at::integer - 1) filter (where n.at = 0) as cost_position, (array_agg(p.param->'default') filter (where n.at = 0))[1] as cost_default
        from (select n.name, n.at from unnest(l.key) with ordinality n(name, at) union all select l.cost, 0) n
        left join (select p.param, p.at from jobs.publish_check c join jobs.task t on t.name = c.task, jsonb_array_elements(t.params) with ordinality p(param, at)
                   where c.name = g.task) p on p.param->>'name' = n.name) k);
end $$;

-- The bucket of a key. Of the hash the lowest 50 bits: what differs between 1 and 10000 is in the lowest ones.
create or replace function jobs._bucket_id(i_limit integer, i_key jsonb) returns bigint
language sql immutable parallel safe
return case when i_key = '[]' then i_limit else pg_catalog.jsonb_hash_extended(i_key, i_limit) << 14 | i_limit end;

-- How many starts these rates still allow. Each is a GCRA: `tat` is the time at which all starts so far would be
-- spread out, and a start is allowed while it is less than a burst ahead of now.
create or replace function jobs._starts_left(i_rates jobs.rate[], i_tats timestamptz[], i_now timestamptz) returns integer
language sql immutable parallel safe
return (
  select least(1000000000, min(floor(r.burst - extract(epoch from greatest(t.tat, i_now) - i_now)::double precision * r.count / r.seconds + 1e-6)))::integer
  from unnest(i_rates) with ordinality r(count, seconds, burst, at) left join unnest(i_tats) with ordinality t(tat, at) on t.at = r.at);

-- How many jobs may start now under a limit with these settings, in a bucket with this state.
create or replace function jobs._room(i_max integer, i_rates jobs.rate[], i_held integer, i_tats timestamptz[], i_closed_until timestamptz, i_now timestamptz) returns integer
language sql immutable parallel safe
return case when i_closed_until > i_now then 0
  else greatest(0, least(coalesce(i_max - i_held, 1000000000), case when i_rates is not null then jobs._starts_left(i_rates, i_tats, i_now) end)) end;

-- The state of these rates after that many starts.
create or replace function jobs._after_starts(i_rates jobs.rate[], i_tats timestamptz[], i_starts bigint, i_now timestamptz) returns timestamptz[]
language sql immutable parallel safe
return array(
  select greatest(t.tat, i_now) + make_interval(secs => i_starts * r.seconds / r.count)
  from unnest(i_rates) with ordinality r(count, seconds, burst, at) left join unnest(i_tats) with ordinality t(tat, at) on t.at = r.at order by r.at);

-- When time lets a job start in a bucket in which one waits: the next start that the rates allow, beyond those that they
-- allow already and that are too few for what the job costs. null: when a slot is given back.
create or replace function jobs._opens_at(i_max integer, i_rates jobs.rate[], i_held integer, i_tats timestamptz[], i_closed_until timestamptz, i_now timestamptz) returns timestamptz
language sql immutable parallel safe
return case when i_closed_until > i_now then nullif(i_closed_until, 'infinity') when i_held >= i_max then null
  else (select max(t.tat - make_interval(secs => (r.burst - 1 - n.starts) * r.seconds / r.count))
        from (select jobs._starts_left(i_rates, i_tats, i_now)) n(starts), unnest(i_rates) with ordinality r(count, seconds, burst, at) join unnest(i_tats) with ordinality t(tat, at) on t.at = r.at
        where extract(epoch from t.tat - i_now)::double precision * r.count / r.seconds > r.burst - 1 - n.starts + 1e-6) end;

-- The share that a fair limit gives to a key.
create or replace function jobs._weight_of(i_weights jsonb, i_key jsonb) returns double precision
language sql immutable parallel safe
return coalesce((i_weights->>(case pg_catalog.jsonb_array_length(i_key) when 1 then i_key->>0 else i_key::text end))::double precision, 1);

-- The state of a stored bucket as claims work with it. Inlined.
create or replace function jobs._state_of(i_bucket jobs.bucket, i_at tid) returns jobs.bucket_state
language sql immutable parallel safe
return row(i_bucket.id, i_bucket.key, i_bucket.held, i_bucket.waits, i_bucket.first_rank, i_bucket.first_seq, i_bucket.tats, i_bucket.timer, i_bucket.turn, i_bucket.closed_until,
           i_bucket.closed_by, i_bucket.reason, i_at, i_bucket.held, i_bucket.waits, false)::jobs.bucket_state;

-- The state of a bucket that has no row. Inlined.
create or replace function jobs._new_state(i_bucket bigint, i_key jsonb) returns jobs.bucket_state
language sql immutable parallel safe
return row(i_bucket, i_key, 0, false, null, null, null, null, 0, null, null, null, null, 0, false, false)::jobs.bucket_state;

-- Asks the next claims to look whether a job can start in these buckets: a delta for each limit and thousand of them.
create or replace function jobs._look_at(i_buckets bigint[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  insert into jobs.bucket_delta (limit_id, buckets, slots)
  select g.bucket & 16383, array_agg(g.bucket), array_agg(0) from unnest(i_buckets) with ordinality g(bucket, nth) group by 1, g.nth / 1000;
end $$;

-- Applies what was said about the buckets of a limit since the last claim of it, and returns the states of those
-- buckets and of those whose time has come. They are not stored yet. The transactions whose deltas were applied
-- are noted as a snapshot, so that the order in which they commit does not matter, and deltas that were deleted
-- are not passed over. Deletes what it applied; the caller has locked the limit.
create or replace function jobs._hear(i_limit jobs.job_limit, i_now timestamptz) returns jobs.bucket_state[]
language plpgsql as $$
declare
  v_state jobs.limit_state;
  v_visible pg_snapshot;
  v_said jobs.bucket_delta[];
  v_due bigint[];
  v_run double precision;
begin
  select s.* into v_state from jobs.limit_state s where s.limit_id = i_limit.id order by s.version desc limit 1;
  with said as (
    delete from jobs.bucket_delta d where d.ctid = any (array(
      select d.ctid from jobs.bucket_delta d where d.limit_id = i_limit.id and d.xid >= coalesce(pg_snapshot_xmax(v_state.heard), '0')
      union all
      select d.ctid from (select pg_snapshot_xip(v_state.heard) as xid) x, lateral (select d.ctid from jobs.bucket_delta d where d.limit_id = i_limit.id and d.xid = x.xid offset 0) d))
    returning d as delta
  ), due as (
    delete from jobs.bucket_timer t where t.ctid = any (array(
      select t.ctid from jobs.bucket_timer t where t.limit_id = i_limit.id and t.at > coalesce(v_state.timers_to, '-infinity') and t.at <= i_now))
    returning t.bucket
  )
  select (select array_agg(s.delta) from said s), (select array_agg(d.bucket) from due d), jobs._visible_now() into v_said, v_due, v_visible;
  if v_said is null and v_due is null then
    return null;
  end if;
  v_run := coalesce(v_state.run_seconds, 0);
  v_run := coalesce(v_run * 0.8 + 0.2 * (select sum(s) from unnest(v_said) d, unnest(d.seconds) s) / nullif((select sum(s) from unnest(v_said) d, unnest(d.slots) s), 0), v_run);
  perform jobs._note_heard(i_limit.id, v_visible, i_now, v_run, coalesce(v_state.turn, 0));
  return jobs._applied(i_limit, v_said, v_due, coalesce(v_state.run_seconds, 0));
end $$;

-- The states of these buckets once these deltas are applied to them. A fair limit is charged for the time that runs
-- took, less what their starts were charged at first.
create or replace function jobs._applied(i_limit jobs.job_limit, i_said jobs.bucket_delta[], i_due bigint[], i_run_seconds double precision) returns jobs.bucket_state[]
language plpgsql stable as $$
begin
  return (
    select array_agg(row(u.bucket, coalesce(b.key, u.key), greatest(0, coalesce(b.held, 0) - u.slots), coalesce(b.waits, false), b.first_rank, b.first_seq, b.tats, b.timer,
        case when i_limit.fair then greatest(0, coalesce(b.turn, 0) + (u.seconds - u.slots * i_run_seconds) / jobs._weight_of(i_limit.weights, coalesce(b.key, u.key))) else 0 end,
        case when (u.closing).closed_until is null then b.closed_until else nullif((u.closing).closed_until, '-infinity') end,
        case when (u.closing).closed_until is null then b.closed_by else (u.closing).closed_by end, case when (u.closing).closed_until is null then b.reason else (u.closing).reason end,
        b.at, coalesce(b.held, 0), coalesce(b.waits, false), (u.closing).closed_until is not null or i_limit.fair and u.slots > 0)::jobs.bucket_state)
    from (select s.bucket, sum(s.slots)::integer as slots, coalesce(sum(s.seconds), 0) as seconds, (array_agg(s.key) filter (where s.key is not null))[1] as key,
            (array_agg(s.delta order by (s.delta).xid desc) filter (where (s.delta).closed_until is not null))[1] as closing
          from (select e.bucket, e.slots, e.seconds, e.key, case when d.closed_until is not null then d end as delta from unnest(i_said) d, unnest(d.buckets, d.slots, d.seconds, d.keys) e(bucket, slots, seconds, key)
                union all
                select e, 0, null, null, null from unnest(i_due) e) s
          group by s.bucket) u
    left join lateral (select s.*, s.ctid as at from jobs.bucket s where s.id = u.bucket order by s.version desc limit 1) b on true
    where b.id is not null or u.key is not null);
end $$;

-- Stores how far the claims of a limit have read.
create or replace function jobs._note_heard(i_limit integer, i_heard pg_snapshot, i_timers_to timestamptz, i_run_seconds double precision, i_turn double precision) returns void
language plpgsql as $$
begin
  delete from jobs.limit_state s where s.ctid = (select n.ctid from jobs.limit_state n where n.limit_id = i_limit order by n.version desc limit 1);
  insert into jobs.limit_state (limit_id, version, heard, timers_to, run_seconds, turn)
  values (i_limit, nextval('jobs.bucket_versions'), i_heard, i_timers_to, i_run_seconds, i_turn);
end $$;

-- Stores the states of these buckets where they differ from what is stored. A bucket with nothing to remember loses
-- its row. Where a job waits that only time keeps back, a timer says when to look again; where one waits that can
-- start, a delta says so. Returns whether the next claim can start such a one at once. The caller has locked the limits.
create or replace function jobs._store_buckets(i_states jobs.bucket_state[], i_now timestamptz) returns boolean
language plpgsql as $$
declare
  v_open bigint[];
begin
  with changed as materialized (
    select b.*, l.key is not null as is_keyed, l.fair, t.timer as next, jobs._room(l.max, l.rates, b.held, b.tats, b.closed_until, i_now) as room
    from unnest(i_states) b join jobs.job_limit l on l.id = b.id & 16383,
      lateral (select case when b.waits and (b.closed_until is not null or l.rates is not null) then jobs._opens_at(l.max, l.rates, b.held, b.tats, b.closed_until, i_now) end as timer) t
    where b.is_changed or b.held <> b.stored_held or b.waits <> b.stored_waits or b.waits
  ), gone as (
    delete from jobs.bucket s where s.ctid = any (array(
      select c.at from changed c where c.is_changed or c.held <> c.stored_held or c.waits <> c.stored_waits or c.next is distinct from c.timer))
  ), timers as (
    insert into jobs.bucket_timer (limit_id, at, bucket) select c.id & 16383, c.next, c.id from changed c where c.next <> c.timer is not false and c.next is not null
  ), kept as (
    insert into jobs.bucket (id, version, key, held, waits, first_rank, first_seq, tats, timer, turn, closed_until, closed_by, reason)
    select c.id, nextval('jobs.bucket_versions'), c.key, c.held, c.waits, c.first_rank, c.first_seq, c.tats, c.next, c.turn, c.closed_until, c.closed_by, c.reason
    from changed c
    where (c.is_changed or c.held <> c.stored_held or c.waits <> c.stored_waits or c.next is distinct from c.timer)
      and (c.held > 0 or c.waits or c.closed_until > i_now or i_now < any (c.tats))
  )
  select array_agg(c.id) into v_open from changed c where c.waits and c.is_keyed and not c.fair and c.room > 0;
  if v_open is not null then
    perform jobs._look_at(v_open);
  end if;
  -- Where a limit without a key is full, it may be what keeps them back: then a slot of it has to be given back first.
  return v_open is not null and not exists (
    select from unnest(i_states) s join jobs.job_limit l on l.id = s.id and l.key is null
    where s.waits and jobs._room(l.max, l.rates, s.held, s.tats, s.closed_until, i_now) <= 0);
end $$;
