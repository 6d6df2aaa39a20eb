-- Buckets: the state of a limit for one key. Read by anybody, written by who has locked the limit's row: the
-- claims of a limit take turns. Others say what happened with a delta (jobs.bucket_delta), which the next claim
-- of that limit applies, so that ending a run waits for nobody.
--
-- The functions inherit the pinned plans of jobs._claim_limited.

-- The limits that apply to these tasks, in the order of the tasks; null: none. A limit covers a task if its topic
-- matches one of the task's names. Reads the limits, and what is known of the tasks that they cover.
create or replace function jobs._limits_of(i_tasks text[]) returns jobs.task_limit[]
language plpgsql stable as $$
begin
  return (
    select array_agg(row(g.task, l.id, l.key, k.positions, k.defaults, l.cost, k.cost_position, k.cost_default)::jobs.task_limit order by g.at, l.id)
    from unnest(i_tasks) with ordinality g(task, at)
    join jobs.job_limit l on l.dropped_at is null and (g.task like l.pattern
      or exists (select from jobs.publish_check k join jobs.publish_check c on c.task = k.task where k.name = g.task and c.name like l.pattern)),
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

-- When a job can start in a bucket where none can now because of time; null: when a slot is given back.
create or replace function jobs._opens_at(i_max integer, i_rates jobs.rate[], i_held integer, i_tats timestamptz[], i_closed_until timestamptz, i_now timestamptz) returns timestamptz
language sql immutable parallel safe
return case when i_closed_until > i_now then nullif(i_closed_until, 'infinity') when i_held >= i_max then null
  else (select max(t.tat - make_interval(secs => (r.burst - 1) * r.seconds / r.count))
        from unnest(i_rates) with ordinality r(count, seconds, burst, at) join unnest(i_tats) with ordinality t(tat, at) on t.at = r.at
        where extract(epoch from t.tat - i_now)::double precision * r.count / r.seconds > r.burst - 1 + 1e-6) end;

-- The share that a fair limit gives to a key.
create or replace function jobs._weight_of(i_weights jsonb, i_key jsonb) returns double precision
language sql immutable parallel safe
return coalesce((i_weights->>(case pg_catalog.jsonb_array_length(i_key) when 1 then i_key->>0 else i_key::text end))::double precision, 1);

-- Applies what was said about the buckets of a limit since the last claim of it, and returns the states of those
-- buckets and of those whose time has come. They are not stored yet. The transactions whose deltas were applied
-- are noted as a snapshot, so that the order in which they commit does not matter, and deltas that were deleted
-- are not passed over. Deletes what it applied; the caller has locked the limit.
create or replace function jobs._hear(i_limit jobs.job_limit, i_now timestamptz) returns jobs.bucket[]
language plpgsql as $$
declare
  v_state jobs.limit_state;
  v_visible pg_snapshot;
  v_said jobs.bucket_delta[];
  v_due bigint[];
  v_buckets jobs.bucket[];
  v_seconds double precision;
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
  v_seconds := v_state.run_seconds;
  select array_agg(jobs._apply(b, u.key, u.slots, (u.seconds - u.slots * coalesce(v_state.run_seconds, 0)) / jobs._weight_of(i_limit.weights, coalesce(b.key, u.key)), u.closing, u.bucket)),
    coalesce(case when sum(u.slots) > 0 then coalesce(nullif(v_seconds, 0), sum(u.seconds) / sum(u.slots)) * 0.8 + 0.2 * sum(u.seconds) / sum(u.slots) end, v_seconds, 0)
  into v_buckets, v_seconds
  from (select s.bucket, sum(s.slots)::integer as slots, coalesce(sum(s.seconds), 0) as seconds, (array_agg(s.key) filter (where s.key is not null))[1] as key,
          (array_agg(s.delta order by (s.delta).xid desc) filter (where (s.delta).closed_until is not null))[1] as closing
        from (select e.bucket, e.slots, e.seconds, e.key, d as delta from unnest(v_said) d, unnest(d.buckets, d.slots, d.seconds, d.keys) e(bucket, slots, seconds, key)
              union all
              select e, 0, null, null, null from unnest(v_due) e) s
        group by s.bucket) u
    left join lateral (select s.* from jobs.bucket s where s.id = u.bucket order by s.version desc limit 1) b on true
  where b.id is not null or u.key is not null;
  perform jobs._note_heard(i_limit.id, v_visible, i_now, v_seconds, coalesce(v_state.turn, 0));
  return v_buckets;
end $$;

-- The state of a bucket (null: it has none) once that many slots are free, this time was charged, and it was closed
-- or opened.
create or replace function jobs._apply(i_state jobs.bucket, i_key jsonb, i_slots integer, i_charge double precision, i_closing jobs.bucket_delta, i_bucket bigint) returns jobs.bucket
language plpgsql immutable as $$
begin
  i_state.id := i_bucket;
  i_state.version := coalesce(i_state.version, 0);
  i_state.key := coalesce(i_state.key, i_key);
  i_state.held := greatest(0, coalesce(i_state.held, 0) - i_slots);
  i_state.waits := coalesce(i_state.waits, false);
  i_state.turn := greatest(0, coalesce(i_state.turn, 0) + i_charge);
  if i_closing.closed_until is not null then
    i_state.closed_until := nullif(i_closing.closed_until, '-infinity');
    i_state.closed_by := i_closing.closed_by;
    i_state.reason := i_closing.reason;
  end if;
  return i_state;
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
-- start, a delta says so. Returns whether there is such a one. The caller has locked the limits.
create or replace function jobs._store_buckets(i_states jobs.bucket[], i_now timestamptz) returns boolean
language plpgsql as $$
declare
  v_states jobs.bucket[];
  v_left boolean;
begin
  select array_agg(n.state) into v_states
  from (select row(b.id, b.version, b.key, b.held, b.waits, b.first_rank, b.first_seq, b.tats, t.timer, b.turn, b.closed_until, b.closed_by, b.reason)::jobs.bucket as state, b.id
        from unnest(i_states) b join jobs.job_limit l on l.id = b.id & 16383,
          lateral (select case when b.waits and l.key is not null and jobs._room(l.max, l.rates, b.held, b.tats, b.closed_until, i_now) = 0
                               then jobs._opens_at(l.max, l.rates, b.held, b.tats, b.closed_until, i_now) end as timer) t) n;
  with gone as (
    delete from jobs.bucket s where s.ctid = any (array(
      select o.at from unnest(v_states) n, lateral (select o.ctid as at, o from jobs.bucket o where o.id = n.id order by o.version desc limit 1) o where o.o is distinct from n))
  ), timers as (
    insert into jobs.bucket_timer (limit_id, at, bucket)
    select n.id & 16383, n.timer, n.id from unnest(v_states) n left join lateral (select o.timer from jobs.bucket o where o.id = n.id order by o.version desc limit 1) o on true
    where n.timer is not null and n.timer is distinct from o.timer
  )
  insert into jobs.bucket (id, version, key, held, waits, first_rank, first_seq, tats, timer, turn, closed_until, closed_by, reason)
  select n.id, nextval('jobs.bucket_versions'), n.key, n.held, n.waits, n.first_rank, n.first_seq, n.tats, n.timer, n.turn, n.closed_until, n.closed_by, n.reason
  from unnest(v_states) n left join lateral (select o from jobs.bucket o where o.id = n.id order by o.version desc limit 1) o on true
  where o.o is distinct from n and (n.held > 0 or n.waits or n.closed_until > i_now or i_now < any (n.tats));
  insert into jobs.bucket_delta (limit_id, buckets, slots)
  select b.id & 16383, array_agg(b.id), array_agg(0)
  from unnest(v_states) b join jobs.job_limit l on l.id = b.id & 16383
  where b.waits and l.key is not null and not l.fair and jobs._room(l.max, l.rates, b.held, b.tats, b.closed_until, i_now) > 0
  group by 1;
  v_left := found;
  return v_left;
end $$;
