-- Workflows that go on after a failure: jobs of nodes that run again, and what waits again for them.

-- Runs again what failed or was cancelled of a workflow, or of a node and what comes after it, and returns
-- the jobs that are back. What was skipped or cancelled because of it waits again; what has succeeded is not
-- run again. Nodes that failed without a job are published anew. Once undos have begun, only these run again.
-- A deadline that is over is taken away. Locks the workflow; waits for whoever has it locked. Audited. PT404
-- when there is no such workflow or node, PT409 for a workflow that was compensated, or when nothing failed.
create or replace function jobs.retry_workflow(i_workflow bigint, i_node text default null, i_reason text default null) returns setof text
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_workflow jobs.workflow := jobs._workflow_held(i_workflow);
  v_nodes bigint[];
  v_jobs text[];
  v_back text[] := array[]::text[];
  v_requeued record;
begin
  if v_workflow.state in ('compensating', 'compensated') then
    raise sqlstate 'PT409' using message = format('workflow %s is %s: what its nodes did was undone', i_workflow, v_workflow.state), hint = 'publish it anew';
  end if;
  perform jobs._advance(i_workflow);
  v_nodes := case when i_node is null then array(select n.id from jobs.node n where n.workflow = i_workflow) else jobs._nodes_from(array[jobs._node_id(i_workflow, i_node)], true) end;
  if jobs._is_undone(i_workflow) then
    v_nodes := array(select n.id from jobs.node n where n.id = any (v_nodes) and n.undoes is not null);
  end if;
  -- Those that were cancelled while the last of their jobs succeeded.
  update jobs.node n set state = 'success', reason = null where n.id = any (v_nodes) and n.state = 'cancelled' and n.jobs > 0 and n.open = 0 and n.failed = 0;
  v_jobs := array(select f.job_id::text from jobs.node_failure f where f.node = any (v_nodes) order by f.node, f.nth);
  if v_jobs <> '{}' then
    v_requeued := jobs._requeue(v_jobs, jobs._parts_of(v_jobs));
    v_back := v_requeued.o_back;
    perform jobs._warn_of_large(v_requeued.o_too_large, true), jobs._warn_of_holders(v_requeued.o_blocked, v_requeued.o_holders, true), jobs._warn_of_redriven(v_requeued.o_redriven, true);
  elsif not exists (select from jobs.node n where n.id = any (v_nodes) and n.state in ('failed', 'cancelled', 'skipped')) then
    raise sqlstate 'PT409' using message = format('nothing of workflow %s has failed or was cancelled', i_workflow), hint = 'jobs.explain_workflow(id) says what it waits for';
  end if;
  perform jobs._wait_again(i_workflow, v_nodes);
  if v_back = '{}' and not exists (select from jobs.workflow w where w.id = i_workflow and w.ended_at is null) then
    raise sqlstate 'PT409' using message = format('nothing of workflow %s runs again', i_workflow),
      hint = 'the failed jobs are no longer in history, were published anew, or cannot run again: publish the workflow anew';
  end if;
  perform jobs._audit('retry_workflow', i_workflow::text, cardinality(v_back), i_reason, jsonb_strip_nulls(jsonb_build_object('node', i_node, 'jobs', to_jsonb(v_back[:100]))));
  return query select b from unnest(v_back) b;
end $$;

-- Locks the workflows of ended jobs, before these, as whoever retries or cancels a workflow. Waits for
-- whoever has them locked.
create or replace function jobs._lock_workflows_of(i_jobs text[], i_parts text[]) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_partition_pruning = on set jit = off as $$
declare
  v_part text;
  v_found bigint[];
  v_nodes bigint[] := array[]::bigint[];
begin
  foreach v_part in array i_parts loop
    execute format('select array_agg(distinct (h.on_end).node) from jobs.job h where h.job_id = any ($1) and h.status <> ''success'' and (h.on_end).node is not null and %s', v_part)
      into v_found using i_jobs;
    v_nodes := v_nodes || v_found;
  end loop;
  if v_nodes <> '{}' then
    perform from jobs.workflow w where w.id = any (array(select n.workflow from jobs.node n where n.id = any (v_nodes))) order by w.id for update;
  end if;
end $$;

-- Jobs of nodes that had failed or were cancelled are pending again: their nodes run again, and their
-- workflows with them. Locks the workflows; waits for whoever has them locked.
create or replace function jobs._reopen_nodes(i_on_ends jobs.on_end[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_workflow bigint;
  v_state jobs.workflow_state;
  v_reopened bigint[];
begin
  for v_workflow in
    select distinct n.workflow from (select distinct e.node from unnest(i_on_ends) e(unique_name, unique_key, until_started, kept, node, nth, steps)) e, lateral (select q.workflow from jobs.node q where q.id = e.node limit 1) n order by 1
  loop
    perform jobs._workflow_held(v_workflow), jobs._advance(v_workflow);
    with back as (
      delete from jobs.node_failure f where f.ctid = any (array(
        select g.at from unnest(i_on_ends) e(unique_name, unique_key, until_started, kept, node, nth, steps),
          lateral (select q.ctid as at from jobs.node_failure q where q.node = e.node and q.nth = e.nth limit 1) g))
        and (select n.workflow from jobs.node n where n.id = f.node) = v_workflow
      returning f.node
    ), sums as (
      select b.node, count(*) as jobs from back b group by b.node
    ), old as (
      select n.id, n.state from jobs.node n join sums s on s.node = n.id
    ), reopened as (
      update jobs.node n set open = n.open + s.jobs, failed = n.failed - s.jobs, state = 'running', reason = null, ended_at = null, stopped_to = null from sums s where n.id = s.node returning n.id
    ) select array_agg(o.id) into v_reopened from old o where o.state <> 'running' and exists (select from reopened r where r.id = o.id);
    if v_reopened is not null then
      v_state := (select case when w.state = 'compensating' or jobs._is_undone(w.id) then 'compensating' else 'running' end::jobs.workflow_state from jobs.workflow w where w.id = v_workflow);
      update jobs.workflow w
      set state = v_state, reason = null, ended_at = null, failed = 0, deadline = case when w.deadline > jobs.now() then w.deadline end,
          open = w.open + cardinality(v_reopened), running = w.running + cardinality(v_reopened)
      where w.id = v_workflow;
      perform jobs._wait_again(v_workflow, jobs._nodes_from(v_reopened, true)) where v_state = 'running';
    end if;
  end loop;
end $$;

-- Nodes among these that were skipped or cancelled before they ran, or failed without a job, wait again; then
-- edges from nodes that have ended are decided anew, and what is ready starts. Where they still waited they
-- wait for parents that run again, whose failure had been enough. The caller has locked the workflow.
create or replace function jobs._wait_again(i_workflow bigint, i_nodes bigint[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_again bigint[];
  v_waiting bigint[] := array(select n.id from jobs.node n where n.id = any (i_nodes) and n.state = 'waiting');
  v_ready bigint[];
  v_change jobs.node_change;
begin
  with again as (
    update jobs.node n set state = 'waiting', reason = null, ended_at = null
    where n.id = any (i_nodes) and n.jobs = 0 and n.state in ('skipped', 'cancelled', 'failed') returning n.id
  ) select coalesce(array_agg(a.id order by a.id), '{}') into v_again from again a;
  update jobs.edge e set is_met = null
  where e.child = any (v_again || v_waiting) and e.is_met is not null
    and (not e.is_met or (select p.state from jobs.node p where p.id = e.parent) in ('waiting', 'running'));
  update jobs.node n set waits = (select count(*) from jobs.edge e where e.child = n.id and e.is_met is null) where n.id = any (v_again || v_waiting);
  if v_again = '{}' then
    return;
  end if;
  update jobs.workflow w
  set open = w.open + cardinality(v_again), state = case when jobs._is_undone(w.id) then 'compensating' else 'running' end::jobs.workflow_state,
      reason = null, ended_at = null, failed = 0, deadline = case when w.deadline > jobs.now() then w.deadline end
  where w.id = i_workflow;
  v_ready := array(select n.id from jobs.node n where n.id = any (v_again) and n.waits = 0 order by n.id);
  v_change := jobs._decide(i_workflow, array(select distinct e.parent from jobs.edge e join jobs.node p on p.id = e.parent
                                             where e.child = any (v_again) and e.is_met is null and p.state not in ('waiting', 'running')));
  perform jobs._go_on(i_workflow, v_change.ended, v_ready || v_change.ready);
end $$;
