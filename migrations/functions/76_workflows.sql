-- Workflows for those who look at them. Readers lock nothing. A restricted role (85_topic_grants.sql) sees
-- the nodes of its tasks, and of the others neither names nor counts; results go to those who may read them.

-- The state that a caller names. PT400 for another word; null stays null.
create or replace function jobs._workflow_state(i_state text) returns jobs.workflow_state
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return i_state::jobs.workflow_state;
exception when invalid_text_representation then
  raise sqlstate 'PT400' using message = format('a workflow is in no state %s', jobs._shown(left(i_state, 200))),
    hint = 'a state is one of running, compensating, success, failed, cancelled, compensated';
end $$;

-- Whether the caller may know of a node: of one of its tasks. Locks nothing.
create or replace function jobs._sees_workflow(i_workflow bigint) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits;
begin
  if v_publishes is null then
    return exists (select from jobs.workflow w where w.id = i_workflow);
  end if;
  v_consumes := jobs._limits(false);
  return exists (select from jobs.node n where n.workflow = i_workflow and (jobs._is_under(n.task, v_publishes) or jobs._is_under(n.task, v_consumes)));
end $$;

-- Raises PT404 when there is no such workflow, or none of which the caller may know.
create or replace function jobs._check_workflow(i_workflow bigint) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if jobs._sees_workflow(i_workflow) is not true then
    raise sqlstate 'PT404' using message = format('there is no workflow %s', coalesce(i_workflow::text, 'null')),
      hint = 'jobs.workflows() lists the workflows; those that ended are dropped with the history of their day';
  end if;
end $$;

-- The node of this name, of which the caller may know. PT404 when there is none.
create or replace function jobs._node_named(i_workflow bigint, i_node text) returns jobs.node
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_node jobs.node;
begin
  perform jobs._check_workflow(i_workflow);
  select n.* into v_node from jobs.node n where n.workflow = i_workflow and n.name = i_node;
  if not found or not jobs.sees_task(v_node.task) then
    raise sqlstate 'PT404' using message = format('workflow %s has no node %s', i_workflow, coalesce(jobs._shown(i_node), 'null')),
      hint = 'jobs.workflow_nodes() lists its nodes';
  end if;
  return v_node;
end $$;

-- These workflows, the newest first; for a restricted role with the counts of its nodes, and without those
-- that have none.
create or replace function jobs._seen_workflows(i_ids bigint[]) returns table (
  id bigint, name varchar, state text, reason text, on_failure text, meta jsonb, created_at timestamptz, ended_at timestamptz, deadline timestamptz,
  nodes integer, open integer, failed integer, running integer
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
begin
  if v_publishes is null then
    return query
    select w.id, w.name, w.state::text, w.reason, w.on_failure, w.meta, w.created_at, w.ended_at, w.deadline, w.nodes, w.open, w.failed, w.running
    from jobs.workflow w where w.id = any (i_ids) order by w.id desc;
    return;
  end if;
  return query
  select w.id, w.name, w.state::text, w.reason, w.on_failure, w.meta, w.created_at, w.ended_at, w.deadline, c.nodes, c.open, c.failed, c.running
  from jobs.workflow w, lateral (
    select count(*)::integer as nodes, (count(*) filter (where n.state in ('waiting', 'running')))::integer as open,
      (count(*) filter (where n.state = 'failed'))::integer as failed, (count(*) filter (where n.state = 'running'))::integer as running
    from jobs.node n where n.workflow = w.id and (jobs._is_under(n.task, v_publishes) or jobs._is_under(n.task, v_consumes))) c
  where w.id = any (i_ids) and c.nodes > 0 order by w.id desc;
end $$;

-- One workflow: nodes counts them, open those that wait or run, running those that run, failed those that
-- failed and that no edge continues. Locks nothing. PT404 for an unknown one.
create or replace function jobs.workflow(i_workflow bigint) returns table (
  id bigint, name varchar, state text, reason text, on_failure text, meta jsonb, created_at timestamptz, ended_at timestamptz, deadline timestamptz,
  nodes integer, open integer, failed integer, running integer
)
language plpgsql stable rows 1 security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  perform jobs._check_workflow(i_workflow);
  return query select w.* from jobs._seen_workflows(array[i_workflow]) w;
end $$;

-- A page of workflows, the newest first: those in a state (null: in any), of a name or a pattern such as
-- import.* (null: all), with ids before i_before, at most i_limit. A name is looked up; of a pattern, and
-- where a name and a state are given, the newest 100,000 are looked through. Locks nothing.
create or replace function jobs.workflows(i_state text default null, i_name text default null, i_before bigint default null, i_limit integer default 50) returns table (
  id bigint, name varchar, state text, reason text, on_failure text, meta jsonb, created_at timestamptz, ended_at timestamptz, deadline timestamptz,
  nodes integer, open integer, failed integer, running integer
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_state jobs.workflow_state := jobs._workflow_state(i_state);
  v_pattern text := jobs._pattern(i_name);
  v_before bigint := coalesce(i_before, 9223372036854775807);
  v_is_free boolean := jobs.sees_task();
  v_ids bigint[];
begin
  perform jobs._check_limit('i_limit', i_limit);
  if i_name !~ '[*%]' then
    v_ids := array(
      select f.id from (select w.id, w.state from jobs.workflow w where w.name = i_name and w.id < v_before order by w.id desc limit 100000) f
      where (i_state is null or f.state = v_state) and (v_is_free or jobs._sees_workflow(f.id)) order by f.id desc limit i_limit);
  elsif i_state is not null then
    v_ids := array(
      select f.id from (select w.id, w.name from jobs.workflow w where w.state = v_state and w.id < v_before order by w.id desc limit 100000) f
      where (i_name is null or f.name like v_pattern) and (v_is_free or jobs._sees_workflow(f.id)) order by f.id desc limit i_limit);
  else
    v_ids := array(
      select f.id from (select w.id, w.name from jobs.workflow w where w.id < v_before order by w.id desc limit 100000) f
      where (i_name is null or f.name like v_pattern) and (v_is_free or jobs._sees_workflow(f.id)) order by f.id desc limit i_limit);
  end if;
  return query select s.* from jobs._seen_workflows(v_ids) s;
end $$;

-- The edges to a node from parents that the caller may know of, in the order of the parents. Conditions are
-- compared with results, so only those who read results see them.
create or replace function jobs._edges_to(i_node bigint, i_publishes jobs.limits, i_consumes jobs.limits, i_reads boolean) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('node', p.name, 'when', e."when", 'on_failure', e.on_failure,
        'condition', case when i_reads then e.condition end, 'state', case when e.is_met then 'met' when not e.is_met then 'unmet' end)) order by p.id), '[]')
    from jobs.edge e join jobs.node p on p.id = e.parent
    where e.child = i_node and (i_publishes is null or jobs._is_under(p.task, i_publishes) or jobs._is_under(p.task, i_consumes)));
end $$;

-- The nodes of a workflow in the order in which they were defined, and after which others each comes:
-- [{"node", "when", "on_failure" (absent: as the workflow says), "condition", "state": "met" or "unmet"
-- (absent: not decided)}]. With i_names only these, by index. Locks nothing. PT404 for an unknown workflow.
create or replace function jobs.workflow_nodes(i_workflow bigint, i_names text[] default null) returns table (
  id bigint, name varchar, task varchar, state text, reason text, jobs integer, open integer, failed integer, is_group boolean, job_id varchar,
  started_at timestamptz, ended_at timestamptz, after jsonb
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
  v_reads boolean := jobs._reads_arguments();
begin
  perform jobs._check_workflow(i_workflow);
  return query
  select n.id, n.name, n.task, n.state::text, n.reason, n.jobs, n.open, n.failed, n.is_group, n.job_id, n.started_at, n.ended_at,
    jobs._edges_to(n.id, v_publishes, v_consumes, v_reads)
  from jobs.node n
  where n.workflow = i_workflow and (i_names is null or n.name = any (i_names)) and (v_publishes is null or jobs._is_under(n.task, v_publishes) or jobs._is_under(n.task, v_consumes))
  order by n.id;
end $$;
