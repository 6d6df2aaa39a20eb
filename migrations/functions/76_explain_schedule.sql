-- Explains why a schedule publishes nothing.

-- Why a schedule has published nothing lately, or when it will; the most important reason first. PT404 when
-- there is no such schedule. Contains no arguments.
create or replace function jobs.explain_schedule(i_name text) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_schedule jobs.schedule := jobs._seen_schedule(i_name);
begin
  return query select r.* from jobs._explain_stop(v_schedule) r;
  return query select r.* from jobs._explain_tick(v_schedule) r;
  return query select r.* from jobs._explain_last_tick(v_schedule) r;
  return query select r.* from jobs._explain_body(v_schedule.task, v_schedule.body) r;
  return query select r.* from jobs._explain_absence(v_schedule.task) r;
end $$;

-- Reports that somebody stopped it: by a pause, or by leaving it out of the code.
create or replace function jobs._explain_stop(i_schedule jobs.schedule) returns setof jobs.reason
language plpgsql stable as $$
begin
  if i_schedule.paused_at is not null then
    return next row('paused', format('%s paused it at %s%s', jobs._shown(i_schedule.paused_by), jobs._moment(i_schedule.paused_at),
                    coalesce(': ' || jobs._shown(i_schedule.pause_note), '')), null, jsonb_build_object('by', i_schedule.paused_by))::jobs.reason;
  end if;
  if i_schedule.undeclared_at is not null then
    return next row('undeclared', format('the code no longer declares it since %s: it is dropped when no live worker is older than that',
                                         jobs._moment(i_schedule.undeclared_at)), null, '{}'::jsonb)::jobs.reason;
  end if;
end $$;

-- Reports when its next tick is, or who should have ticked.
create or replace function jobs._explain_tick(i_schedule jobs.schedule) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_workers bigint := (select count(*) from jobs.worker w where w.lost_at is null and w.expires_at >= jobs.now());
begin
  if i_schedule.next_at is null then
    return next row('ended', 'it has no further tick', null, jsonb_build_object('last_at', i_schedule.last_at))::jobs.reason;
  elsif i_schedule.due_at > jobs.now() then
    return next row('scheduled', format('its next tick is at %s', jobs._moment(i_schedule.due_at)), i_schedule.due_at,
                    jsonb_build_object('tick', jobs._utc(i_schedule.next_at)))::jobs.reason;
  elsif i_schedule.paused_at is null and v_workers = 0 then
    return next row('no_ticks', format('it is due since %s, and no live worker ticks: start one, or call jobs.tick()', jobs._moment(i_schedule.due_at)),
                    null, '{}'::jsonb)::jobs.reason;
  elsif i_schedule.paused_at is null then
    return next row('due', format('it is due since %s: the next round of any live worker publishes it, unless an open transaction holds it',
                                  jobs._moment(i_schedule.due_at)), null, jsonb_build_object('live_workers', v_workers))::jobs.reason;
  end if;
end $$;

-- Reports the last tick if it published nothing.
create or replace function jobs._explain_last_tick(i_schedule jobs.schedule) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query
  select 'tick_' || e.outcome, format('its tick of %s published nothing: %s', jobs._moment(e.tick), e.reason), null::timestamptz,
    jsonb_build_object('tick', jobs._utc(e.tick), 'job', i_schedule.last_job)
  from (select l.* from jobs.schedule_entry l where l.schedule = i_schedule.name and l.tick is not null order by l.number desc limit 1) e
  where e.outcome in ('skipped', 'missed', 'failed', 'delayed');
end $$;
