-- What all other functions use: the clock, the two wake-up flags, job ids, topics.
--
-- These functions are small enough to be inlined into the statements that call them, which a pinned
-- search_path would prevent. They are safe without one: every name in them is qualified.

-- The only clock. A test database may replace this function (testing/clock.sql); nothing else in the schema
-- reads the system time.
create function jobs.now() returns timestamptz
language sql volatile parallel safe
return pg_catalog.clock_timestamp();

-- The time in milliseconds. Stable because date_part is: PostgreSQL does not inline a function that promises
-- more than its body. Not extract, which returns numeric: it would take a hundredth of the cost of publishing
-- a job.
create function jobs._millis(i_at timestamptz) returns bigint
language sql stable parallel safe
return (pg_catalog.date_part('epoch', i_at) * 1000)::bigint;

-- The beginning of every job id made at this time: 48 bits of the time.
create function jobs._id_time(i_now timestamptz) returns bytea
language sql stable parallel safe
return pg_catalog.substr(pg_catalog.int8send(jobs._millis(i_now)), 3);

-- A job id: a version 7 UUID without dashes. It begins with the time, then 24 bits of the job's number, so
-- that jobs published together are adjacent and in order in the index, each to the right of the last, where
-- an index is cheapest to extend; then 48 random bits, so that nobody guesses an id.
create function jobs._new_job_id(
  i_time bytea, i_number bigint, i_random bytea default pg_catalog.substr(pg_catalog.uuid_send(pg_catalog.gen_random_uuid()), 11)
) returns varchar
language sql volatile
return pg_catalog.encode(i_time
  || pg_catalog.int4send((1879080960 | (((i_number >> 12) & 4095) << 16) | (i_number & 4095))::integer)   -- version 7, variant 8
  || i_random, 'hex');

-- Random bytes for i_ids job ids, six each: hashes of two random UUIDs, which cannot be derived from the ids.
-- To ask the system for random bytes for each id would be a sixth of the cost of publishing many jobs.
create function jobs._randoms(i_ids integer) returns bytea
language sql volatile
return (
  select pg_catalog.string_agg(pg_catalog.sha512(s.seed || pg_catalog.int4send(n)), '')
  from (select pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) || pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) as seed offset 0) s,
    pg_catalog.generate_series(1, 1 + 6 * i_ids / 64) n);

-- The six bytes of the nth id, from 1.
create function jobs._nth_random(i_randoms bytea, i_nth integer) returns bytea
language sql immutable parallel safe
return pg_catalog.substr(i_randoms, 6 * i_nth - 5, 6);

-- A topic as a LIKE pattern: `*` and `%` match any text, every other character itself.
create function jobs._pattern(i_topic text) returns text
language sql immutable parallel safe
return pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(i_topic, '\', '\\'), '_', '\_'), '*', '%');

-- The literal text before a topic's first wildcard, from which an index scan can start.
create function jobs._prefix(i_topic text) returns text
language sql immutable parallel safe
return pg_catalog.substring(i_topic, '^[^*%]*');

-- The delay after a failed run: 3 s doubled with each earlier failure, at most an hour, and then 0.5 to 1.5
-- times that, so that jobs that failed together do not run again together.
create function jobs._backoff(i_retries integer) returns interval
language sql volatile
return pg_catalog.make_interval(secs =>
  least(3600, 3 * pg_catalog.power(2, least(i_retries, 20))) * (0.5 + pg_catalog.random()));

-- Whether somebody listens for notifications. Callers check it before each NOTIFY, which takes a lock that
-- all committing transactions share, so that it is sent only when it is of use. Written so that it can be
-- evaluated without running a query.
create function jobs._is_awaited(i_flag regclass) returns boolean
language sql volatile
return pg_catalog.pg_sequence_last_value(i_flag) > jobs._millis(jobs.now());

-- Whether this transaction may notify. A transaction that will be prepared (two-phase commit) may not, and
-- the database cannot know that in advance: the client sets `set local jobs.notify = off`. No transaction may
-- while the server's notification queue is nearly full, because its commit would fail; any role of any
-- database can fill that queue. Workers then find jobs when they poll.
create function jobs._may_notify() returns boolean
language sql volatile
return pg_catalog.lower(coalesce(pg_catalog.current_setting('jobs.notify', true), '')) not in ('off', 'false', 'no', '0') and pg_catalog.pg_notification_queue_usage() < 0.9;

-- Wakes sleeping workers when this transaction commits.
create function jobs._wake_workers() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if jobs._is_awaited('jobs.sleeping_until') and jobs._may_notify() then
    perform pg_notify('jobs_ready', '');
  end if;
end $$;

-- Wakes clients that wait for results when this transaction commits.
create function jobs._wake_waiters() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if jobs._is_awaited('jobs.waiting_until') and jobs._may_notify() then
    perform pg_notify('jobs_ended', '');
  end if;
end $$;

-- Records in one of the flags that somebody listens until i_until, at most for a minute. The flag only moves
-- forward, because another may listen longer. (Two calls at the same instant may still overwrite each other;
-- then one listener polls.) Exception: a flag more than two minutes ahead of that was set while the clock was
-- wrong, and is set back.
create function jobs._listen_until(i_flag regclass, i_until timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_until bigint := jobs._millis(least(i_until, jobs.now() + interval '60 s'));
begin
  if (pg_sequence_last_value(i_flag) between v_until and v_until + 120000) is not true then
    perform setval(i_flag, v_until);
  end if;
end $$;

-- Records that the caller will listen on channel `jobs_ended` for the next i_seconds.
create function jobs.await_results(i_seconds double precision) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (i_seconds between 0 and 3600) is not true then
    raise sqlstate 'PT400' using message = 'somebody waits for 0 to 3600 seconds';
  end if;
  perform jobs._listen_until('jobs.waiting_until', jobs.now() + make_interval(secs => i_seconds));
end $$;
