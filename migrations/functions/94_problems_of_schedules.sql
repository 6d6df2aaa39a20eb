-- Problems of schedules, pauses, owners and unique keys: of what people have set.

-- Schedules that are late, forgotten, or of which nothing comes: the first 20 of each kind. Those that are
-- late are found by an index; of the others the first 2,000 by name are read.
create or replace function jobs._problems_of_schedules() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  if pg_sequence_last_value('jobs.schedules_made') is null then
    return;
  end if;
  return query
  select 'schedule_overdue', 'error', format('the schedule %s is due since %s, and nobody ticks', jobs._shown(s.name), jobs._moment(s.due_at)),
    jobs._seconds(jobs._since(v_now, s.due_at)), 60::numeric, 'start a worker, which ticks every second: `pgjobs worker`; or `select jobs.tick()`', jsonb_build_object('schedule', s.name, 'task', s.task)
  from jobs.schedule s where s.paused_at is null and s.due_at < v_now - interval '60 s' order by s.due_at limit 20;
  return query
  with first as materialized (select s.name, s.task, s.paused_at, s.paused_by, s.next_at from jobs.schedule s order by s.name limit 2000),
  served as materialized (
    select distinct t.name
    from (select distinct w.tasks from jobs.worker w where w.lost_at is null and w.expires_at >= v_now) p, unnest(p.tasks) t(name))
  (select 'schedule_paused', 'warning', format('the schedule %s is paused for %s, by %s', jobs._shown(s.name), jobs._span(jobs._since(v_now, s.paused_at)), jobs._shown(s.paused_by)),
    jobs._seconds(jobs._since(v_now, s.paused_at)), 604800::numeric, format('`pgjobs schedule resume %s`, or `pgjobs schedule drop %s`', jobs._shown(s.name), jobs._shown(s.name)),
    jsonb_build_object('schedule', s.name, 'paused_by', s.paused_by)
   from first s where s.paused_at < v_now - interval '7 days' order by s.paused_at limit 20)
  union all
  (select 'schedule_without_worker', 'error', format('the schedule %s publishes jobs of the task %s, which no live worker has', jobs._shown(s.name), jobs._shown(s.task)),
    0::numeric, 1::numeric, format('start a program that has the task, `pgjobs worker --topic %s`, or `pgjobs schedule pause %s`', jobs._shown(s.task), jobs._shown(s.name)),
    jsonb_build_object('schedule', s.name, 'task', s.task)
   from first s where s.paused_at is null and s.next_at is not null and exists (select from served) and s.task not in (select v.name from served v)
   order by s.name limit 20)
  union all
  (select 'schedule_fails', 'error', format('the last %s ticks of the schedule %s published nothing: %s', e.failed, jobs._shown(s.name), jobs._escaped(left(e.reason, 500))),
    e.failed::numeric, 0::numeric, format('`pgjobs schedule explain %s` says why', jobs._shown(s.name)), jsonb_build_object('schedule', s.name, 'task', s.task)
   from first s, lateral (
     select count(*) as failed, bool_and(l.outcome in ('failed', 'delayed')) as all_failed, (array_agg(l.reason order by l.number desc))[1] as reason
     from (select n.number, n.outcome, n.reason from jobs.schedule_entry n where n.schedule = s.name and n.tick is not null order by n.number desc limit 3) l) e
   where s.paused_at is null and e.all_failed order by s.name limit 20);
end $$;

-- Topics that are paused for an hour and under which jobs of some task are ready.
create or replace function jobs._problems_of_pauses() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  if pg_sequence_last_value('jobs.restrictions_made') is null then
    return;
  end if;
  return query
  select 'paused', 'warning', format('the topic %s is paused for %s by %s, and jobs of %s tasks under it are ready', jobs._shown(p.topic), jobs._span(jobs._since(v_now, p.paused_at)),
      jobs._shown(p.paused_by), cardinality(p.tasks)),
    jobs._seconds(jobs._since(v_now, p.paused_at)), 3600::numeric, format('`pgjobs resume %s`', jobs._shown(p.topic)), jsonb_build_object('topic', p.topic, 'paused_by', p.paused_by, 'until', p.until, 'tasks', to_jsonb(p.tasks[1:20]))
  from (select w.topic, w.paused_at, w.paused_by, w.until, array_agg(q.task::text order by q.task) as tasks
        from jobs.pause w join jobs._queues() q on q.task like w.pattern or (select k.task like w.pattern from jobs.publish_check k where k.name = q.task)
        where (w.until > v_now) is not false and w.paused_at < v_now - interval '1 hour'
        group by w.topic order by w.paused_at limit 20) p;
end $$;

-- Roles that are gone: those that own tasks, and those with topic grants.
create or replace function jobs._problems_of_owners() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query
  select 'owner_missing', 'warning', format('%s tasks belong to the role %s, which does not exist any more: nobody but administrators may change %s', count(*), jobs._shown(t.owner_name), jobs._shown(min(t.name))),
    count(*)::numeric, 0::numeric, format('`select jobs.own_task(%s, ''a_role'')` with a role that deploys it, for each of them', jobs._shown(min(t.name))),
    jsonb_build_object('role', t.owner_name, 'tasks', (array_agg(t.name::text order by t.name))[1:20])
  from jobs.task t where not exists (select from pg_roles r where r.oid = t.owner and r.rolname = t.owner_name)
  group by t.owner_name order by count(*) desc, t.owner_name limit 20;
  return query
  select 'grant_of_no_role', 'warning', format('%s topic grants are for the role %s, which does not exist any more; they would restrict a new role of that name', count(*), jobs._shown(g.role)),
    count(*)::numeric, 0::numeric, format('`delete from jobs.topic_grant where name = %s`, as the owner of schema jobs; or `create role` for it', jobs._shown(g.role)), jsonb_build_object('role', g.role)
  from jobs.topic_grants() g where not g.known group by g.role order by g.role limit 20;
end $$;

-- Unique keys that no job holds, among the first 100 and the last 100 without an end in time. Never says a
-- key.
create or replace function jobs._problems_of_keys() returns setof jobs.problem
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  return query
  with sampled as materialized (
    (select u.name, u.job_id from jobs.unique_key u where u.until is null order by u.name, u.key limit 100)
    union
    (select u.name, u.job_id from jobs.unique_key u where u.until is null order by u.name desc, u.key desc limit 100)
  ), open as materialized (
    select o.job_id from jobs._open_of(array(select k.job_id::text from sampled k)) o
  )
  select 'key_without_job', 'warning', format('%s unique keys of %s are held by jobs that are not open any more', count(*), jobs._shown(k.name)), count(*)::numeric, 0::numeric,
    format('the next job under such a key takes it; to do it now: `pgjobs unique list --topic %s`, `pgjobs unique release`', jobs._shown(k.name)), jsonb_build_object('name', k.name)
  from sampled k where not exists (select from open o where o.job_id = k.job_id) group by k.name order by k.name limit 20;
end $$;
