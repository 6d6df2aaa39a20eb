-- Notifications: two flags that say whether somebody listens, and NOTIFY while somebody does.

-- Whether somebody listens for notifications. Callers check it before each NOTIFY, which takes a lock that
-- all committing transactions share, so that it is sent only when it is of use. Written so that it can be
-- evaluated without running a query.
create or replace function jobs._is_awaited(i_flag regclass) returns boolean
language sql volatile
return pg_catalog.pg_sequence_last_value(i_flag) > jobs._millis(jobs.now());

-- Whether this transaction may notify. A transaction that will be prepared (two-phase commit) may not, and
-- the database cannot know that in advance: the client sets `set local jobs.notify = off`. No transaction may
-- while the server's notification queue is nearly full, because its commit would fail; any role of any
-- database can fill that queue. Workers then find jobs when they poll.
create or replace function jobs._may_notify() returns boolean
language sql volatile
return pg_catalog.lower(coalesce(pg_catalog.current_setting('jobs.notify', true), '')) not in ('off', 'false', 'no', '0') and pg_catalog.pg_notification_queue_usage() < 0.9;

-- Wakes sleeping workers when this transaction commits.
create or replace function jobs._wake_workers() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if jobs._is_awaited('jobs.sleeping_until') and jobs._may_notify() then
    perform pg_notify('jobs_ready', '');
  end if;
end $$;

-- Wakes clients that wait for results when this transaction commits.
create or replace function jobs._wake_waiters() returns void
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
create or replace function jobs._listen_until(i_flag regclass, i_until timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_until bigint := jobs._millis(least(i_until, jobs.now() + interval '60 s'));
begin
  if (pg_sequence_last_value(i_flag) between v_until and v_until + 120000) is not true then
    perform setval(i_flag, v_until);
  end if;
end $$;

-- Records that a worker sleeps for i_seconds if it gets nothing; not where notifications are switched off.
-- Records twice that time, so that a worker that polls often has to write it only now and then.
create or replace function jobs._sleep_for(i_seconds double precision) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := jobs.now();
begin
  if (pg_sequence_last_value('jobs.sleeping_until') - jobs._millis(v_now + make_interval(secs => i_seconds)) between 0 and 120000) is not true
    and (select c.notify from jobs.config c) then
    perform jobs._listen_until('jobs.sleeping_until', v_now + make_interval(secs => 2 * i_seconds));
  end if;
end $$;

-- Records that the caller will listen on channel `jobs_ended` for the next i_seconds.
create or replace function jobs.await_results(i_seconds double precision) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (i_seconds between 0 and 3600) is not true then
    raise sqlstate 'PT400' using message = 'i_seconds lies within 0 and 3600', hint = 'ask again before that time is over';
  end if;
  perform jobs._listen_until('jobs.waiting_until', jobs.now() + make_interval(secs => i_seconds));
end $$;
