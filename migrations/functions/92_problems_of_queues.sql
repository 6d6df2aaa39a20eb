-- Problems of jobs that are ready: nobody runs them, or not soon.

-- Tasks with ready jobs, at most 1,000: the job that waits the longest and since when, as the heads of the
-- first and of the last priority show; whether a live worker has the task, whether it is paused. Since
-- when is null of a job that was released, or retried by hand: nothing says when. A few index probes for
-- each task.
create or replace function jobs._queues() returns table (task varchar, job_id varchar, since timestamptz, is_served boolean, is_paused boolean)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_tasks text[];
begin
  with recursive named(task) as (
    (select q.task from jobs.pending q where q.ready_seq is not null order by q.task limit 1)
    union all
    select (select q.task from jobs.pending q where q.ready_seq is not null and q.task > n.task order by q.task limit 1)
    from named n where n.task is not null
  ) select array_agg(l.task) into v_tasks from (select n.task from named n where n.task is not null limit 1000) l;
  return query
  with served as materialized (
    select distinct t.name
    from (select distinct w.tasks from jobs.worker w where w.lost_at is null and w.expires_at >= v_now) p, unnest(p.tasks) t(name)
  ), unpaused as materialized (
    select u.name from unnest(case when pg_sequence_last_value('jobs.pauses_made') is null then v_tasks else jobs._unpaused(v_tasks) end) u(name)
  )
  select l.task::varchar, e.job_id, e.since, s.name is not null, u.name is null
  from unnest(v_tasks) l(task)
  left join served s on s.name = l.task
  left join unpaused u on u.name = l.task,
    lateral (
      select h.job_id, case when h.ready_seq > 0 and (h.attempt = 0 or h.scheduled_at is not null) then greatest(h.created_at, h.scheduled_at) end as since
      from (
        (select q.job_id, q.created_at, q.scheduled_at, q.ready_seq, q.attempt from jobs.pending q where q.task = l.task and q.ready_seq is not null
         order by jobs._rank(q.priority, q.ready_seq), q.ready_seq limit 1)
        union all
        (select q.job_id, q.created_at, q.scheduled_at, q.ready_seq, q.attempt from jobs.pending q
         where q.task = l.task and q.ready_seq is not null
           and jobs._rank(q.priority, q.ready_seq) = (select jobs._rank(r.priority, r.ready_seq) from jobs.pending r
             where r.task = l.task and r.ready_seq is not null order by jobs._rank(r.priority, r.ready_seq) desc, r.ready_seq desc limit 1)
         order by q.ready_seq limit 1)) h
      order by since limit 1) e;
end $$;

-- The declared name that is most like each of these names, by the pairs of letters they share; null: none is.
-- Compares with 1,000 declared tasks at most.
create or replace function jobs._similar_tasks(i_names text[]) returns table (name text, similar_to text)
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  with pairs as materialized (
    select distinct k.name, k.is_known, substr(lower(k.name), g, 2) as pair
    from (select n as name, false as is_known from unnest(i_names) n
          union all (select t.name::text, true from jobs.task t order by t.name limit 1000)) k, generate_series(0, length(k.name)) g
  ), sizes as (
    select p.name, p.is_known, count(*) as pairs from pairs p group by 1, 2
  )
  select distinct on (m.name) m.name, m.known from (
    select a.name, b.name as known, 2.0 * count(*) / (min(x.pairs) + min(y.pairs)) as share
    from pairs a join pairs b on b.pair = a.pair and b.is_known and not a.is_known
    join sizes x on x.name = a.name and not x.is_known join sizes y on y.name = b.name and y.is_known
    group by a.name, b.name) m
  where m.share >= 0.6 order by m.name, m.share desc, m.known
$$;

-- Ready jobs that no live worker takes. Where a plain client has claimed within a week, only those that have
-- waited for five minutes: it is no worker and is not listed as one.
create or replace function jobs._problems_of_queues() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_before timestamptz := case when jobs._is_awaited('jobs.plain_clients_until') then v_now - interval '5 minutes' else 'infinity' end;
  v_tasks text[];
  v_waiting jsonb;
begin
  select array_agg(q.task::text order by q.since, q.task) filter (where not q.is_served and not q.is_paused and coalesce(q.since, v_now) <= v_before),
    jsonb_agg(jsonb_build_object('task', q.task, 'job_id', q.job_id, 'since', q.since) order by q.since)
      filter (where q.is_served and not q.is_paused and q.since < v_now - interval '5 minutes')
  into v_tasks, v_waiting from jobs._queues() q;
  if v_tasks is not null and not exists (select from jobs.worker w where w.lost_at is null and w.expires_at >= v_now) then
    return next row('no_worker', 'error', format('no worker is alive, and jobs of %s tasks are ready, of %s first', cardinality(v_tasks), jobs._shown(v_tasks[1])),
      cardinality(v_tasks), 0, 'start your program''s worker: `pgjobs worker`', jsonb_build_object('tasks', to_jsonb(v_tasks[1:20])))::jobs.problem;
  end if;
  return query select a.* from jobs._problems_of_absence(v_tasks) a;
  return query select w.* from jobs._problems_of_waiting(v_waiting, v_now) w;
end $$;

-- These tasks have ready jobs and no live worker: the first 20 that were declared, if there are live
-- workers at all, and the first 20 that never were.
create or replace function jobs._problems_of_absence(i_tasks text[]) returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_known text[] := array(select k.name from unnest(i_tasks) with ordinality n(name, at) join jobs.publish_check k on k.name = n.name order by n.at);
  v_unknown text[] := array(select n.name from unnest(i_tasks) with ordinality n(name, at) where n.name <> all (v_known) order by n.at limit 20);
begin
  return query
  select 'task_without_worker', 'error', format('jobs of the task %s are ready, and no live worker has it: it was last declared at %s', jobs._shown(n.name), jobs._moment(t.declared_at)),
    0::numeric, 1::numeric, format('start a program that has it: `pgjobs worker --topic %s`', jobs._shown(n.name)), jsonb_build_object('task', n.name, 'tasks', cardinality(v_known))
  from unnest(v_known[1:20]) n(name) join jobs.publish_check k on k.name = n.name join jobs.task t on t.name = k.task
  where exists (select from jobs.worker w where w.lost_at is null and w.expires_at >= v_now);
  return query
  select 'unknown_task', 'error', format('jobs of the task %s are ready, and no worker ever declared it%s', jobs._shown(n.name), '; there is ' || jobs._shown(s.similar_to)),
    0::numeric, 1::numeric, format('if the name is right, start a program that has it, or else `pgjobs cancel --topic %s`%s', jobs._shown(n.name),
      ' and publish ' || jobs._shown(s.similar_to)), jsonb_build_object('task', n.name, 'similar', s.similar_to)
  from unnest(v_unknown) n(name) left join jobs._similar_tasks(v_unknown) s on s.name = n.name;
end $$;

-- Jobs that wait for five minutes though a live worker has their task: the first 20 of these tasks.
create or replace function jobs._problems_of_waiting(i_waiting jsonb, i_now timestamptz) returns setof jobs.problem
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  select case when a.held >= a.slots then 'workers_busy' else 'jobs_wait' end, 'warning',
    format('a job of the task %s waits for %s; its %s live workers hold %s jobs in %s slots', jobs._shown(w.task), jobs._span(i_now - w.since), a.workers, a.held, a.slots),
    jobs._seconds(i_now - w.since), 300::numeric,
    case when a.held >= a.slots then format('start more workers, `pgjobs worker --topic %s`, or raise their --concurrency', jobs._shown(w.task))
         else format('`pgjobs explain %s` says what it waits for', jobs._escaped(w.job_id)) end,
    jsonb_build_object('task', w.task, 'job_id', w.job_id, 'since', w.since, 'workers', a.workers, 'slots', a.slots, 'held', a.held)
  from (select x.* from jsonb_to_recordset(i_waiting) x(task varchar, job_id varchar, since timestamptz) order by x.since limit 20) w, lateral jobs._able_workers(w.task) a
$$;
