-- Looking at schedules.

-- When a schedule is due, in its own words.
create or replace function jobs._when(i_schedule jobs.schedule) returns text
language sql stable parallel safe
return case when i_schedule.cron is not null then 'cron ' || jobs._shown(i_schedule.cron) || ' in ' || i_schedule.zone
            when i_schedule.every is not null then 'every ' || trim_scale(extract(epoch from i_schedule.every)::numeric)::text || ' s'
            else 'at ' || jobs._utc(i_schedule.at) end;

-- A schedule without its arguments.
create or replace function jobs._info(s jobs.schedule) returns jobs.schedule_info
language sql stable parallel safe
return row(s.name, s.task, s.cron, s.every, s.at, s.zone, s.gap, s.fold, s.jitter, s.catch_up, s.catch_up_limit, s.overlap, s.timeout, s.priority,
  s.max_retries, s.meta, s.next_at, s.due_at, s.last_at, s.last_job, s.paused_at, s.paused_by, s.pause_note, s.declared is not null, s.edited,
  s.undeclared_at, s.created_at, s.changed_at, s.changed_by)::jobs.schedule_info;

-- The schedules whose name is under a pattern, by name; at most i_limit after the name i_after. No arguments
-- of their jobs. A restricted role sees those whose task it may publish or consume.
create or replace function jobs.schedules(i_name text default '*', i_after text default '', i_limit integer default 1000) returns setof jobs.schedule_info
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
begin
  perform jobs._check_limit('i_limit', i_limit);
  return query
  select i.* from jobs.schedule s, lateral jobs._info(s) i
  where s.name like jobs._pattern(i_name) and s.name > i_after and (jobs._is_under(s.task, v_publishes) or jobs._is_under(s.task, v_consumes))
  order by s.name limit least(i_limit, 10000);
end $$;

-- The schedule of this name; PT404 when there is none that the caller may see.
create or replace function jobs._seen_schedule(i_name text) returns jobs.schedule
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_schedule jobs.schedule;
begin
  select s.* into v_schedule from jobs.schedule s where s.name = i_name and s.task = any (jobs._visible(array[s.task::text]));
  if not found then
    perform jobs._refuse_schedule(i_name);
  end if;
  return v_schedule;
end $$;

-- The schedule of this name, without the arguments of its jobs. PT404 when there is none.
create or replace function jobs.get_schedule(i_name text) returns jobs.schedule_info
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  select jobs._info(jobs._seen_schedule(i_name))
$$;

-- What the jobs of a schedule get as arguments; null when there is no such schedule. For those who may see
-- bodies.
create or replace function jobs.schedule_body(i_name text) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  select s.body from jobs.schedule s where s.name = i_name
$$;

-- The last entries of a schedule's log, newest first, at most 200: what became of each tick, and who changed
-- it. Each tick that published nothing says why. PT404 when there is no such schedule.
create or replace function jobs.schedule_log(i_name text, i_limit integer default 20) returns table (
  number bigint, tick timestamptz, at timestamptz, outcome text, job_id varchar, reason text
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_name varchar;
begin
  perform jobs._check_limit('i_limit', i_limit);
  v_name := (jobs._seen_schedule(i_name)).name;
  return query select e.number, e.tick, e.at, e.outcome, e.job_id, e.reason from jobs.schedule_entry e
    where e.schedule = v_name order by e.number desc limit least(i_limit, 200);
end $$;

-- The next ticks of a schedule after i_after (null: now), at most 1000, whether it is paused or not. PT404
-- when there is no such schedule.
create or replace function jobs.schedule_ticks(i_name text, i_num integer default 5, i_after timestamptz default null) returns setof timestamptz
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_schedule jobs.schedule;
begin
  perform jobs._check_limit('i_num', i_num);
  v_schedule := jobs._seen_schedule(i_name);
  return query select t from unnest(jobs._ticks_between(v_schedule, jobs._cron_of(v_schedule), coalesce(i_after, jobs.now()) + interval '1 us', 'infinity', least(i_num, 1000))) t;
end $$;
