-- The rates of a limit for what is no job: a call to another service from anywhere.

-- Takes i_cost starts of the limit's rates for a key: 0 when they were granted, else the seconds after which to ask
-- again, and nothing is taken. i_key: the values of the limit's key, an array, or one value; none for a limit
-- without a key. Jobs and these callers share the rates; slots (`max`) belong to runs alone. Locks the limit until
-- the caller's transaction ends, which claims wait for: so call it in a transaction of its own. PT404 when there is
-- no such limit, PT400 for one without rates, or a cost that is not between 1 and its smallest burst.
create or replace function jobs.acquire(i_name text, i_key jsonb default null, i_cost integer default 1) returns double precision
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_mergejoin = off set enable_nestloop = off set jit = off as $$
declare
  v_limit jobs.job_limit;
  v_now timestamptz;
  v_key jsonb;
  v_bucket bigint;
  v_states jobs.bucket_state[];
  v_state jobs.bucket_state;
  v_wait double precision := 0;
begin
  select l.* into v_limit from jobs.job_limit l where l.name = i_name and l.dropped_at is null for no key update;
  if not found then
    v_limit := jobs._limit_named(i_name);
  end if;
  perform jobs._check_acquire(v_limit, i_cost);
  v_key := jobs._limit_key(v_limit, nullif(i_key, 'null'));
  v_bucket := jobs._bucket_id(v_limit.id, v_key);
  perform jobs._note_turn();
  v_now := jobs.now();
  v_states := jobs._hear(v_limit, v_now);
  select s.* into v_state from unnest(v_states) s where s.id = v_bucket;
  if not found then
    select s.* into v_state from (select (jobs._state_of(b, b.ctid)).* from jobs.bucket b where b.id = v_bucket order by b.version desc limit 1) s;
  end if;
  if v_state.id is null then
    v_state := jobs._new_state(v_bucket, v_key);
  end if;
  if jobs._room(null, v_limit.rates, 0, v_state.tats, v_state.closed_until, v_now) >= i_cost then
    v_state.tats := jobs._after_starts(v_limit.rates, v_state.tats, i_cost, v_now);
    v_state.is_changed := true;
  else
    v_wait := jobs._wait_for(v_limit.rates, v_state, i_cost, v_now);
  end if;
  perform jobs._store_buckets(array(select s from unnest(v_states) s where s.id <> v_bucket) || v_state, v_now);
  return v_wait;
end $$;

-- In how many seconds these rates allow that many starts.
create or replace function jobs._wait_for(i_rates jobs.rate[], i_state jobs.bucket_state, i_cost integer, i_now timestamptz) returns double precision
language plpgsql immutable as $$
begin
  return greatest(0.001, case when i_state.closed_until > i_now then least(extract(epoch from i_state.closed_until - i_now), 86400) end, (
    select max(extract(epoch from t.tat - i_now)::double precision - (r.burst - i_cost) * r.seconds / r.count)
    from unnest(i_rates) with ordinality r(count, seconds, burst, at) join unnest(i_state.tats) with ordinality t(tat, at) on t.at = r.at));
end $$;

-- Refuses to acquire what cannot be had.
create or replace function jobs._check_acquire(i_limit jobs.job_limit, i_cost integer) returns void
language plpgsql stable as $$
declare
  v_burst integer := (select min(r.burst) from unnest(i_limit.rates) r);
begin
  if v_burst is null then
    raise sqlstate 'PT400' using message = format('the limit %s has no rates: its slots belong to runs of jobs', jobs._shown(i_limit.name)),
      hint = 'give it a rate: jobs.set_limit(name, null, ''{"rates": ["100/s"]}'')';
  elsif (i_cost between 1 and v_burst) is not true then
    raise sqlstate 'PT400' using message = format('the cost lies within 1 and %s, the burst of the limit %s', v_burst, jobs._shown(i_limit.name));
  end if;
end $$;
