-- Reading: views for people and clients, functions for tools. None shows a lease, because it is a key.

create view jobs.running as
select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, r.priority, r.timeout, r.created_at,
  r.run_at, r.scheduled_at, r.attempt, r.expires_at, r.worker
from jobs._runs r;

-- Running jobs whose lease has expired, which the next sweep requeues.
create view jobs.expired as
select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, r.priority, r.timeout, r.created_at,
  r.run_at, r.scheduled_at, r.attempt, r.expires_at, r.worker
from jobs.running r
left join jobs.worker w on w.id = r.worker
where r.expires_at < (select jobs.now())
  or (r.worker is not null and (w.id is null or w.lost_at is not null or w.expires_at < (select jobs.now())));

-- Pending jobs, one row per job.
create view jobs._waiting as
select j.id, j.job_id, j.task, j.body, j.retries, j.max_retries, j.priority, j.timeout, j.created_at, j.scheduled_at,
  j.ready_seq, j.attempt, j.traceback
from jobs.pending q,
  lateral pg_catalog.unnest(coalesce(q.jobs, array[row(q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout,
    q.created_at, q.scheduled_at, q.ready_seq, q.attempt, q.traceback)::jobs.open_job])) j;

-- Pending and running jobs, as in the Python package's table of this name.
create view jobs.job_queue as
select q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout, q.created_at,
  null::timestamptz as run_at, q.scheduled_at, q.attempt, null::timestamptz as expires_at, null::uuid as worker, q.traceback
from jobs._waiting q
union all
select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, r.priority, r.timeout, r.created_at,
  r.run_at, r.scheduled_at, r.attempt, r.expires_at, r.worker, r.traceback
from jobs._runs r;

-- The two halves of jobs.all.
create view jobs._open as
select q.id, q.job_id, q.task, q.body, q.retries, q.max_retries,
  case when q.run_at is null then 'pending' else 'running' end::varchar as status,
  q.priority, q.timeout, q.created_at, q.run_at, q.scheduled_at,
  null::timestamptz as complete_on, null::jsonb as result, q.traceback, q.attempt, q.worker
from jobs.job_queue q;

create view jobs._ended as
select h.id, h.job_id, h.task, h.body, h.retries, h.max_retries, h.status::text::varchar as status,
  h.priority, h.timeout, h.created_at, h.run_at, h.scheduled_at,
  h.complete_on, h.result, h.traceback, h.attempt, h.worker
from jobs.job h;

-- Every job in any state.
create view jobs."all" as
select o.id, o.job_id, o.task, o.body, o.retries, o.max_retries, o.status, o.priority, o.timeout,
  o.created_at, o.run_at, o.scheduled_at, o.complete_on, o.result, o.traceback, o.attempt, o.worker
from jobs._open o
union all
select e.id, e.job_id, e.task, e.body, e.retries, e.max_retries, e.status, e.priority, e.timeout,
  e.created_at, e.run_at, e.scheduled_at, e.complete_on, e.result, e.traceback, e.attempt, e.worker
from jobs._ended e;

-- Refuses a negative number of rows (PT400).
create function jobs._check_limit(i_name text, i_limit bigint) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  if i_limit < 0 then
    raise sqlstate 'PT400' using message = format('%s is a number of at least 0, not %s', i_name, i_limit), hint = 'leave it out for what it is by default';
  end if;
end $$;

-- One job in any state; no row when it is unknown. Reads each table by its index.
create function jobs.get(i_job varchar) returns setof jobs."all"
language plpgsql stable rows 1 security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query select q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, 'pending'::varchar, q.priority, q.timeout,
      q.created_at, null::timestamptz, q.scheduled_at, null::timestamptz, null::jsonb, q.traceback, q.attempt, null::uuid
    from (select p.id, p.job_id, p.task, p.body, p.retries, p.max_retries, p.priority, p.timeout, p.created_at, p.scheduled_at,
            p.attempt, p.traceback
          from jobs.pending p where p.job_id = i_job and p.size = 1
          union all
          select p.id, p.job_id, p.task, p.body, p.retries, p.max_retries, p.priority, p.timeout, p.created_at, p.scheduled_at,
            p.attempt, p.traceback
          from jobs._find_packed(i_job) p) q;
  if not found then
    return query select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, 'running'::varchar, r.priority, r.timeout,
        r.created_at, r.run_at, r.scheduled_at, null::timestamptz, null::jsonb, r.traceback, r.attempt, r.worker
      from jobs._find_run(i_job) f join jobs._runs r on r.lease = f.lease and r.part = f.batch_index >> 6 and r.batch_index = f.batch_index;
  end if;
  if not found then   -- last, because it costs most; all queries read one snapshot, so the order does not matter
    return query select h.id, h.job_id, h.task, h.body, h.retries, h.max_retries, h.status::text::varchar, h.priority, h.timeout,
        h.created_at, h.run_at, h.scheduled_at, h.complete_on, h.result, h.traceback, h.attempt, h.worker
      from jobs._history_of(array[i_job::text]) h;
  end if;
end $$;

-- The state of a job, with its result or last error, for clients that wait for it. A restricted role
-- (0017_topics.sql) sees jobs of the tasks that it may publish or consume; others are unknown to it.
create function jobs.result(i_job varchar) returns table (status varchar, result jsonb, traceback text)
language plpgsql stable rows 1 security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query select a.status, a.result, a.traceback from jobs.get(i_job) a where a.task = any (jobs._visible(array[a.task::text]));
end $$;

-- The states of these jobs, each once and in no order, with their results or last errors once they have
-- ended; no row for an unknown job. i_only_ended leaves out those that have not ended: clients that wait for
-- many jobs poll with it (jobs.await_results). Reads only the indexes of job ids, and locks in history the
-- days on which these jobs can have ended; searches all days for a job that it does not find, unless
-- i_only_ended is set. For a restricted role, jobs of other tasks are unknown, as in jobs.result.
create function jobs.results(i_jobs text[], i_only_ended boolean default false) returns table (
  job_id varchar, status varchar, result jsonb, traceback text
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_pending text[];
  v_running text[];
  v_hidden text[];
  v_others text[] := i_jobs;
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
begin
  if cardinality(i_jobs) > 10000 then
    raise sqlstate 'PT413' using message = format('jobs.results looks at most 10000 jobs up, these are %s', cardinality(i_jobs)),
      hint = 'ask in several calls';
  end if;
  if not i_only_ended then
    select array_agg(o.job_id) filter (where o.status = 'pending' and o.is_visible), array_agg(o.job_id) filter (where o.status = 'running' and o.is_visible),
      array_agg(o.job_id) filter (where not o.is_visible)
    into v_pending, v_running, v_hidden
    from (select p.job_id, p.status, jobs._is_under(p.task, v_publishes) or jobs._is_under(p.task, v_consumes) as is_visible from jobs._open_of(i_jobs) p) o;
    return query select o::varchar, 'pending'::varchar, null::jsonb, null::text from unnest(v_pending) o;
    return query select o::varchar, 'running'::varchar, null::jsonb, null::text from unnest(v_running) o;
    v_others := array(select j from unnest(i_jobs) j except select o from unnest(v_pending || v_running || v_hidden) o);
  end if;
  if cardinality(v_others) > 0 then
    return query select h.job_id, h.status::text::varchar, h.result, h.traceback from jobs._history_of(v_others, not i_only_ended) h
      where jobs._is_under(h.task, v_publishes) or jobs._is_under(h.task, v_consumes);
  end if;
end $$;

-- Those of these jobs that are pending or running. Unnests a packed row or batch once, however many of these
-- jobs it contains.
create function jobs._open_of(i_jobs text[]) returns table (job_id varchar, status varchar, task varchar)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_single text[];
  v_tasks text[];
  v_others text[];
begin
  select array_agg(p.job_id), array_agg(p.task) into v_single, v_tasks from jobs.pending p where p.job_id = any (i_jobs) and p.size = 1;
  v_others := array(select j from unnest(i_jobs) j except select p from unnest(v_single) p);
  return query select p.job_id::varchar, 'pending'::varchar, p.task::varchar from unnest(v_single, v_tasks) p(job_id, task);
  return query select w.job_id, 'pending'::varchar, w.task
    from jobs.pending q, unnest(q.jobs) w
    where w.job_id = any (v_others) and q.ctid = any (array(
      select distinct r.at from unnest(v_others) j,
        lateral (select m.ctid as at from jobs.pending m
                 where m.size > 1 and m.job_id >= left(j, 13) and m.job_id <= j and m.last_job >= j) r));
  return query select w.job_id, 'running'::varchar, w.task
    from jobs.batch b, unnest(b.jobs) with ordinality w
    where w.job_id = any (v_others) and (b.open >> (w.ordinality - 1)::integer) & 1 = 1 and b.ctid = any (array(
      select distinct r.at from unnest(v_others) j,
        lateral (select q.ctid as at from jobs.batch q where q.first_job = j
                 union all
                 select q.ctid from jobs.batch q where q.part >= 0 and q.first_job < j and q.last_job >= j) r));
end $$;

-- A page of pending jobs, newest first. The job_id of a row is that of its first job, so every row before
-- i_before contributes at least one job, and i_num rows are enough. Also reads packed rows that begin earlier
-- in the same millisecond, because the ids of a packed row share their millisecond.
create function jobs._page_of_pending(i_pattern text, i_before varchar, i_num integer) returns setof jobs."all"
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_last varchar := (
    select min(r.job_id)
    from (select q.job_id from jobs.pending q where q.task like i_pattern and q.job_id < i_before order by q.job_id desc limit i_num) r);
begin
  return query
  select j.id, j.job_id, j.task, j.body, j.retries, j.max_retries, 'pending'::varchar, j.priority, j.timeout,
    j.created_at, null::timestamptz, j.scheduled_at, null::timestamptz, null::jsonb, j.traceback, j.attempt, null::uuid
  from (select q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout, q.created_at, q.scheduled_at, q.attempt, q.traceback
        from jobs.pending q
        where q.size = 1 and q.job_id >= v_last and q.job_id < i_before and q.task like i_pattern
        union all
        select p.id, p.job_id, p.task, p.body, p.retries, p.max_retries, p.priority, p.timeout, p.created_at, p.scheduled_at, p.attempt, p.traceback
        from jobs.pending q, unnest(q.jobs) p
        where q.size > 1 and q.job_id >= left(v_last, 13) and q.job_id < i_before and q.task like i_pattern and p.job_id < i_before) j
  order by j.job_id desc limit i_num;
end $$;

-- A condition that jobs.job h ended in this state (null: any). Jobs that did not succeed have a separate
-- index.
create function jobs._in_state(i_state text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case when i_state = 'success' then ' and h.status = ' || quote_literal('success')
              when i_state is not null then format(' and h.status <> ''success'' and h.status = %L', i_state) else '' end
$$;

-- A page of ended jobs in a state (null: any), newest first. Finds their ids first, week by week, and then
-- reads the jobs.
create function jobs._page_of_ended(i_state text, i_pattern text, i_before varchar, i_num integer) returns setof jobs."all"
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_week text;
  v_day timestamptz;
  v_ids text[] := array[]::text[];
  v_times timestamptz[] := array[]::timestamptz[];
  v_some_ids text[];
  v_some_times timestamptz[];
begin
  for v_week in select w from jobs._weeks() w loop
    begin
      execute format('select array_agg(e.job_id), array_agg(e.complete_on)
                      from (select h.job_id, h.complete_on from jobs.job h
                            where h.task like $1 and h.job_id < $2 and h.job_id > $3%s%s order by h.job_id desc limit $4) e',
                     jobs._in_state(i_state), v_week)
        into v_some_ids, v_some_times using i_pattern, i_before, coalesce(v_ids[i_num], ''), i_num;   -- ids beyond a full page are of no use
      raise sqlstate 'PT000';
    exception when sqlstate 'PT000' then null;
    end;
    if v_some_ids is not null then
      select array_agg(p.id order by p.id desc), array_agg(p.at order by p.id desc) into v_ids, v_times
      from (select u.id collate "C" as id, u.at from unnest(v_ids || v_some_ids, v_times || v_some_times) u(id, at) order by 1 desc limit i_num) p;
    end if;
  end loop;
  for v_day in select distinct date_trunc('day', t at time zone 'UTC') at time zone 'UTC' as day from unnest(v_times) t order by day loop
    return query execute format('select h.id, h.job_id, h.task, h.body, h.retries, h.max_retries, h.status::text::varchar, h.priority, h.timeout,
        h.created_at, h.run_at, h.scheduled_at, h.complete_on, h.result, h.traceback, h.attempt, h.worker
      from jobs.job h where h.job_id = any ($1) and %s', jobs._on_day(v_day)) using v_ids;
  end loop;
end $$;

-- A page of jobs, newest first: those in a state (null: any), under a topic (null: any), older than the job
-- i_before (null: from the newest). Reads in order of job id and stops when the page is full; a separate
-- index serves rare states.
create function jobs.find(
  i_state text default null, i_topic text default null, i_before varchar default null, i_num integer default 50
) returns setof jobs."all"
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_pattern text := coalesce(jobs._pattern(i_topic), '%');
  v_before varchar := coalesce(i_before, chr(1114111));   -- sorts after every id
begin
  perform jobs._check_limit('i_num', i_num);
  if i_state = 'pending' then
    return query select p.* from jobs._page_of_pending(v_pattern, v_before, i_num) p;
  elsif i_state = 'running' then
    return query select o.* from jobs._open o
      where o.run_at is not null and o.task like v_pattern and o.job_id < v_before
      order by o.job_id desc limit i_num;
  elsif i_state in ('success', 'failed', 'cancelled') then
    return query select e.* from jobs._page_of_ended(i_state, v_pattern, v_before, i_num) e order by e.job_id desc;
  elsif i_state is null then
    return query select a.*
      from (select p.* from jobs._page_of_pending(v_pattern, v_before, i_num) p
            union all
            (select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, 'running'::varchar, r.priority, r.timeout, r.created_at,
               r.run_at, r.scheduled_at, null::timestamptz, null::jsonb, r.traceback, r.attempt, r.worker
             from jobs._runs r where r.task like v_pattern and r.job_id < v_before order by r.job_id desc limit i_num)
            union all
            select e.* from jobs._page_of_ended(null, v_pattern, v_before, i_num) e) a
      order by a.job_id desc limit i_num;
  else
    raise sqlstate 'PT400' using message = 'a state is one of pending, running, success, failed, cancelled';
  end if;
end $$;

-- The number of ended jobs in a state (null: any) under a pattern, for each task and state, among the newest
-- i_cap.
create function jobs._ended_counts(i_state text, i_pattern text, i_cap bigint) returns table (task varchar, state text, jobs bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_week text;
  v_tasks text[];
  v_states text[];
  v_counts bigint[];
begin
  for v_week in select w from jobs._weeks() w loop
    begin
      execute format('select array_agg(g.task), array_agg(g.status), array_agg(g.jobs)
                      from (select e.task, e.status::text as status, count(*) as jobs
                            from (select h.task, h.status from jobs.job h where h.task like $1%s%s order by h.job_id desc limit $2) e
                            group by 1, 2) g', jobs._in_state(i_state), v_week) into v_tasks, v_states, v_counts using i_pattern, i_cap;
      raise sqlstate 'PT000';
    exception when sqlstate 'PT000' then null;
    end;
    return query select u.task::varchar, u.state, u.jobs from unnest(v_tasks, v_states, v_counts) u(task, state, jobs);
    i_cap := i_cap - coalesce((select sum(c) from unnest(v_counts) c), 0);
    exit when i_cap <= 0;
  end loop;
end $$;

-- The number of jobs in each state, for each task. Cheap on any backlog, because it counts at most i_cap rows
-- of each kind: of ready jobs an equal share for each task, of scheduled jobs the soonest, of ended jobs the
-- newest, and of the failed and of the cancelled ones again the newest. `exact` is false when one of the
-- counts is a lower bound.
create function jobs.overview(i_cap integer default 100000) returns table (
  task varchar, ready bigint, scheduled bigint, running bigint, success bigint, failed bigint, cancelled bigint,
  oldest_ready timestamptz, exact boolean
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_ready text[] := jobs._ready_tasks(null);
  v_each bigint := greatest(i_cap / greatest(cardinality(v_ready), 1), least(i_cap, 100));
begin
  perform jobs._check_limit('i_cap', i_cap);
  return query
  with ended as materialized (
    select e.task, e.state, e.jobs from jobs._ended_counts(null, '%', i_cap) e
  ), counted as materialized (
    select r.task::varchar, 'ready' as state, l.jobs, l.oldest, l.rows >= v_each as capped
    from unnest(v_ready) r(task),
      lateral (select coalesce(sum(h.size), 0)::bigint as jobs, min(h.created_at) as oldest, count(*) as rows
               from (select q.size, q.created_at from jobs.pending q where q.task = r.task and q.ready_seq is not null limit v_each) h) l
    union all
    select s.task, 'scheduled', count(*), null, false
    from (select q.task from jobs.pending q where q.ready_seq is null order by q.scheduled_at limit i_cap) s group by s.task
    union all
    select r.task, 'running', count(*), null, false from (select x.task from jobs._runs x limit i_cap) r group by r.task
    union all
    select e.task, e.state, e.jobs, null, false from ended e where e.state = 'success'
    union all
    select e.task, e.state, e.jobs, null, false
    from unnest(array['failed', 'cancelled']) o(state), lateral jobs._ended_counts(o.state, '%', i_cap) e
  ), capped as (
    -- Whether a kind that is counted for all tasks together has reached the cap.
    select coalesce(bool_or(k.jobs >= i_cap), false) as any
    from (select sum(c.jobs) as jobs from counted c where c.state <> 'ready' group by c.state union all select sum(e.jobs) from ended e) k
  )
  select c.task, coalesce(sum(c.jobs) filter (where c.state = 'ready'), 0)::bigint, coalesce(sum(c.jobs) filter (where c.state = 'scheduled'), 0)::bigint,
    coalesce(sum(c.jobs) filter (where c.state = 'running'), 0)::bigint, coalesce(sum(c.jobs) filter (where c.state = 'success'), 0)::bigint,
    coalesce(sum(c.jobs) filter (where c.state = 'failed'), 0)::bigint, coalesce(sum(c.jobs) filter (where c.state = 'cancelled'), 0)::bigint,
    min(c.oldest), not (bool_or(c.capped) or (select a.any from capped a))
  from counted c group by c.task order by c.task;
end $$;

-- Workers, and how many jobs each has in flight.
create function jobs.workers() returns table (
  id uuid, host text, pid integer, version text, topics text[], tasks text[], slots integer, held bigint,
  started_at timestamptz, heartbeat_at timestamptz, alive boolean
)
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  select w.id, w.host, w.pid, w.version, w.topics, w.tasks, w.slots,
    (select coalesce(sum(bit_count(b.open::bit(64))), 0)::bigint from jobs.batch b where b.worker = w.id),
    w.started_at, w.heartbeat_at, w.lost_at is null and w.expires_at >= (select jobs.now())
  from jobs.worker w order by w.started_at
$$;

-- Tasks that are declared or have open jobs, the number of live workers with each, and the role that may
-- change it.
create function jobs.tasks() returns table (
  name varchar, aliases text[], doc text, args_schema jsonb, result_schema jsonb, retries integer,
  timeout numeric, priority integer, keep text, declared boolean, workers bigint, validation text, params jsonb, extra_kwargs boolean,
  owner name
)
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  with alive as materialized (
    select u.name, count(*) as workers
    from jobs.worker w, lateral (select distinct g.name from unnest(w.tasks) g(name)) u
    where w.lost_at is null and w.expires_at >= (select jobs.now()) group by u.name
  )
  select n.name, t.aliases, t.doc, t.args_schema, t.result_schema, t.retries, t.timeout, t.priority, t.keep, t.name is not null,
    coalesce(a.workers, 0), case when t.params is null then null else coalesce(t.validation_set, t.validation) end,
    t.params, t.extra_kwargs, t.owner_name
  from (select d.name from jobs.task d union select unnest(jobs._ready_tasks(null))) n
  left join jobs.task t on t.name = n.name
  left join alive a on a.name = n.name
  order by n.name
$$;
