-- What every other function stands on: the clock, the two flags, ids, topics.
--
-- These are small enough to be inlined into the statements that call them, which a pinned
-- search_path would prevent. They are safe without one: every name in them is qualified.

-- The one clock. A test database may replace this function (see testing/clock.sql); nothing else
-- in the schema asks the system for the time.
create function jobs.now() returns timestamptz
language sql volatile parallel safe
return pg_catalog.clock_timestamp();

create function jobs._millis(i_at timestamptz) returns bigint
language sql immutable parallel safe
return (extract(epoch from i_at) * 1000)::bigint;

-- A job id: a version 7 UUID without dashes. 48 bits of time, so that neighbours in time are
-- neighbours in the index, and 74 random bits, so that nobody guesses one.
create function jobs._new_job_id(i_now timestamptz) returns varchar
language sql volatile
return pg_catalog.lpad(pg_catalog.to_hex(jobs._millis(i_now)), 12, '0') || '7'
  || pg_catalog.substr(pg_catalog.translate(pg_catalog.gen_random_uuid()::text, '-', ''), 14);

-- A topic as a LIKE pattern: `*` and `%` stand for any text, everything else for itself.
create function jobs._pattern(i_topic text) returns text
language sql immutable parallel safe
return pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(i_topic, '\', '\\'), '_', '\_'), '*', '%');

-- The fixed text before a topic's first wildcard, from which an index scan can start.
create function jobs._prefix(i_topic text) returns text
language sql immutable parallel safe
return pg_catalog.substring(i_topic, '^[^*%]*');

-- The delay after a failed run: 3 s doubled with each earlier failure, at most an hour, spread
-- over 50-150 % so that jobs that failed together do not come back together.
create function jobs._backoff(i_retries integer) returns interval
language sql volatile
return pg_catalog.make_interval(secs =>
  least(3600, 3 * pg_catalog.power(2, least(i_retries, 20))) * (0.5 + pg_catalog.random()));

-- Wakes sleeping workers when this transaction commits; nothing when none sleeps. A notification
-- takes a lock that all committing transactions share, so one is sent only when it is of use.
create function jobs._wake_workers() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (select s.last_value from jobs.sleeping_until s) > jobs._millis(jobs.now()) then
    perform pg_notify('jobs_ready', '');
  end if;
end $$;

-- The same for those who wait for results.
create function jobs._wake_waiters() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (select s.last_value from jobs.waiting_until s) > jobs._millis(jobs.now()) then
    perform pg_notify('jobs_ended', '');
  end if;
end $$;

-- Says in one of the flags that somebody listens for the next i_seconds. It only moves on: another
-- may listen longer. (Two at the same instant may still overwrite each other; then one polls.)
create function jobs._listen_until(i_flag regclass, i_seconds double precision) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_until bigint := jobs._millis(jobs.now() + make_interval(secs => least(i_seconds, 60)));
begin
  if v_until > pg_sequence_last_value(i_flag) is not false then
    perform setval(i_flag, v_until);
  end if;
end $$;

-- Says that the caller will listen on channel `jobs_ended` for the next i_seconds.
create function jobs.await_results(i_seconds double precision) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform jobs._listen_until('jobs.waiting_until', i_seconds);
end $$;
