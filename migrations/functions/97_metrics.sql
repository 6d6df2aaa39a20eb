-- Measurements of the queue, for monitors: jobs.metrics and those of its groups that are about tasks.

-- What there is to measure now, a row for each series: `name` and `labels` as in Prometheus, `kind` always
-- gauge, `value` in the unit that the name says. i_group: only one of tasks, limits, workflows, schedules, workers,
-- database, problems (null: all). A series with nothing to count is there and zero, so that an alert or an autoscaler
-- sees zero and not silence. At most 200 tasks have series of their own, the first by name, declared ones
-- before others; the rest counts as `other`. Reads by index and of what may be large a bounded part, so that
-- counts are lower bounds from pgjobs_open_jobs_cap on; locks nothing, waits for nobody, works on a standby.
-- PT400 for an unknown group.
create or replace function jobs.metrics(i_group text default null) returns table (name text, kind text, labels jsonb, value double precision)
language plpgsql stable rows 1000 security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if i_group not in ('tasks', 'limits', 'workflows', 'schedules', 'workers', 'database', 'problems') then
    raise sqlstate 'PT400' using message = format('%s is no group of metrics', jobs._shown(left(i_group, 200))),
      hint = 'a group is one of tasks, limits, workflows, schedules, workers, database, problems; null is all';
  end if;
  if coalesce(i_group, 'tasks') = 'tasks' then
    return query select m.name, 'gauge', m.labels, m.value from jobs._metrics_of_tasks() m;
  end if;
  if coalesce(i_group, 'limits') = 'limits' then
    return query select m.name, 'gauge', m.labels, m.value from jobs._metrics_of_limits() m;
  end if;
  if coalesce(i_group, 'workflows') = 'workflows' then
    return query select m.name, 'gauge', m.labels, m.value from jobs._metrics_of_workflows() m;
  end if;
  if coalesce(i_group, 'schedules') = 'schedules' then
    return query select m.name, 'gauge', m.labels, m.value from jobs._metrics_of_schedules() m;
  end if;
  if coalesce(i_group, 'workers') = 'workers' then
    return query select m.name, 'gauge', m.labels, m.value from jobs._metrics_of_workers() m;
  end if;
  if coalesce(i_group, 'database') = 'database' then
    return query select m.name, 'gauge', m.labels, m.value from jobs._metrics_of_tables() m;
    return query select m.name, 'gauge', m.labels, m.value from jobs._metrics_of_snapshots() m;
    return query select m.name, 'gauge', m.labels, m.value from jobs._metrics_of_standby() m;
  end if;
  if coalesce(i_group, 'problems') = 'problems' then
    return query select m.name, 'gauge', m.labels, m.value from jobs._metrics_of_problems() m;
  end if;
end $$;

-- How many rows of each of so many tasks are counted: an equal share of 20,000, at least 100, at most 10,000.
create or replace function jobs._share(i_tasks bigint) returns bigint
language sql immutable parallel safe
return least(greatest(20000 / greatest(i_tasks, 1), 100), 10000);

-- Each of these tasks that have ready jobs, with their number as far as it is counted (jobs._share). A packed
-- row counts as all its jobs.
create or replace function jobs._ready_counts(i_tasks text[]) returns table (task text, state text, jobs bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off as $$
declare
  v_each bigint := jobs._share(cardinality(i_tasks));
begin
  return query
  select t.task, 'ready', l.jobs
  from unnest(i_tasks) t(task),
    lateral (select coalesce(sum(h.size), 0)::bigint as jobs
             from (select q.size from jobs.pending q where q.task = t.task and q.ready_seq is not null
                   order by q.task, jobs._rank(q.priority, q.ready_seq, q.bucket), q.ready_seq limit v_each) h) l;
end $$;

-- Jobs that are not ready, by task and state: scheduled, and backoff (scheduled after a run that failed), of
-- the 10,000 that are due the soonest; running, of 10,000.
create or replace function jobs._other_counts() returns table (task text, state text, jobs bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  return query
  select s.task::text, case when s.retries > 0 then 'backoff' else 'scheduled' end, sum(s.size)::bigint
  from (select q.task, q.retries, q.size from jobs.pending q where q.ready_seq is null order by q.scheduled_at limit 10000) s group by 1, 2;
  return query
  select r.task::text, 'running', count(*) from (select x.task from jobs._runs x limit 10000) r group by 1;
end $$;

-- Jobs that ended as failed within the last hour, by task: among the 5,000 of these one or two days that were
-- published last and did not succeed. Their days are read in a subtransaction, which releases their locks.
create or replace function jobs._failed_counts() returns table (task text, state text, jobs bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_since timestamptz := jobs.now() - interval '1 hour';
  v_day timestamptz := (v_since at time zone 'utc')::date::timestamp at time zone 'utc';
  v_tasks text[];
  v_counts bigint[];
begin
  begin
    execute format('select array_agg(g.task), array_agg(g.jobs) from (
        select f.task::text, count(*) as jobs from (
          select h.task, h.status, h.complete_on from jobs.job h where h.status <> ''success'' and h.complete_on >= %s order by h.job_id desc limit 5000) f
        where f.status = ''failed'' and f.complete_on >= $1 group by 1) g', jobs._literal(v_day)) into v_tasks, v_counts using v_since;
    raise sqlstate 'PT000';
  exception when sqlstate 'PT000' then null;
  end;
  return query select u.task, 'failed', u.jobs from unnest(v_tasks, v_counts) u(task, jobs);
end $$;

-- How many seconds ago this is; zero for what is not known, or to come.
create or replace function jobs._age(i_now timestamptz, i_at timestamptz) returns double precision
language sql immutable parallel safe
return case when i_at < i_now then pg_catalog.date_part('epoch', jobs._since(i_now, i_at)) else 0 end;

-- What there is to say of each task, under its present name: a number for each state, and for `age` the seconds
-- for which its oldest ready job waits.
create or replace function jobs._measured_tasks() returns table (task text, state text, number double precision)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_heads jsonb := (select coalesce(jsonb_agg(to_jsonb(q)), '[]') from jobs._queues() q);
begin
  return query
  with heads as materialized (
    select h.task, h.oldest as since, h.is_served, h.is_paused from jsonb_to_recordset(v_heads) h(task text, oldest timestamptz, is_served boolean, is_paused boolean)
  ), ready as materialized (
    select c.task, c.state, c.jobs from jobs._ready_counts(array(select h.task from heads h)) c
  ), counts as materialized (
    select r.task, r.state, r.jobs from ready r
    union all select h.task, case when h.is_paused then 'paused' else 'no_worker' end, r.jobs from heads h join ready r using (task) where h.is_paused or not h.is_served
    union all select o.task, o.state, o.jobs from jobs._other_counts() o
    union all select f.task, f.state, f.jobs from jobs._failed_counts() f
  ), names as materialized (
    select c.task, coalesce(k.task, c.task) as name from (select distinct c.task from counts c) c left join jobs.publish_check k on k.name = c.task
  )
  select n.name::text, c.state, sum(c.jobs)::double precision from counts c join names n using (task) group by 1, 2
  union all
  select n.name::text, 'age', max(jobs._age(v_now, h.since)) from heads h join names n using (task) group by 1
  union all
  select 'cap', 'cap', jobs._share(count(*)) from heads h;
end $$;

-- The series of tasks, as jobs.metrics returns them.
create or replace function jobs._metrics_of_tasks() returns table (name text, labels jsonb, value double precision)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query
  with measured as materialized (
    select m.task, m.state, m.number from jobs._measured_tasks() m
  ), declared as materialized (
    select t.name::text as task from jobs.task t order by t.name limit 200
  ), own as materialized (   -- the tasks with series of their own
    (select d.task, 1 as rank from declared d
     union all
     (select distinct m.task, 2 from measured m where m.state <> 'cap' and m.task not in (select d.task from declared d)))
    order by rank, task limit 200
  ), of_label as materialized (
    select coalesce(o.task, 'other') as label, m.state, sum(m.number) as total, max(m.number) as greatest
    from measured m left join own o on o.task = m.task where m.state <> 'cap' group by 1, 2
  ), kinds(name, state, labels) as (
    values ('pgjobs_open_jobs', 'ready', '{"state": "ready"}'::jsonb), ('pgjobs_open_jobs', 'scheduled', '{"state": "scheduled"}'),
      ('pgjobs_open_jobs', 'backoff', '{"state": "backoff"}'), ('pgjobs_open_jobs', 'running', '{"state": "running"}'),
      ('pgjobs_blocked_jobs', 'paused', '{"reason": "paused"}'), ('pgjobs_blocked_jobs', 'no_worker', '{"reason": "no_worker"}'),
      ('pgjobs_failed_jobs_last_hour', 'failed', '{}'), ('pgjobs_oldest_ready_seconds', 'age', '{}')
  )
  select k.name, jsonb_build_object('task', l.label) || k.labels, coalesce(case when k.state = 'age' then m.greatest else m.total end, 0)
  from (select o.task as label from own o union select f.label from of_label f) l cross join kinds k
  left join of_label m on m.label = l.label and m.state = k.state
  union all
  select 'pgjobs_open_jobs_cap', '{}', m.number from measured m where m.state = 'cap'
  union all
  select 'pgjobs_slo_seconds', jsonb_build_object('task', t.name), t.slo::double precision
  from jobs.task t where t.slo is not null and t.name in (select d.task from declared d);
end $$;
