-- Results of workflows and of their nodes: stored with the nodes, so history that is dropped takes none away.

-- Results of the jobs of a group with positions after i_after, at most i_limit, in their order. Finds the
-- positions first, which are small, and reads the results of these alone.
create or replace function jobs._group_results(i_node bigint, i_after integer, i_limit integer) returns table (nth integer, result jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_rows tid[];
  v_last integer;
begin
  select array_agg(distinct f.tid), max(f.nth) into v_rows, v_last
  from (select r.ctid as tid, u.nth from jobs.node_result r, unnest(r.nths) u(nth) where r.node = i_node and u.nth > i_after order by u.nth limit i_limit) f;
  return query
  select u.nth, u.result from jobs.node_result r, unnest(r.nths, r.results) u(nth, result)
  where r.ctid = any (v_rows) and u.nth > i_after and u.nth <= v_last order by u.nth;
end $$;

-- What node_results gives, of a node that the caller may know of.
create or replace function jobs._results_of_node(i_node jobs.node, i_after integer, i_limit integer) returns table (nth integer, job_id varchar, result jsonb, error text, state text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query
  select a.nth, a.job_id::varchar, a.result, a.error, a.state from (
    select r.nth, i_node.job_ids[r.nth + 1] as job_id, r.result, null::text as error, 'success' as state from jobs._group_results(i_node.id, i_after, i_limit) r where i_node.is_group
    union all
    select 0, i_node.job_id, i_node.result, null, 'success' where not i_node.is_group and i_node.state = 'success' and i_after < 0
    union all
    (select f.nth, f.job_id, null, coalesce(f.error, s.state), s.state
     from jobs.node_failure f, lateral (select case when f.is_cancelled then 'cancelled' else 'failed' end) s(state)
     where f.node = i_node.id and f.nth > i_after order by f.nth limit i_limit)) a
  order by a.nth limit i_limit;
end $$;

-- The results of the jobs of a node that have ended, by their position from 0, those after i_after, at most
-- i_limit; state is success, failed or cancelled, error of those that did not succeed. Of a group whose
-- results nobody wants only errors are kept. For a restricted role, nodes of other tasks are unknown. Locks
-- nothing. PT404 for an unknown workflow or node.
create or replace function jobs.node_results(i_workflow bigint, i_node text, i_after integer default -1, i_limit integer default 1000) returns table (
  nth integer, job_id varchar, result jsonb, error text, state text
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  perform jobs._check_limit('i_limit', i_limit);
  return query select r.* from jobs._results_of_node(jobs._node_named(i_workflow, i_node), coalesce(i_after, -1), i_limit) r;
end $$;

-- The same as people see it: without what the task declares as sensitive. For administrators.
create or replace function jobs.shown_node_results(i_workflow bigint, i_node text, i_after integer default -1, i_limit integer default 1000) returns table (
  nth integer, job_id varchar, result jsonb, error text, state text
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_node jobs.node;
begin
  perform jobs._check_limit('i_limit', i_limit);
  v_node := jobs._node_named(i_workflow, i_node);
  return query select r.nth, r.job_id, jobs._shown_result(v_node.task, r.result), r.error, r.state from jobs._results_of_node(v_node, coalesce(i_after, -1), i_limit) r;
end $$;

-- The value of a node: the result of its job, or the array of those of a group, in order, null where a job failed.
-- PT413 when such an array is larger than 64 MiB.
create or replace function jobs._value_of_node(i_node jobs.node) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  if not i_node.is_group then
    return i_node.result;
  elsif (select sum(pg_column_size(r.results)) from jobs.node_result r where r.node = i_node.id) > 67108864 then
    raise sqlstate 'PT413' using message = format('the results of the node %s take more than 64 MiB together', jobs._shown(i_node.name)),
      hint = 'jobs.node_results() reads them in pages';
  end if;
  return jobs._node_value(i_node, 'value');
end $$;

-- Where a workflow is, and once it has succeeded its result: that of the node that its options name, else of
-- the only node without children, else an object with those of all nodes without children, by name. A
-- restricted role gets what comes from its tasks. Locks nothing. PT404 for an unknown workflow, PT413 when
-- the results of a group take more than 64 MiB.
create or replace function jobs.workflow_result(i_workflow bigint) returns table (state text, result jsonb, reason text)
language plpgsql stable rows 1 security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_workflow jobs.workflow;
  v_last jobs.node[];
begin
  perform jobs._check_workflow(i_workflow);
  select w.* into v_workflow from jobs.workflow w where w.id = i_workflow;
  if v_workflow.state <> 'success' then
    return query select v_workflow.state::text, null::jsonb, v_workflow.reason;
    return;
  end if;
  v_last := array(
    select n from jobs.node n
    where n.workflow = i_workflow and case when v_workflow.result_of is not null then n.name = v_workflow.result_of
                                           else not exists (select from jobs.edge e where e.parent = n.id) end order by n.id);
  return query
  select v_workflow.state::text,
    case when cardinality(v_last) = 1 then (select jobs._value_of_node(l) from unnest(v_last) l where jobs.sees_task(l.task))
         else (select coalesce(jsonb_object_agg(l.name, jobs._value_of_node(l)), '{}') from unnest(v_last) l where l.state = 'success' and jobs.sees_task(l.task)) end,
    v_workflow.reason;
end $$;
