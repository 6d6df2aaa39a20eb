-- Problems of jobs that are ready: nobody runs them, or not soon.

-- The heads of the queues of up to 1,000 tasks, in parallel arrays: the first job of each, and of its last
-- priority if it has several; and of those that limits have blocked the same (o_blocked). Two index probes or
-- three for each task, of which only one goes past dead rows before the head, and two more where jobs are
-- blocked; stops after 0.3 s.
create or replace function jobs._queue_heads(out o_tasks text[], out o_jobs text[], out o_since timestamptz[], out o_blocked boolean[])
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off as $$
declare
  c_blocked constant bigint := 1099511627776;   -- less is the rank of a job that is not blocked (jobs._rank)
  v_until timestamptz := clock_timestamp() + interval '0.3 s';
  v_task text := '';
  v_head record;
  v_first bigint;
  v_last bigint;
  v_rank bigint;
begin
  o_tasks := '{}'; o_jobs := '{}'; o_since := '{}'; o_blocked := '{}';
  while cardinality(o_tasks) < 1000 and clock_timestamp() < v_until loop
    select q.task, q.job_id, jobs._rank(q.priority, q.ready_seq, q.bucket) as rank, jobs._waits_since(q) as since into v_head
    from jobs.pending q where q.task > v_task and q.ready_seq is not null
    order by q.task, jobs._rank(q.priority, q.ready_seq, q.bucket), q.ready_seq limit 1;
    exit when not found;
    v_task := v_head.task;
    v_first := v_head.rank;
    select jobs._rank(q.priority, q.ready_seq, q.bucket) into v_last from jobs.pending q where q.task = v_task and q.ready_seq is not null
    order by q.task desc, jobs._rank(q.priority, q.ready_seq, q.bucket) desc, q.ready_seq desc limit 1;
    o_tasks := o_tasks || v_task; o_jobs := o_jobs || v_head.job_id::text; o_since := array_append(o_since, v_head.since); o_blocked := o_blocked || (v_first >= c_blocked);
    foreach v_rank in array case when v_first < c_blocked and v_last >= c_blocked then jobs._ranks_between(v_task, c_blocked) || v_last else array[v_last] end loop
      continue when v_rank = v_first;
      select q.job_id, jobs._waits_since(q) as since into v_head from jobs.pending q
      where q.task = v_task and q.ready_seq is not null and jobs._rank(q.priority, q.ready_seq, q.bucket) = v_rank order by q.ready_seq limit 1;
      o_tasks := o_tasks || v_task; o_jobs := o_jobs || v_head.job_id::text; o_since := array_append(o_since, v_head.since); o_blocked := o_blocked || (v_rank >= c_blocked);
    end loop;
  end loop;
end $$;

-- The last rank of a task's queue below i_blocked, and the first from there on.
create or replace function jobs._ranks_between(i_task text, i_blocked bigint) returns bigint[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off as $$
begin
  return array[
    (select jobs._rank(q.priority, q.ready_seq, q.bucket) from jobs.pending q
     where q.task = i_task and q.ready_seq is not null and jobs._rank(q.priority, q.ready_seq, q.bucket) < i_blocked
     order by q.task desc, jobs._rank(q.priority, q.ready_seq, q.bucket) desc, q.ready_seq desc limit 1),
    (select jobs._rank(q.priority, q.ready_seq, q.bucket) from jobs.pending q
     where q.task = i_task and q.ready_seq is not null and jobs._rank(q.priority, q.ready_seq, q.bucket) >= i_blocked
     order by q.task, jobs._rank(q.priority, q.ready_seq, q.bucket), q.ready_seq limit 1)];
end $$;

-- Since when a ready job waits; null for one that was released, or retried by hand: nothing says when.
create or replace function jobs._waits_since(q jobs.pending) returns timestamptz
language sql immutable parallel safe
return case when q.ready_seq > 0 and (q.attempt = 0 or q.scheduled_at is not null) then greatest(q.created_at, q.scheduled_at) end;

-- Tasks with ready jobs, at most 1,000: the job that waits the longest, as the heads of the first and of the
-- last priority show, and since when (null: not known); whether a live worker has the task, whether it is
-- paused; whether all its jobs are blocked by limits (else the job is one that is not), and the longest wait
-- of them all.
create or replace function jobs._queues() returns table (
  task varchar, job_id varchar, since timestamptz, is_served boolean, is_paused boolean, is_blocked boolean, oldest timestamptz
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_heads record;
begin
  select h.o_tasks as tasks, h.o_jobs as jobs, h.o_since as since, h.o_blocked as blocked into v_heads from jobs._queue_heads() h;
  return query
  with served as materialized (
    select distinct t.name
    from (select distinct w.tasks from jobs.worker w where w.lost_at is null and w.expires_at >= v_now) p, unnest(p.tasks) t(name)
  ), unpaused as materialized (
    select distinct u.name
    from unnest(case when pg_sequence_last_value('jobs.restrictions_made') is null then v_heads.tasks else jobs._unpaused(v_heads.tasks) end) u(name)
  ), longest as (
    select distinct on (h.task) h.task, h.job, h.since, h.is_blocked, min(h.since) over (partition by h.task) as oldest
    from unnest(v_heads.tasks, v_heads.jobs, v_heads.since, v_heads.blocked) h(task, job, since, is_blocked) order by h.task, h.is_blocked, h.since
  )
  select l.task::varchar, l.job::varchar, l.since, s.name is not null, u.name is null, l.is_blocked, l.oldest
  from longest l left join served s on s.name = l.task left join unpaused u on u.name = l.task;
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
      filter (where q.is_served and not q.is_paused and not q.is_blocked and q.since < v_now - interval '5 minutes')
  into v_tasks, v_waiting from jobs._queues() q;
  if v_tasks is not null and not exists (select from jobs.worker w where w.lost_at is null and w.expires_at >= v_now) then
    return next row('no_worker', 'error', format('no worker is alive, and jobs of %s are ready%s', jobs._shown(v_tasks[1]), case when cardinality(v_tasks) > 1 then format(', and of %s other tasks', cardinality(v_tasks) - 1) else '' end),
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
    format('a job of the task %s waits for %s; its %s live workers hold %s jobs in %s slots', jobs._shown(w.task), jobs._span(jobs._since(i_now, w.since)), a.workers, a.held, a.slots),
    jobs._seconds(jobs._since(i_now, w.since)), 300::numeric,
    case when a.held >= a.slots then format('start more workers, `pgjobs worker --topic %s`, or raise their --concurrency', jobs._shown(w.task))
         else format('`pgjobs explain %s` says what it waits for', jobs._escaped(w.job_id)) end,
    jsonb_build_object('task', w.task, 'job_id', w.job_id, 'since', w.since, 'workers', a.workers, 'slots', a.slots, 'held', a.held)
  from (select x.* from jsonb_to_recordset(i_waiting) x(task varchar, job_id varchar, since timestamptz) order by x.since limit 20) w, lateral jobs._able_workers(w.task) a
$$;
