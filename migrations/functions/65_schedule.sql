-- Schedules: making and replacing them.

-- Refuses a word that is none of these (PT400).
create or replace function jobs._check_choice(i_what text, i_word text, i_known text[]) returns void
language plpgsql immutable as $$
begin
  if i_word <> all (i_known) then
    raise sqlstate 'PT400' using message = format('%s: %s is unknown', i_what, jobs._shown(i_word)), hint = 'one of ' || array_to_string(i_known, ', ');
  end if;
end $$;

-- Refuses what is no schedule (PT400): the form of its name, when it is due, and its policies.
create or replace function jobs._check_schedule(i_schedule jobs.schedule) returns void
language plpgsql stable as $$
begin
  if jobs._is_name(i_schedule.name) is not true then
    raise sqlstate 'PT400' using message = 'the name of a schedule has 1 to 200 characters and no control characters';
  elsif num_nonnulls(i_schedule.cron, i_schedule.every, i_schedule.at) <> 1 then
    raise sqlstate 'PT400' using message = format('schedule %s: exactly one of cron, every and at says when it is due', jobs._shown(i_schedule.name)),
      hint = 'cron => ''0 7 * * mon-fri'', every => ''30 s'' or at => ''2030-01-01 00:00+00''';
  elsif extract(year from i_schedule.every) <> 0 or extract(month from i_schedule.every) <> 0
    or extract(epoch from i_schedule.every) not between 1 and 31622400 or extract(epoch from i_schedule.every) % 1 <> 0 then
    raise sqlstate 'PT400' using message = 'every: whole seconds, from 1 second to 366 days, without months, whose lengths differ',
      hint = 'for months give a cron line: @monthly';
  elsif extract(epoch from i_schedule.jitter) not between 0 and 86400 then
    raise sqlstate 'PT400' using message = 'jitter: 0 to 86400 seconds (a day)';
  elsif (i_schedule.catch_up_limit between 1 and 1000) is not true then
    raise sqlstate 'PT400' using message = 'catch_up_limit: 1 to 1000';
  elsif jobs._is_reachable(i_schedule.at) is false then
    raise sqlstate 'PT400' using message = 'at lies between 0001-01-02 and 9999-12-30 (UTC), which every client can hold';
  end if;
  perform jobs._check_zone(i_schedule.zone), jobs._check_choice('gap', i_schedule.gap, '{shift,skip}'),
    jobs._check_choice('fold', i_schedule.fold, '{first,second,both}'), jobs._check_choice('catch_up', i_schedule.catch_up, '{skip,last,all}'),
    jobs._check_choice('overlap', i_schedule.overlap, '{allow,skip}');
end $$;

-- Refuses what jobs.publish would refuse of each job of a schedule, so that a mistake is seen now and not at
-- the first tick: a task that the caller may not publish, arguments that do not fit, a body, meta or number
-- out of range.
create or replace function jobs._check_schedule_job(i_schedule jobs.schedule) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform jobs._refuse('', i_schedule.task, 0, null, i_schedule.timeout, i_schedule.max_retries);
  perform jobs._check_bulk(array[i_schedule.task], array[i_schedule.body]);
  perform jobs._check_meta('', jobs._meta_of_tick(i_schedule, jobs.now()));
  perform jobs._check_bodies(array[i_schedule.task], array[i_schedule.body]);
  if i_schedule.catch_up = 'all' then   -- all of them are published in one statement
    perform jobs._check_bulk_bytes(array[jobs._text_size(i_schedule.body) * i_schedule.catch_up_limit], (select c.max_bulk_bytes from jobs.config c));
  end if;
end $$;

-- Says that there is no schedule of this name (PT404).
create or replace function jobs._refuse_schedule(i_name text) returns void
language plpgsql immutable as $$
begin
  raise sqlstate 'PT404' using message = format('there is no schedule %s', coalesce(jobs._shown(i_name), 'null')), hint = 'jobs.schedules() lists them';
end $$;

-- The schedule of this name, locked until the caller's transaction ends; PT404 when there is none.
create or replace function jobs._lock_schedule(i_name text) returns jobs.schedule
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_schedule jobs.schedule;
begin
  select s.* into v_schedule from jobs.schedule s where s.name = i_name for update;
  if not found then
    perform jobs._refuse_schedule(i_name);
  end if;
  return v_schedule;
end $$;

-- The same for a caller who is going to change it. A schedule belongs to everybody who may publish what it
-- publishes: PT403 for others, and PT404 for those who may not know of its task.
create or replace function jobs._own_schedule(i_name text) returns jobs.schedule
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_schedule jobs.schedule := jobs._seen_schedule((jobs._lock_schedule(i_name)).name);
begin
  perform jobs._check_topics(true, array[v_schedule.task]);
  return v_schedule;
end $$;

-- Whether two schedules are due at the same times.
create or replace function jobs._is_due_alike(i_one jobs.schedule, i_other jobs.schedule) returns boolean
language sql immutable parallel safe
return (i_one.cron, i_one.every, i_one.at, i_one.zone, i_one.gap, i_one.fold, i_one.jitter)
  is not distinct from (i_other.cron, i_other.every, i_other.at, i_other.zone, i_other.gap, i_other.fold, i_other.jitter);

-- Makes a schedule or replaces all that is said of it, but not whether it is paused; returns it. A schedule
-- whose times change is next due at the first of the new times after now, so that an edit never makes up for
-- a past time; one whose times stay keeps its next tick.
--
-- Exactly one of these says when it is due: i_cron, a line of five fields on the clock of i_zone; i_every, a
-- length, counted from 1970 in UTC; i_at, one time. i_gap and i_fold: what the clock's changes do
-- (64_next_tick.sql). i_jitter: each tick is late by a part of it that its name and time decide. i_catch_up:
-- which of several ticks that came late are published: none that is more than a minute late (skip), the last
-- (last), or the last i_catch_up_limit (all). i_overlap: what happens to a tick while the job of the last one
-- is pending or running: it is published as well (allow), or not (skip).
--
-- Locks the schedule until the caller's transaction ends; until then it has no ticks. PT400, PT403, PT413 for
-- what jobs.publish would refuse, or what is no schedule.
create or replace function jobs.set_schedule(
  i_name text, i_task text, i_body jsonb default null,
  i_cron text default null, i_every interval default null, i_at timestamptz default null, i_zone text default 'UTC',
  i_catch_up text default 'last', i_catch_up_limit integer default 100, i_overlap text default 'allow', i_jitter interval default '0',
  i_gap text default null, i_fold text default null,
  i_timeout numeric default null, i_priority integer default null, i_max_retries integer default null, i_meta jsonb default null
) returns jobs.schedule_info
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_new jobs.schedule := jobs._as_schedule(i_name, i_task, jsonb_build_object('cron', i_cron, 'every', i_every, 'at', i_at, 'zone', i_zone, 'gap', i_gap,
    'fold', i_fold, 'jitter', i_jitter, 'catch_up', i_catch_up, 'catch_up_limit', i_catch_up_limit, 'overlap', i_overlap));
begin
  v_new.body := i_body;
  v_new.meta := i_meta;
  v_new.timeout := i_timeout;
  v_new.priority := i_priority;
  v_new.max_retries := i_max_retries;
  perform jobs._check_schedule(v_new);
  perform jobs._check_schedule_job(v_new);
  return jobs._audit_schedule('set_schedule', jobs._save_schedule(v_new), null, v_new.changed_at);
end $$;

-- Writes the audit of a change that somebody made to a schedule, unless that was before i_since, and returns
-- what is stored.
create or replace function jobs._audit_schedule(i_action text, i_schedule jobs.schedule, i_reason text default null, i_since timestamptz default null) returns jobs.schedule_info
language plpgsql as $$
begin
  if (i_schedule.changed_at < i_since) is not true then
    perform jobs._audit(i_action, i_schedule.name, null, i_reason, jsonb_build_object('task', i_schedule.task));
  end if;
  return jobs._info(i_schedule);
end $$;

-- A schedule with these times and policies; what is not given takes its default. PT400 for what is no number,
-- time or length; the caller checks the rest.
create or replace function jobs._as_schedule(i_name text, i_task text, i_when jsonb) returns jobs.schedule
language plpgsql stable as $$
declare
  v_schedule jobs.schedule;
begin
  v_schedule := jsonb_populate_record(null::jobs.schedule,
    '{"zone": "UTC", "jitter": "0", "catch_up": "last", "catch_up_limit": 100, "overlap": "allow"}'::jsonb || jsonb_strip_nulls(i_when));
  v_schedule.name := i_name;
  v_schedule.task := i_task;
  v_schedule.entries := 0;
  v_schedule.edited := false;
  v_schedule.created_at := jobs.now();
  v_schedule.changed_at := jobs.now();
  v_schedule.changed_by := jobs._caller();
  return v_schedule;
exception when data_exception then
  raise sqlstate 'PT400' using message = format('schedule %s: %s', jobs._shown(i_name), jobs._escaped(sqlerrm)),
    hint = 'at is a time, every and jitter are lengths such as "30 s", catch_up_limit is a number';
end $$;

-- Writes a schedule that was checked, over the one of its name, and returns what is stored.
create or replace function jobs._save_schedule(i_new jobs.schedule) returns jobs.schedule
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_old jobs.schedule;
  v_new jobs.schedule := i_new;
begin
  if pg_sequence_last_value('jobs.schedules_made') is null then
    perform nextval('jobs.schedules_made');
  end if;
  v_new.next_at := jobs._first_tick(v_new);
  v_new.due_at := jobs._due_at(v_new);
  insert into jobs.schedule select v_new.* on conflict (name) do nothing;
  if not found then
    v_old := case when i_new.declared is null then jobs._own_schedule(v_new.name) else jobs._lock_schedule(v_new.name) end;
    v_new := jobs._replaced(v_old, v_new);
    if jobs._is_same(v_old, v_new) then
      return v_old;
    elsif not jobs._is_due_alike(v_old, v_new) and v_old.next_at <= jobs.now() then
      perform jobs._log_missed(v_old, jobs._last_tick(v_old, jobs._cron_of(v_old), v_old.next_at, jobs.now()), 'its times were changed');
    end if;
    update jobs.schedule s set (task, body, meta, timeout, priority, max_retries, cron, every, at, zone, gap, fold, jitter, catch_up, catch_up_limit,
                                overlap, next_at, due_at, declared, edited, undeclared_at, changed_at, changed_by)
      = (v_new.task, v_new.body, v_new.meta, v_new.timeout, v_new.priority, v_new.max_retries, v_new.cron, v_new.every, v_new.at, v_new.zone, v_new.gap,
         v_new.fold, v_new.jitter, v_new.catch_up, v_new.catch_up_limit, v_new.overlap, v_new.next_at, v_new.due_at, v_new.declared, v_new.edited,
         v_new.undeclared_at, v_new.changed_at, v_new.changed_by)
    where s.name = v_new.name;
  end if;
  perform jobs._check_jitter(v_new);
  if v_new.next_at is null and not jobs._is_due_alike(v_old, v_new) then
    raise sqlstate 'PT400' using message = format('schedule %s would never be due', jobs._shown(v_new.name)),
      hint = case when v_new.at is not null then 'its time has passed: jobs.publish runs a job now' else 'no date fits its cron line: jobs.next_ticks previews one' end;
  end if;
  perform jobs._log_schedule(v_new.name, 'set', null, null, format('by %s: %s', jobs._shown(v_new.changed_by), jobs._when(v_new)));
  return v_new;
end $$;

-- Refuses a jitter that is longer than the time between the next two ticks (PT400): ticks would come in
-- another order.
create or replace function jobs._check_jitter(i_schedule jobs.schedule) returns void
language plpgsql stable as $$
begin
  if i_schedule.jitter > '0' and i_schedule.next_at + i_schedule.jitter > jobs._next_tick(i_schedule, jobs._cron_of(i_schedule), i_schedule.next_at) then
    raise sqlstate 'PT400' using message = format('schedule %s: its jitter is longer than the time between two ticks', jobs._shown(i_schedule.name)),
      hint = 'give a shorter jitter, or a longer time between ticks';
  end if;
end $$;

-- Whether two versions of a schedule say the same.
create or replace function jobs._is_same(i_one jobs.schedule, i_other jobs.schedule) returns boolean
language sql immutable parallel safe
return jobs._is_due_alike(i_one, i_other)
  and (i_one.task, i_one.body, i_one.meta, i_one.timeout, i_one.priority, i_one.max_retries, i_one.catch_up, i_one.catch_up_limit, i_one.overlap,
       i_one.declared, i_one.edited, i_one.undeclared_at)
    is not distinct from (i_other.task, i_other.body, i_other.meta, i_other.timeout, i_other.priority, i_other.max_retries, i_other.catch_up,
       i_other.catch_up_limit, i_other.overlap, i_other.declared, i_other.edited, i_other.undeclared_at);

-- The new version of a schedule with what it keeps of the old one: whether it is paused, what it did, and its
-- next tick if its times are the same.
create or replace function jobs._replaced(i_old jobs.schedule, i_new jobs.schedule) returns jobs.schedule
language plpgsql stable as $$
declare
  v_new jobs.schedule := i_new;
begin
  if jobs._is_due_alike(i_old, i_new) then
    v_new.next_at := i_old.next_at;
    v_new.due_at := i_old.due_at;
  end if;
  v_new.last_at := i_old.last_at;
  v_new.last_job := i_old.last_job;
  v_new.paused_at := i_old.paused_at;
  v_new.paused_by := i_old.paused_by;
  v_new.pause_note := i_old.pause_note;
  v_new.created_at := i_old.created_at;
  if i_new.declared is null and i_old.undeclared_at is null and i_new.task = i_old.task then   -- by hand: what the code says stays beside it
    v_new.declared := i_old.declared;
    v_new.edited := i_old.declared is not null;
  end if;
  return v_new;
end $$;
