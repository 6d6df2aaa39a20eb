-- Limits for those who look at them, and closing a key. Readers see a bucket as the next claim would find it:
-- as it is stored, with what was said of it since. They lock nothing, and count no further than a page shows.

-- What was said about the buckets of a limit and no claim has applied yet, at most 10,000 rows.
create or replace function jobs._unheard(i_limit integer) returns setof jobs.bucket_delta
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_heard pg_snapshot := (select s.heard from jobs.limit_state s where s.limit_id = i_limit order by s.version desc limit 1);
begin
  return query
  select d.* from jobs.bucket_delta d where d.limit_id = i_limit and d.xid >= coalesce(pg_snapshot_xmax(v_heard), '0'::xid8) limit 10000;
  return query
  select d.* from pg_snapshot_xip(v_heard) x(xid), lateral (select u.* from jobs.bucket_delta u where u.limit_id = i_limit and u.xid = x.xid limit 10000) d;
end $$;

-- The states of buckets of these limits: of those in i_some, or of all (null) among the first 100,000 buckets
-- there are.
create or replace function jobs._states_of(i_limits integer[], i_some bigint[] default null) returns setof jobs.bucket_state
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_nestloop = on set jit = off as $$
declare
  v_some bigint[] := coalesce(i_some, array(select l.id::bigint from jobs.job_limit l where l.id = any (i_limits) and l.key is null));
  v_keyed integer[] := array(select l.id from jobs.job_limit l where l.id = any (i_limits) and l.key is not null and i_some is null);
begin
  return query
  with changed as materialized (
    select c.*
    from jobs.job_limit l, lateral unnest(jobs._applied(l, array(select d from jobs._unheard(l.id) d), null, 0)) c
    where l.id = any (i_limits) and (i_some is null or c.id = any (i_some))
  )
  select c.* from changed c
  union all
  select (jobs._state_of(s.bucket, null)).* from unnest(v_some) g(id), lateral (select b as bucket from jobs.bucket b where b.id = g.id order by b.version desc limit 1) s
  where g.id not in (select c.id from changed c)
  union all
  select (jobs._state_of(b, null)).* from (select s.* from jobs.bucket s where v_keyed <> '{}' limit 100000) b
  where (b.id & 16383)::integer = any (v_keyed) and b.id not in (select c.id from changed c);
end $$;

-- The limits in force that cover a task, or whose topic is under this one; null: all.
create or replace function jobs._limits_under(i_topic text) returns setof jobs.job_limit
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select l.* from jobs.job_limit l
  where l.dropped_at is null and (i_topic is null or l.topic like jobs._pattern(i_topic) or i_topic like l.pattern
    or exists (select from jobs.publish_check k join jobs.publish_check c on c.task = k.task where k.name = i_topic and c.name like l.pattern))
$$;

-- The limit in force with this name. PT404 when there is none.
create or replace function jobs._limit_named(i_name text) returns jobs.job_limit
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_limit jobs.job_limit;
begin
  select l.* into v_limit from jobs.job_limit l where l.name = i_name and l.dropped_at is null;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no limit %s', coalesce(jobs._shown(i_name), 'null')), hint = 'jobs.limits() lists the limits';
  end if;
  return v_limit;
end $$;

-- How many jobs wait for a slot of a limit; counts to 10,001.
create or replace function jobs._count_blocked(i_limit integer) returns bigint
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
begin
  return (
    select count(*) from (
      select from (select b.id from jobs.bucket b where (b.id & 16383) = i_limit::bigint and b.waits limit 10001) w,
        lateral (select from jobs.pending q where q.bucket = w.id limit 10001) j
      limit 10001) c);
end $$;

-- The same for one bucket.
create or replace function jobs._count_blocked_at(i_bucket bigint) returns bigint
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  return (select count(*) from (select from jobs.pending q where q.bucket = i_bucket limit 10001) c);
end $$;

-- The limits in force, by name: those that cover the task i_topic, or whose topics are under it (null: all).
-- Of each the slots that jobs hold, how many jobs wait for one (counted to 10,001), how many keys it has in
-- use, and how many of these are closed. Locks nothing.
create or replace function jobs.limits(i_topic text default null) returns table (
  name varchar, topic varchar, key text[], max integer, rates text[], cost text, in_order boolean, on_dead text, fair boolean, weights jsonb,
  declared_by varchar, held bigint, blocked bigint, keys bigint, closed bigint, changed_at timestamptz, changed_by name
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_ids integer[] := array(select l.id from jobs._limits_under(i_topic) l);
begin
  return query
  with states as materialized (
    select (s.id & 16383)::integer as limit_id, sum(s.held) as held, count(*) as keys, count(*) filter (where s.closed_until > v_now) as closed
    from jobs._states_of(v_ids) s group by 1
  )
  select l.name, l.topic, nullif(l.key, '{}'), l.max, (select array_agg(jobs._rate_text(row(r.count, r.seconds, r.burst)::jobs.rate) order by r.at) from unnest(l.rates) with ordinality r(count, seconds, burst, at)), l.cost, l.in_order, l.on_dead, l.fair, l.weights,
    l.declared_by, coalesce(s.held, 0), case when l.key is null then 0 else jobs._count_blocked(l.id) end, coalesce(s.keys, 0), coalesce(s.closed, 0),
    l.changed_at, l.changed_by
  from jobs.job_limit l left join states s on s.limit_id = l.id
  where l.id = any (v_ids) order by l.name;
end $$;

-- The name of an argument among those that make a key, and what the tasks under the limit declare of it,
-- where one of them calls it sensitive.
create or replace function jobs._sensitive_keys(i_limit jobs.job_limit) returns table (at integer, args_schema jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select n.at::integer - 1, t.args_schema
  from jobs.task t, unnest(i_limit.key) with ordinality n(name, at)
  where strpos(t.args_schema::text, '"writeOnly": true') > 0 and t.args_schema->'properties' ? n.name
    and exists (select from jobs.publish_check k where k.task = t.name and k.name like i_limit.pattern)
$$;

-- A key as people see it: without the values that a task under the limit declares as sensitive.
create or replace function jobs._shown_key(i_limit jobs.job_limit, i_key jsonb) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_key jsonb := i_key;
  v_part record;
begin
  for v_part in select s.at, s.args_schema from jobs._sensitive_keys(i_limit) s loop
    v_key := jsonb_set(v_key, array[v_part.at::text],
      jobs._masked(v_key->v_part.at, v_part.args_schema->'properties'->(i_limit.key[v_part.at + 1]), v_part.args_schema));
  end loop;
  return v_key;
end $$;

-- The keys of a limit, at most i_limit: those that are closed, then those for which jobs wait, then by the
-- slots that are held. next_at: when a rate or a closed key lets the next job start; null: now, or when a
-- slot is given back. For administrators, because keys are made of arguments; of sensitive ones without the
-- value. Looks at 100,000 keys at most. Locks nothing. PT404 for an unknown limit.
create or replace function jobs.limit_keys(i_name text, i_limit integer default 50) returns table (
  key jsonb, held integer, blocked bigint, closed_until timestamptz, closed_by varchar, reason text, next_at timestamptz
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_limit jobs.job_limit;
begin
  perform jobs._check_limit('i_limit', i_limit);
  v_limit := jobs._limit_named(i_name);
  return query
  with first as materialized (
    select s.*, coalesce(s.closed_until > v_now, false) as is_closed from jobs._states_of(array[v_limit.id]) s
    order by (s.closed_until > v_now) is true desc, s.waits desc, s.held desc, s.id limit i_limit
  )
  select jobs._shown_key(v_limit, f.key), f.held, jobs._count_blocked_at(f.id), case when f.is_closed then f.closed_until end,
    case when f.is_closed then f.closed_by end, case when f.is_closed then f.reason end,
    jobs._opens_at(v_limit.max, v_limit.rates, f.held, f.tats, f.closed_until, v_now)
  from first f order by f.is_closed desc, f.waits desc, f.held desc, f.key;
end $$;
