-- Keys of limits that hold up their jobs: listing, closing and opening them.

-- The key of a limit as it is stored, from what a caller gives: an array with a value for each argument that
-- makes the key, or the value alone where that is one argument and no array; null for a limit without key.
-- PT400 for anything else.
create or replace function jobs._limit_key(i_limit jobs.job_limit, i_key jsonb) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_names integer := coalesce(cardinality(i_limit.key), 0);
  v_key jsonb := case when i_key is null then '[]' when jsonb_typeof(i_key) = 'array' then i_key else jsonb_build_array(i_key) end;
begin
  if jsonb_array_length(v_key) <> v_names then
    raise sqlstate 'PT400' using
      message = format('a key of the limit %s has %s values, and this has %s', jobs._shown(i_limit.name), v_names, jsonb_array_length(v_key)),
      hint = case when v_names = 0 then 'the limit has no key: give null'
                  else format('give an array with the values of %s', jobs._escaped(array_to_string(i_limit.key, ', '))) end;
  end if;
  return jobs._short_key(v_key);
end $$;

-- Closes a key: no job of it starts before i_until (infinity: until jobs.release_key). For a handler that was
-- told to wait, by HTTP's 429 for example. A key that is closed for longer stays so, and a time that is over
-- changes nothing. Only says so to the next claim (jobs.bucket_delta), so it waits for nobody. i_key as
-- jobs._limit_key takes it. PT404 for an unknown limit, PT400 for a key that does not fit or a time out of
-- range, PT403 when a restricted caller may not consume what is under the limit.
create or replace function jobs.block_key(i_name text, i_key jsonb, i_until timestamptz, i_reason text default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_limit jobs.job_limit := jobs._limit_named(i_name);
  v_key jsonb := jobs._limit_key(v_limit, i_key);
  v_bucket bigint := jobs._bucket_id(v_limit.id, v_key);
begin
  perform jobs._check_topics(false, array[v_limit.topic::text]);
  if i_until is null or i_until <> 'infinity' and jobs._is_reachable(i_until) is not true then
    raise sqlstate 'PT400' using message = 'a key is closed until a time, and this is none or out of range', hint = 'give infinity to close it until jobs.release_key';
  elsif length(i_reason) > 1000 then
    raise sqlstate 'PT400' using message = 'the reason for closing a key has at most 1000 characters';
  end if;
  insert into jobs.bucket_delta (limit_id, buckets, slots, closed_until, reason, keys)
  select v_limit.id, array[v_bucket], array[0], i_until, i_reason, array[v_key]
  where i_until > jobs.now() and not exists (select from jobs._states_of(array[v_limit.id], array[v_bucket]) s where s.closed_until >= i_until);
end $$;

-- Opens a key that is closed, and wakes workers; false when it is not closed. i_key as jobs._limit_key takes
-- it. Waits for nobody. PT404 for an unknown limit, PT400 for a key that does not fit.
create or replace function jobs.release_key(i_name text, i_key jsonb default null) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_limit jobs.job_limit := jobs._limit_named(i_name);
  v_key jsonb := jobs._limit_key(v_limit, i_key);
  v_bucket bigint := jobs._bucket_id(v_limit.id, v_key);
begin
  if not exists (select from jobs._states_of(array[v_limit.id], array[v_bucket]) s where s.closed_until > jobs.now()) then
    return false;
  end if;
  insert into jobs.bucket_delta (limit_id, buckets, slots, closed_until, keys) values (v_limit.id, array[v_bucket], array[0], '-infinity', array[v_key]);
  perform jobs._audit('release_key', i_name, null, null, case when i_key is not null then jsonb_build_object('key', v_key) end);
  perform jobs._wake_workers();
  return true;
end $$;

-- Jobs in order that keep their slots while they wait for their next run, at most 10,000, each with the
-- buckets.
create or replace function jobs._keepers() returns table (bucket bigint, job_id varchar, scheduled_at timestamptz)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  return query
  select k.bucket, q.job_id, q.scheduled_at
  from (select p.job_id, p.scheduled_at, (p.on_end).kept as kept from jobs.pending p where (p.on_end).kept is not null limit 10000) q,
    unnest(q.kept) k(bucket);
end $$;

-- The keys that hold up their jobs, at most i_limit: those that are closed, and those in order whose job
-- waits for its next run (closed_by). Of each how many jobs wait, counted to 10,001, and since when the first
-- of them is due. i_topic as jobs.limits takes it. For administrators, because keys are made of arguments.
-- Locks nothing.
create or replace function jobs.blocked_keys(i_topic text default null, i_limit integer default 100) returns table (
  name varchar, key jsonb, closed_by varchar, reason text, closed_until timestamptz, blocked bigint, oldest timestamptz
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_ids integer[] := array(select l.id from jobs._limits_under(i_topic) l);
begin
  perform jobs._check_limit('i_limit', i_limit);
  return query
  with states as materialized (
    select s.* from jobs._states_of(v_ids) s
  ), held_up as materialized (
    (select s.id, s.key, s.closed_by, s.reason, s.closed_until from states s where s.closed_until > v_now order by s.waits desc, s.id limit i_limit)
    union all
    (select s.id, s.key, k.job_id, 'it waits for its next run', k.scheduled_at from states s join jobs._keepers() k on k.bucket = s.id
     where (s.closed_until > v_now) is not true order by s.waits desc, s.id limit i_limit)
  )
  select l.name, jobs._shown_key(l, h.key), h.closed_by, h.reason, h.closed_until, jobs._count_blocked_at(h.id), jobs._blocked_since(h.id)
  from held_up h join jobs.job_limit l on l.id = (h.id & 16383)::integer
  order by 7, 6 desc, 1, h.key limit i_limit;
end $$;

-- Since when the first job that waits at a bucket is due; null: none waits, or it is not known.
create or replace function jobs._blocked_since(i_bucket bigint) returns timestamptz
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off as $$
begin
  return (select jobs._waits_since(q) from jobs.pending q where q.bucket = i_bucket order by jobs._rank(q.priority, q.ready_seq), q.ready_seq limit 1);
end $$;
