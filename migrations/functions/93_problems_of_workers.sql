-- Problems of workers and of what they run.

-- Live workers whose heartbeat is late, that listen to nobody's notifications, or run another release.
create or replace function jobs._problems_of_workers() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_release text := (select s.release from jobs.schema_functions s);
begin
  return query
  select 'worker_late', 'warning', format('the worker of process %s on %s sent its last heartbeat %s ago; its lease ends after %s', w.pid, jobs._shown(w.host),
      jobs._span(jobs._since(v_now, w.heartbeat_at)), jobs._span(make_interval(secs => w.lease_seconds::double precision))),
    jobs._seconds(jobs._since(v_now, w.heartbeat_at)), round(w.lease_seconds * 2 / 3),
    'look at that process: a task that blocks its threads, or a lost network; `pgjobs inspect workers` lists all', jsonb_build_object('worker', w.id, 'host', w.host, 'pid', w.pid)
  from jobs.worker w
  where w.lost_at is null and w.expires_at >= v_now and w.heartbeat_at < v_now - make_interval(secs => w.lease_seconds::double precision * 2 / 3)
  order by w.heartbeat_at limit 20;
  return query
  select 'worker_release', 'warning', format('%s live workers run release %s, and the schema is of %s', count(*), jobs._shown(w.version), jobs._shown(v_release)),
    count(*)::numeric, 0::numeric, 'build their program with the schema''s release and start it anew; `pgjobs migrate` brings an older schema up to date',
    jsonb_build_object('release', w.version, 'schema', v_release, 'hosts', (array_agg(distinct w.host))[1:20])
  from jobs.worker w where w.lost_at is null and w.expires_at >= v_now and w.version <> v_release group by w.version order by w.version limit 20;
  return query
  select 'notify_off', 'warning', format('notifications are switched off, so that %s live workers find jobs when they poll', count(*)), count(*)::numeric, 0::numeric,
    '`update jobs.config set notify = true`', '{}'::jsonb
  from jobs.worker w where w.lost_at is null and w.expires_at >= v_now and not (select c.notify from jobs.config c) having count(*) > 0;
end $$;

-- What workers do for all, and nobody does: jobs that came due and were not promoted, leases that ended
-- and were not swept. A minute late, at least.
create or replace function jobs._problems_of_leases() returns setof jobs.problem
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  return query
  select 'not_promoted', 'error', format('a scheduled job of the task %s came due %s ago and is not in the queue yet', jobs._shown(f.task), jobs._span(jobs._since(v_now, f.scheduled_at))),
    jobs._seconds(jobs._since(v_now, f.scheduled_at)), 60::numeric, 'start a worker, which does it every second: `pgjobs worker`; or `select jobs.maintain()`', jsonb_build_object('task', f.task)
  from (select q.task, q.scheduled_at from jobs.pending q where q.ready_seq is null order by q.scheduled_at limit 1) f
  where f.scheduled_at < v_now - interval '60 s';
  return query
  select 'not_swept', 'error', format('a lease of jobs ended %s ago, and nobody has requeued them', jobs._span(jobs._since(v_now, min(l.ended_at)))),
    jobs._seconds(jobs._since(v_now, min(l.ended_at))), 60::numeric, 'start a worker, which does it every second: `pgjobs worker`; or `select jobs.maintain()`',
    jsonb_build_object('ended_at', min(l.ended_at))
  from (
    (select b.expires_at as ended_at from jobs.batch b order by b.expires_at limit 1)
    union all
    select coalesce(w.lost_at, w.expires_at) from jobs.worker w
    where (w.lost_at is not null or w.expires_at < v_now) and exists (select from jobs.batch b where b.worker = w.id)) l
  where l.ended_at < v_now - interval '60 s' having count(*) > 0;
end $$;

-- Jobs that a live worker claimed ahead and has not begun for five minutes; tasks whose last ten jobs all
-- failed within an hour.
create or replace function jobs._problems_of_runs() returns setof jobs.problem
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  return query
  select 'prefetch_stuck', 'warning', format('the worker of process %s on %s claimed %s jobs %s ago and has not begun them', w.pid, jobs._shown(w.host), s.jobs, jobs._span(jobs._since(v_now, s.since))),
    jobs._seconds(jobs._since(v_now, s.since)), 300::numeric, 'its slots are full: set a shorter timeout on its tasks, or stop that process and others run them; `pgjobs inspect workers` shows what it holds',
    jsonb_build_object('worker', w.id, 'host', w.host, 'pid', w.pid, 'jobs', s.jobs)
  from jobs.worker w,
    lateral (select sum(jobs._count(h.open & ~h.started)) as jobs, min(h.run_at) as since
             from (select b.open, b.started, b.run_at from jobs.batch b where b.worker = w.id limit 1000) h
             where h.open & ~h.started <> 0 and h.run_at < v_now - interval '5 minutes') s
  where w.lost_at is null and w.expires_at >= v_now and s.jobs > 0 order by s.since limit 20;
  return query
  select 'task_fails', 'warning', format('the last %s jobs of the task %s that ended within an hour all failed', f.failed, jobs._shown(f.task)), f.failed::numeric, 9::numeric,
    format('`pgjobs inspect jobs --state failed --topic %s` shows the errors; then `pgjobs retry --topic %s`', jobs._shown(f.task), jobs._shown(f.task)),
    jsonb_build_object('task', f.task, 'failed', f.failed)
  from jobs._last_ended(1000, 10) f where f.failed >= 10 and not exists (select from jobs.publish_check k where k.name = f.task and k.keep <> 'all')
  order by f.failed desc, f.task limit 20;
end $$;

-- For each task among those i_num jobs published last that have ended today, if its last i_each that ended
-- within an hour all failed: how many these are. Reads one partition by its index; a subtransaction gives
-- its lock back.
create or replace function jobs._last_ended(i_num integer, i_each integer) returns table (task varchar, failed bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_name text := 'job_' || to_char(v_now at time zone 'UTC', 'YYYYMMDD');
  v_tasks text[];
  v_failed bigint[];
begin
  if to_regclass('jobs.' || v_name) is null then
    return;
  end if;
  begin
    execute format('
      select array_agg(l.task), array_agg(l.failed) from (
        select r.task, count(*) as failed from (
          select n.task, n.status, row_number() over (partition by n.task order by n.job_id desc) as nth
          from (select h.task, h.status, h.job_id, h.complete_on from jobs.%I h order by h.job_id desc limit $1) n
          where n.complete_on >= $2) r
        where r.nth <= $3 group by r.task having bool_and(r.status = ''failed'')) l', v_name) into v_tasks, v_failed using i_num, v_now - interval '1 hour', i_each;
    raise sqlstate 'PT000';
  exception when sqlstate 'PT000' then null;
  end;
  return query select u.task::varchar, u.failed from unnest(v_tasks, v_failed) u(task, failed);
end $$;

-- Ready jobs whose arguments do not fit their task, so that they will fail: among the first two of each of 50
-- declared tasks that validate, and bodies of at most 100 kB. Never says a value.
create or replace function jobs._problems_of_bodies() returns setof jobs.problem
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_until timestamptz := clock_timestamp() + interval '50 ms';
begin
  return query
  select 'arguments_do_not_fit', 'warning', format('%s of the first jobs of the task %s have arguments that do not fit it: %s', count(*), jobs._shown(g.name), min(e.reason)),
    count(*)::numeric, 0::numeric, format('`pgjobs check` looks at all of them; `pgjobs explain %s` is about the first', min(j.job_id)),
    jsonb_build_object('task', g.name, 'job_id', min(j.job_id))
  from (select k.name, k.task from jobs.publish_check k where k.validation <> 'off' and clock_timestamp() < v_until
          and exists (select from jobs.pending q where q.task = k.name and q.ready_seq is not null) order by k.name limit 50) g,
    lateral (select q.job_id, coalesce((q.jobs[1]).body, q.body) as body from jobs.pending q
             where q.task = g.name and q.ready_seq is not null and q.bytes < 100000 order by jobs._rank(q.priority, q.ready_seq, q.bucket), q.ready_seq limit 2) j,
    lateral (select case when clock_timestamp() < v_until then jobs._schema_error_of_job(g.task, j.body, v_until) end as reason) e
  where e.reason is not null group by g.name;
end $$;
