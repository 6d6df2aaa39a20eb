-- Cancelling workflows and their nodes.

-- Cancels a workflow, or a node of it with all that comes after it, and returns how many nodes that were.
-- Nodes that wait never run, and jobs end as jobs.cancel ends them: at once here, and their workers are told.
-- What waits for any end of a cancelled node (ended) starts, unless the whole workflow is cancelled. Locks
-- the workflow and its jobs; waits for whoever has locked them. Audited. PT404 when there is no such workflow
-- or node.
create or replace function jobs.cancel_workflow(
  i_workflow bigint, i_node text default null, i_reason text default null, i_grace_seconds double precision default jobs._grace()
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_workflow jobs.workflow;
  v_cancelled bigint;
begin
  if (i_grace_seconds between 0 and 3600) is not true then
    raise sqlstate 'PT400' using message = 'the grace of a cancel lies within 0 and 3600 seconds';
  end if;
  v_workflow := jobs._workflow_held(i_workflow);
  v_cancelled := case when i_node is null then jobs._cancel_whole(v_workflow, 'cancelled', i_reason, i_grace_seconds, jobs._caller())
    else jobs._cancel_nodes(v_workflow, jobs._nodes_from(array[jobs._node_id(i_workflow, i_node)], false), 'cancelled', i_reason, i_grace_seconds, jobs._caller()) end;
  perform jobs._audit('cancel_workflow', i_workflow::text, null, i_reason, jsonb_strip_nulls(jsonb_build_object('node', i_node, 'nodes', v_cancelled)));
  return v_cancelled;
end $$;

-- The workflow, locked, after waiting for whoever has it locked. PT404 when there is none.
create or replace function jobs._workflow_held(i_workflow bigint) returns jobs.workflow
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_workflow jobs.workflow;
begin
  select w.* into v_workflow from jobs.workflow w where w.id = i_workflow for update;
  if not found then
    raise sqlstate 'PT404' using message = format('there is no workflow %s', coalesce(i_workflow::text, 'null')), hint = 'jobs.workflows() lists them';
  end if;
  return v_workflow;
end $$;

-- The id of a node by its name. PT404 when there is none.
create or replace function jobs._node_id(i_workflow bigint, i_node text) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_node bigint := (select n.id from jobs.node n where n.workflow = i_workflow and n.name = i_node);
begin
  if v_node is null then
    raise sqlstate 'PT404' using message = format('workflow %s has no node %s', i_workflow, jobs._shown(i_node)), hint = 'jobs.workflow_nodes(id) lists them';
  end if;
  return v_node;
end $$;

-- These nodes and all that comes after them; without i_also_ended not what waits for any end.
create or replace function jobs._nodes_from(i_nodes bigint[], i_also_ended boolean) returns bigint[]
language sql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
  with recursive below as (
    select unnest(i_nodes) as id union select e.child from below b join jobs.edge e on e.parent = b.id and (i_also_ended or e."when" <> 'ended')
  ) select array_agg(b.id order by b.id) from below b
$$;

-- Cancels all that has not ended of a workflow, which the caller has locked. One that has failed and where nothing
-- waits is given up by that: it is no longer kept for a retry.
create or replace function jobs._cancel_whole(i_workflow jobs.workflow, i_why text, i_reason text, i_grace_seconds double precision, i_who name) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  if (i_workflow).ended_at is not null and (i_workflow).open = 0 then
    update jobs.workflow w set state = 'cancelled', reason = coalesce(left(i_reason, 1000), i_why) where w.id = (i_workflow).id and w.state = 'failed';
    return 0;
  end if;
  update jobs.workflow w set state = 'cancelled', reason = coalesce(left(i_reason, 1000), i_why), ended_at = null where w.id = (i_workflow).id;
  return jobs._cancel_nodes(i_workflow, array(select n.id from jobs.node n where n.workflow = (i_workflow).id and n.state in ('waiting', 'running') order by n.id),
                            i_why, i_reason, i_grace_seconds, i_who);
end $$;

-- Cancels these nodes, as far as they wait or run, of a workflow that the caller has locked.
create or replace function jobs._cancel_nodes(
  i_workflow jobs.workflow, i_nodes bigint[], i_why text, i_reason text, i_grace_seconds double precision, i_who name
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_running bigint[];
  v_nodes bigint[];
  v_jobs text[];
begin
  v_running := array(select n.id from jobs.node n where n.id = any (i_nodes) and n.state = 'running');
  with gone as (
    update jobs.node n set state = 'cancelled', reason = i_why, ended_at = jobs.now() where n.id = any (i_nodes) and n.state in ('waiting', 'running') returning n.id
  ) select coalesce(array_agg(g.id order by g.id), '{}') into v_nodes from gone g;
  -- Those that have ended are passed over.
  v_jobs := array(select j::text from jobs.node n, unnest(coalesce(n.job_ids[coalesce(n.stopped_to, 0) + 1:], array[n.job_id])) j where n.id = any (v_running));
  if v_jobs <> '{}' then
    perform jobs._cancel(v_jobs, i_grace_seconds, i_who, i_reason);
  end if;
  perform jobs._go_on((i_workflow).id, v_nodes);
  return cardinality(v_nodes);
end $$;
