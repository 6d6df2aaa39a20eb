-- Counts, workers and tasks for tools.

-- The number of ended jobs in a state (null: any) under a pattern, for each task and state, among the newest
-- i_cap.
create or replace function jobs._ended_counts(i_state text, i_pattern text, i_cap bigint) returns table (task varchar, state text, jobs bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_in_sight text := jobs._in_sight('h.task');
  v_week text;
  v_tasks text[];
  v_states text[];
  v_counts bigint[];
begin
  for v_week in select w from jobs._weeks() w loop
    begin
      execute format('select array_agg(g.task), array_agg(g.status), array_agg(g.jobs)
                      from (select e.task, e.status::text as status, count(*) as jobs
                            from (select h.task, h.status from jobs.job h where h.task like $1%s%s%s order by h.job_id desc limit $2) e
                            group by 1, 2) g', jobs._in_state(i_state), v_week, v_in_sight) into v_tasks, v_states, v_counts using i_pattern, i_cap;
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
-- newest, and of those that did not succeed again the newest. `exact` is false when one of the
-- counts is a lower bound. For a restricted role (85_topic_grants.sql), of its tasks.
create or replace function jobs.overview(i_cap integer default 100000) returns table (
  task varchar, ready bigint, scheduled bigint, running bigint, success bigint, failed bigint, cancelled bigint,
  oldest_ready timestamptz, exact boolean
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
  v_ready text[] := array(select t from unnest(jobs._ready_tasks(null)) t where jobs._is_under(t, v_publishes) or jobs._is_under(t, v_consumes));
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
    from (select q.task from jobs.pending q where q.ready_seq is null and (jobs._is_under(q.task, v_publishes) or jobs._is_under(q.task, v_consumes)) order by q.scheduled_at limit i_cap) s group by s.task
    union all
    select r.task, 'running', count(*), null, false from (select x.task from jobs._runs x where (jobs._is_under(x.task, v_publishes) or jobs._is_under(x.task, v_consumes)) limit i_cap) r group by r.task
    union all
    select e.task, e.state, e.jobs, null, false from ended e where e.state = 'success'
    union all
    select e.task, e.state, e.jobs, null, false from jobs._ended_counts('unsuccessful', '%', i_cap) e
  ), capped as (
    -- Whether a kind that is counted for all tasks together has reached the cap.
    select coalesce(bool_or(k.jobs >= i_cap), false) as any
    from (select sum(c.jobs) as jobs from counted c where c.state <> 'ready' group by case when c.state in ('failed', 'cancelled') then 'unsuccessful' else c.state end
          union all select sum(e.jobs) from ended e) k
  )
  select c.task, coalesce(sum(c.jobs) filter (where c.state = 'ready'), 0)::bigint, coalesce(sum(c.jobs) filter (where c.state = 'scheduled'), 0)::bigint,
    coalesce(sum(c.jobs) filter (where c.state = 'running'), 0)::bigint, coalesce(sum(c.jobs) filter (where c.state = 'success'), 0)::bigint,
    coalesce(sum(c.jobs) filter (where c.state = 'failed'), 0)::bigint, coalesce(sum(c.jobs) filter (where c.state = 'cancelled'), 0)::bigint,
    min(c.oldest), not (bool_or(c.capped) or (select a.any from capped a))
  from counted c group by c.task order by c.task;
end $$;

-- Workers, how many jobs each has in flight, and since when a command has paused it.
create or replace function jobs.workers() returns table (
  id uuid, host text, pid integer, version text, topics text[], tasks text[], slots integer, held bigint,
  started_at timestamptz, heartbeat_at timestamptz, alive boolean, paused_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  select w.id, w.host, w.pid, w.version, w.topics, w.tasks, w.slots,
    (select coalesce(sum(jobs._count(b.open)), 0)::bigint from jobs.batch b where b.worker = w.id),
    w.started_at, w.heartbeat_at, w.lost_at is null and w.expires_at >= (select jobs.now()), w.paused_at
  from jobs.worker w order by w.started_at
$$;

-- Tasks that are declared or have open jobs: the number of live workers with each, the role that may change
-- it, how its jobs are unique (null: they are not), whether a pause keeps them from being claimed, and how many
-- seconds after they are due they have to end (null: nothing is declared).
create or replace function jobs.tasks() returns table (
  name varchar, aliases text[], doc text, args_schema jsonb, result_schema jsonb, retries integer,
  timeout numeric, priority integer, keep text, declared boolean, workers bigint, validation text, params jsonb, extra_kwargs boolean,
  owner name, unique_by jsonb, paused boolean, slo numeric
)
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  with alive as materialized (
    select u.name, count(*) as workers
    from jobs.worker w, lateral (select distinct g.name from unnest(w.tasks) g(name)) u
    where w.lost_at is null and w.expires_at >= (select jobs.now()) group by u.name
  )
  select n.name, t.aliases, t.doc, t.args_schema, t.result_schema, t.retries, t.timeout, t.priority, t.keep, t.name is not null,
    coalesce(a.workers, 0), case when t.params is null then null else coalesce(t.validation_set, t.validation) end,
    t.params, t.extra_kwargs, t.owner_name, t.unique_by, (select q.topic from jobs._pause_of(n.name) q) is not null, t.slo
  from (select d.name from jobs.task d union select unnest(jobs._ready_tasks(null))) n
  left join jobs.task t on t.name = n.name
  left join alive a on a.name = n.name
  order by n.name
$$;

-- Counts the jobs in a state under a topic, up to i_cap: tools show it before they ask for confirmation.
-- For a restricted role, those of its tasks. PT400 for an unknown state.
create or replace function jobs.count(i_state text, i_topic text default '*', i_cap bigint default 1000000) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_pattern text := jobs._pattern(i_topic);
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
begin
  perform jobs._check_limit('i_cap', i_cap);
  if (i_state in ('pending', 'running', 'success', 'failed', 'cancelled')) is not true then
    raise sqlstate 'PT400' using message = 'a state is one of pending, running, success, failed, cancelled';
  end if;
  if i_state in ('success', 'failed', 'cancelled') then
    return (select coalesce(sum(e.jobs), 0) from jobs._ended_counts(i_state, v_pattern, i_cap) e);
  end if;
  return (
    select least(coalesce(sum(c.size), 0), i_cap) from (
      select q.size from jobs.pending q where i_state = 'pending' and q.task like v_pattern and (jobs._is_under(q.task, v_publishes) or jobs._is_under(q.task, v_consumes))
      union all
      select 1 from jobs._runs r where i_state = 'running' and r.task like v_pattern and (jobs._is_under(r.task, v_publishes) or jobs._is_under(r.task, v_consumes))
      limit i_cap) c);
end $$;
