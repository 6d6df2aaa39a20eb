-- What an operator does to a schedule: drop, pause, resume, run, backfill.

-- Removes a schedule and its log; false when there was none. Jobs that it has published stay.
create or replace function jobs.drop_schedule(i_name text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if not exists (select from jobs.schedule s where s.name = i_name and s.task = any (jobs._visible(array[s.task::text]))) then
    return false;
  end if;
  perform jobs._audit_schedule('drop_schedule', jobs._own_schedule(i_name));
  perform jobs._delete_schedule(i_name);
  return true;
end $$;

-- Deletes a schedule, which the caller has locked, and its log.
create or replace function jobs._delete_schedule(i_name text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  delete from jobs.schedule_entry e where e.schedule = i_name;
  delete from jobs.schedule s where s.name = i_name;
end $$;

-- Stops a schedule's ticks until jobs.resume_schedule, and notes who did it and why. jobs.run_schedule still
-- runs it. PT404 when there is none. A schedule that is paused gets the new note.
create or replace function jobs.pause_schedule(i_name text, i_note text default null) returns jobs.schedule_info
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_schedule jobs.schedule := jobs._own_schedule(i_name);
begin
  if length(i_note) > 1000 then
    raise sqlstate 'PT400' using message = 'the note of a pause has at most 1000 characters';
  end if;
  update jobs.schedule s set paused_at = coalesce(s.paused_at, jobs.now()), paused_by = jobs._caller(), pause_note = i_note
  where s.name = i_name returning s.* into v_schedule;
  perform jobs._log_schedule(i_name, 'paused', null, null, 'by ' || jobs._shown(v_schedule.paused_by) || coalesce(': ' || jobs._escaped(i_note), ''));
  return jobs._audit_schedule('pause_schedule', v_schedule, i_note);
end $$;

-- Lets a paused schedule tick again. Ticks of the pause are made up for as its catch_up says; with i_catch_up
-- false it is next due at the first tick after now. PT404 when there is none.
create or replace function jobs.resume_schedule(i_name text, i_catch_up boolean default true) returns jobs.schedule_info
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_schedule jobs.schedule := jobs._own_schedule(i_name);
begin
  if v_schedule.paused_at is null then
    return jobs._info(v_schedule);
  elsif i_catch_up is false and v_schedule.next_at <= jobs.now() then
    perform jobs._log_missed(v_schedule, jobs._last_tick(v_schedule, jobs._cron_of(v_schedule), v_schedule.next_at, jobs.now()), 'resumed without them');
    v_schedule.next_at := jobs._first_tick(v_schedule);
    v_schedule.due_at := jobs._due_at(v_schedule);
  end if;
  update jobs.schedule s set (paused_at, paused_by, pause_note, next_at, due_at) = (null, null, null, v_schedule.next_at, v_schedule.due_at)
  where s.name = i_name returning s.* into v_schedule;
  perform jobs._log_schedule(i_name, 'resumed', null, null, 'by ' || jobs._shown(jobs._caller()));
  return jobs._audit_schedule('resume_schedule', v_schedule);
end $$;

-- Publishes the job of a schedule now, with the present time as its tick; its next tick stays, and a pause
-- does not matter. Returns the job's id; that of the holder when another job holds the unique key of its
-- task. PT404 when there is no such schedule; otherwise as jobs.publish.
create or replace function jobs.run_schedule(i_name text) returns varchar
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_published jobs.published := jobs._publish_ticks(jobs._own_schedule(i_name), array[v_now], v_now);
begin
  perform jobs._note_ticks(i_name, 'run', array[v_now], v_published, 'by ' || jobs._shown(jobs._caller()));
  perform jobs._audit('run_schedule', i_name, 1, null, jsonb_build_object('job_id', v_published.job_ids[1]));
  return v_published.job_ids[1];
end $$;

-- Publishes a job for each tick from i_from to i_to (both included), at most 1000, as if the schedule had
-- been there then; what it published at those times before is not looked for. Its next tick stays. Returns
-- the ticks and their jobs. PT413 when there are more ticks; otherwise as jobs.run_schedule.
create or replace function jobs.backfill_schedule(i_name text, i_from timestamptz, i_to timestamptz) returns table (tick timestamptz, job_id varchar)
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_schedule jobs.schedule := jobs._own_schedule(i_name);
  v_ticks timestamptz[];
  v_published jobs.published;
begin
  perform jobs._check_period(i_from, i_to);
  v_ticks := jobs._ticks_between(v_schedule, jobs._cron_of(v_schedule), i_from, i_to, 1001);
  if cardinality(v_ticks) > 1000 then
    raise sqlstate 'PT413' using message = format('schedule %s has more than 1000 ticks in that time', jobs._shown(i_name)),
      hint = format('backfill in parts: the 1000th tick is %s', jobs._moment(v_ticks[1000]));
  elsif v_ticks <> '{}' then
    v_published := jobs._publish_ticks(v_schedule, v_ticks, jobs.now());
    perform jobs._log_schedule(i_name, 'backfilled', v_ticks, v_published.job_ids, 'by ' || jobs._shown(jobs._caller()));
    perform jobs._audit('backfill_schedule', i_name, cardinality(v_ticks), null, jsonb_build_object('from', i_from, 'to', i_to));
  end if;
  return query select t.* from unnest(v_ticks, v_published.job_ids) t;
end $$;
