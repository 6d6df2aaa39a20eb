-- Reading events, from a position on.
--
-- Transactions do not commit in the order in which they draw numbers, so "everything after number n" would
-- lose what was drawn before n and commits later. A position therefore says which transactions have been
-- read: it is a snapshot of the server. What is new are the events of transactions that have ended since.
-- A transaction that stays open holds nothing back: its events are read once it commits, and until then
-- the position names it among those that are missing. Reading locks nothing and writes nothing, here or on
-- a standby.
--
-- As text a position is `system.timeline.read` after everything, or
-- `system.timeline.before.read.number.nth` after one event: those of `before` are read, and of `read`
-- those up to this event. A snapshot is `xmin-length-offset-offset...`: where it begins, how far it
-- reaches, and what is missing in between.

-- Which system this is and how often it has been promoted: transaction numbers mean nothing elsewhere, and
-- after a failover numbers may be used again that were lost.
create or replace function jobs._event_system() returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (select to_hex(c.system_identifier) from pg_control_system() c) || '.'
    || case when pg_is_in_recovery() then (select c.timeline_id::text from pg_control_checkpoint() c)
            else (('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint)::text end;
end $$;

-- A snapshot as part of a position, and back; null for a text that is none.
create or replace function jobs._snapshot_text(i_snapshot pg_snapshot) returns text
language sql immutable parallel safe
return concat_ws('-', pg_snapshot_xmin(i_snapshot)::text, pg_snapshot_xmax(i_snapshot)::text::bigint - pg_snapshot_xmin(i_snapshot)::text::bigint,
  (select string_agg((x::text::bigint - pg_snapshot_xmin(i_snapshot)::text::bigint)::text, '-' order by x) from pg_snapshot_xip(i_snapshot) x));

create or replace function jobs._as_snapshot(i_text text) returns pg_snapshot
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  v_parts bigint[];
begin
  if i_text !~ '^[0-9]{1,19}-[0-9]{1,18}(-[0-9]{1,18})*$' or length(i_text) > 100000 then
    return null;
  end if;
  v_parts := string_to_array(i_text, '-')::bigint[];
  return (v_parts[1] || ':' || v_parts[1] + v_parts[2] || ':' || coalesce((select string_agg((v_parts[1] + p)::text, ',' order by p) from unnest(v_parts[3:]) p), ''))::pg_snapshot;
exception when data_exception or invalid_text_representation then
  return null;
end $$;

-- What is visible now, as a snapshot. The caller's own transaction is not: it may write more events.
create or replace function jobs._visible_now() returns pg_snapshot
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_now pg_snapshot := pg_current_snapshot();
  v_own xid8 := pg_current_xact_id_if_assigned();
begin
  if v_own < pg_snapshot_xmax(v_now) then
    return (least(pg_snapshot_xmin(v_now)::text::bigint, v_own::text::bigint) || ':' || pg_snapshot_xmax(v_now) || ':' || (
      select string_agg(x::text, ',' order by x) from (select pg_snapshot_xip(v_now) union select v_own) i(x)))::pg_snapshot;
  end if;
  return v_now;
end $$;

-- Whether everything that is visible in one snapshot is visible in another.
create or replace function jobs._covers(i_snapshot pg_snapshot, i_other pg_snapshot) returns boolean
language sql immutable parallel safe
return pg_snapshot_xmax(i_snapshot) >= pg_snapshot_xmax(i_other)
  and not exists (select from pg_snapshot_xip(i_snapshot) x where pg_visible_in_snapshot(x, i_other));

-- The position after everything that has happened: for whoever wants to hear what happens from now on.
-- Take it before you read the state that events then change. Locks nothing.
create or replace function jobs.event_position() returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return jobs._event_system() || '.' || jobs._snapshot_text(jobs._visible_now());
end $$;

-- Reads a position: what was read before and now, and the event after which it is; and why it is none that
-- can be continued (null: it is one): `unreadable`, `unknown` (of another system, or of a time that is
-- lost after a failover), `expired` (events after it are not kept any more).
create or replace function jobs._read_position(
  i_position text, i_now pg_snapshot, out o_before pg_snapshot, out o_read pg_snapshot, out o_number bigint, out o_nth integer, out o_flaw text
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_parts text[] := string_to_array(i_position, '.');
  v_dropped_to xid8 := (select r.events_dropped_to from jobs.retention r);
begin
  o_read := jobs._as_snapshot(v_parts[3]);
  if cardinality(v_parts) = 6 and v_parts[5] ~ '^[0-9]{1,18}$' and v_parts[6] ~ '^[0-9]{1,9}$' then
    o_before := o_read;
    o_read := jobs._as_snapshot(v_parts[4]);
    o_number := v_parts[5]::bigint;
    o_nth := v_parts[6]::integer;
  elsif cardinality(v_parts) <> 3 then
    o_read := null;
  end if;
  o_flaw := case
    when o_read is null or cardinality(v_parts) = 6 and o_before is null then 'unreadable'
    when v_parts[1] || '.' || v_parts[2] <> jobs._event_system() or pg_snapshot_xmax(o_read) > pg_snapshot_xmax(i_now) then 'unknown'
    when pg_snapshot_xmin(coalesce(o_before, o_read)) <= v_dropped_to then 'expired' end;
end $$;

-- What to read next after i_from, up to i_until: about i_rows rows of jobs.event. Where there are more,
-- the answer reaches as far as the transactions with the lowest numbers that have as many.
create or replace function jobs._next_snapshot(i_from pg_snapshot, i_until pg_snapshot, i_rows integer) returns pg_snapshot
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_end bigint := (
    select e.xact::text::bigint + 1 from jobs.event e
    where e.xact >= pg_snapshot_xmax(i_from) and e.xact < pg_snapshot_xmax(i_until) order by e.xact, e.number offset i_rows limit 1);
begin
  if v_end is null or v_end >= pg_snapshot_xmax(i_until)::text::bigint then
    return i_until;
  end if;
  return (least(v_end, pg_snapshot_xmin(i_until)::text::bigint) || ':' || v_end || ':' || coalesce((
    select string_agg(x::text, ',' order by x) from pg_snapshot_xip(i_until) x where x::text::bigint < v_end), ''))::pg_snapshot;
end $$;

-- The rows of jobs.event that one snapshot sees and an earlier one did not, in their order, from a number
-- on.
create or replace function jobs._event_rows(i_from pg_snapshot, i_to pg_snapshot, i_number bigint, i_pattern text, i_rows integer) returns setof jobs.event
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set enable_hashjoin = off set jit = off as $$
begin
  return query
  select r.* from (
    select e.* from pg_snapshot_xip(i_from) x, lateral (select q.* from jobs.event q where q.xact = x offset 0) e where pg_visible_in_snapshot(e.xact, i_to)
    union all
    select e.* from jobs.event e
    where e.xact >= pg_snapshot_xmax(i_from) and e.xact < pg_snapshot_xmax(i_to) and pg_visible_in_snapshot(e.xact, i_to)) r
  where r.number >= i_number and r.task like i_pattern
  order by r.number limit i_rows;
end $$;

-- Up to i_num events, 1 to 10000, after a position, of tasks under a topic, oldest first; in the last row,
-- always, the position from which to go on. null: from the oldest that is kept (jobs.config.event_hours).
--
-- Each row has a kind: queued, picked, progress, completed, failed, retried, snoozed or cancelled, and its
-- position, after which a later call goes on with the next event. Two kinds are no events: `position`, the
-- last row; and `resync`, the only row when nobody can know what happened since the position (details has
-- the reason: unreadable, unknown or expired): read the state anew, and go on from the position of that
-- row.
--
-- attempt is the run that it is about, 0 before the first. details has the job's meta; the class of the
-- error (error); of progress done, total and note, which is null for callers who may not read logs;
-- purged, of a job that was deleted. i_until: a position of jobs.event_position, or the last of a call
-- that read everything: nothing after it is read, and nothing at all when it is older than i_position. A
-- restricted role (85_topic_grants.sql) sees events of its tasks. Locks nothing.
create or replace function jobs.events_after(i_position text default null, i_topic text default '*', i_num integer default 1000, i_until text default null) returns table (
  "position" text, at timestamptz, kind text, task varchar, job_id varchar, attempt integer, details jsonb
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now pg_snapshot := jobs._visible_now();
  v_here text := jobs._event_system();
  v_from record;
  v_until record;
  v_reads_notes boolean := has_function_privilege(jobs._caller(), 'jobs.job_log(varchar, bigint, integer)', 'execute');
  v_left integer := i_num;
  v_last text := i_position;
begin
  perform jobs._check_limit('i_num', i_num);
  if i_topic is null or i_topic = '' then
    raise sqlstate 'PT400' using message = 'a topic is a pattern over task names', hint = 'use * for every task';
  end if;
  v_until := jobs._read_position(coalesce(i_until, v_here || '.' || jobs._snapshot_text(v_now)), v_now);
  v_from := jobs._read_position(coalesce(i_position, v_here || '.' || jobs._snapshot_text(jobs._oldest_kept(v_now))), v_now);
  if i_position is null then
    v_from.o_flaw := null;   -- what is kept begins where it does
  end if;
  if v_from.o_flaw is not null or v_until.o_flaw is not null then
    return query select v_here || '.' || jobs._snapshot_text(v_now), jobs.now(), 'resync', null::varchar, null::varchar, null::integer,
      jsonb_build_object('reason', coalesce(v_from.o_flaw, v_until.o_flaw));
    return;
  end if;
  while v_left > 0 and jobs._covers(v_until.o_read, v_from.o_read) loop
    if v_from.o_before is null then
      exit when jobs._covers(v_from.o_read, v_until.o_read);
      v_from.o_before := v_from.o_read;
      v_from.o_read := jobs._next_snapshot(v_from.o_before, v_until.o_read, v_left);
      v_from.o_number := 0;
    end if;
    for "position", at, kind, task, job_id, attempt, details in
      select e."position", e.at, e.kind, e.task, e.job_id, e.attempt, case when v_reads_notes then e.details else e.details - 'note' end
      from jobs._events_between(v_here, v_from.o_before, v_from.o_read, v_from.o_number, v_from.o_nth, jobs._pattern(i_topic), v_left) e
    loop
      v_left := v_left - 1;
      v_last := "position";
      return next;
    end loop;
    exit when v_left = 0;
    v_from.o_before := null;
    v_last := v_here || '.' || jobs._snapshot_text(v_from.o_read);
  end loop;
  return query select v_last, jobs.now(), 'position', null::varchar, null::varchar, null::integer, null::jsonb;
end $$;

-- The events that one snapshot sees and an earlier one did not, after this one, in their order: a row for
-- each job. Details of tasks that the caller may not see are left out with their events.
create or replace function jobs._events_between(
  i_here text, i_from pg_snapshot, i_to pg_snapshot, i_number bigint, i_nth integer, i_pattern text, i_num integer
) returns table ("position" text, at timestamptz, kind text, task varchar, job_id varchar, attempt integer, details jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_stem text := concat_ws('.', i_here, jobs._snapshot_text(i_from), jobs._snapshot_text(i_to)) || '.';
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
begin
  return query
  select v_stem || r.number || '.' || n.nth, r.at, r.kind, r.task, n.job_id::varchar,
    coalesce(r.attempts[n.nth], case r.kind when 'queued' then 0 else 1 end), r.details[n.nth]
  from (select e.number, e.at, e.kind, e.task, e.ids, e.attempts, e.details
        from jobs._event_rows(i_from, i_to, i_number, i_pattern, i_num + 1) e
        where jobs._is_under(e.task, v_publishes) or jobs._is_under(e.task, v_consumes) order by e.number) r,
    string_to_table(r.ids, chr(10)) with ordinality n(job_id, nth)
  where r.number > i_number or n.nth > i_nth
  limit i_num;
end $$;

-- The position from which all events come that are kept, as a snapshot. What is in progress now may have
-- begun before the oldest of them.
create or replace function jobs._oldest_kept(i_now pg_snapshot) returns pg_snapshot
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_first bigint := least(pg_snapshot_xmax(i_now)::text::bigint, coalesce(
    (select r.events_dropped_to from jobs.retention r)::text::bigint + 1,
    (select e.xact from jobs.event e order by e.xact, e.number limit 1)::text::bigint));
begin
  return (least(v_first, pg_snapshot_xmin(i_now)::text::bigint) || ':' || v_first || ':' || coalesce((
    select string_agg(x::text, ',' order by x) from pg_snapshot_xip(i_now) x where x::text::bigint < v_first), ''))::pg_snapshot;
end $$;

-- Asks for notifications on channel `jobs_event` for the next i_seconds, 0 to 3600; at most a minute of
-- them is taken. Workers then announce that there may be events, at most every 50 ms each; that they do is
-- a hint, as all notifications are. Whoever gets none looks once a second.
create or replace function jobs.await_events(i_seconds double precision) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (i_seconds between 0 and 3600) is not true then
    raise sqlstate 'PT400' using message = 'i_seconds lies within 0 and 3600', hint = 'ask again before that time is over';
  end if;
  perform jobs._listen_until('jobs.subscribed_until', jobs.now() + make_interval(secs => i_seconds));
  if jobs._may_notify() then
    perform pg_notify('jobs_subscribed', '');
  end if;
end $$;

-- Announces, on channel `jobs_event`, that there may be events, while somebody listens. Workers call it
-- after their statements, outside of the transactions that write events: a NOTIFY holds a lock that all
-- committing transactions share. Returns whether somebody listens.
create or replace function jobs.announce_events() returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if jobs._is_awaited('jobs.subscribed_until') is not true then
    return false;
  elsif jobs._may_notify() then
    perform pg_notify('jobs_event', '');
  end if;
  return true;
end $$;
