-- Advancing workflows: what follows from the ends of jobs of nodes. A transaction that ends such jobs leaves
-- deltas (33_node_ends.sql), and when it commits a trigger applies them: counts, decides edges, starts what
-- is ready. So the workflow's row is locked for the instant of the commit only, also where a handler ends its
-- job in a long transaction. Who finds it locked leaves the deltas to the next commit, or to jobs.maintain.
-- Where thousands of nodes become ready at once, a commit starts 5,000, and jobs.maintain the others: a delta of
-- no ended job says that there are some.

-- Applies the deltas of a workflow, unless another transaction has it locked or this one sees an old
-- snapshot: then somebody else will. Waits for nobody, and never fails, nor at a timeout of the caller's
-- statement: the ends of jobs stand whatever becomes of their workflow, and jobs.maintain tries again.
create or replace function jobs._advance(i_workflow bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_counted record;
begin
  if not exists (select from jobs.node_delta d where d.workflow = i_workflow) then
    return;   -- an earlier delta of this transaction has taken this one along
  end if;
  if current_setting('transaction_isolation') = 'read committed' then
    perform from jobs.workflow w where w.id = i_workflow for update skip locked;
    if found then
      v_counted := jobs._apply_deltas(i_workflow);
      perform jobs._go_on(i_workflow, v_counted.ended, coalesce(v_counted.ready, '{}')) where v_counted.ready is not null or v_counted.ended <> '{}';
      return;
    elsif not exists (select from jobs.workflow w where w.id = i_workflow) then
      delete from jobs.node_delta d where d.workflow = i_workflow;   -- its time in history was over
      return;
    end if;
  end if;
  perform jobs._leave_deltas();
exception when query_canceled or others then
  raise warning 'workflow % does not go on: %', i_workflow, jobs._escaped(left(sqlerrm, 500)) using hint = 'jobs.maintain tries again every second';
  perform jobs._leave_deltas();
end $$;

-- Says that deltas are left for jobs.maintain.
create or replace function jobs._leave_deltas() returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select setval('jobs.deltas_left', greatest(jobs._millis(jobs.now()), 1))
$$;

-- Takes the deltas of a workflow that the caller has locked into its nodes, and returns the nodes that have
-- ended by that: those that ran, and whose jobs have all ended; and, where some were left, nodes that are ready
-- (else null).
create or replace function jobs._apply_deltas(i_workflow bigint, out ended bigint[], out ready bigint[])
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_is_left boolean;
begin
  with gone as (
    delete from jobs.node_delta d where d.workflow = i_workflow returning d.node, d.ended, d.failed, d.result
  ), sums as (
    select g.node, sum(g.ended) as ended, sum(g.failed) as failed, (array_agg(g.result) filter (where g.result is not null))[1] as result from gone g group by g.node
  ), counted as (
    update jobs.node n
    set open = n.open - s.ended, failed = n.failed + s.failed, result = coalesce(s.result, n.result),
        ended_at = case when n.state <> 'running' then n.ended_at when n.open = s.ended then jobs.now() end,
        state = case when n.state <> 'running' or n.open > s.ended then n.state when n.failed + s.failed > 0 then 'failed' else 'success' end
    from sums s where n.id = s.node
    returning n.id, n.open, n.state
  ) select coalesce(array_agg(c.id order by c.id) filter (where c.open = 0 and c.state in ('success', 'failed')), '{}'), coalesce((select bool_or(g.ended = 0) from gone g), false)
  into ended, v_is_left from counted c;
  if v_is_left then
    ready := array(select n.id from jobs.node n where n.workflow = i_workflow and n.state = 'waiting' and n.waits = 0 order by n.id limit 5001);
  end if;
end $$;

-- Leaves nodes that are ready to jobs.maintain.
create or replace function jobs._leave_ready(i_workflow bigint, i_nodes bigint[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if i_nodes <> '{}' then
    insert into jobs.node_delta (workflow, node, ended, failed, is_first) values (i_workflow, i_nodes[1], 0, 0, false);
    perform jobs._leave_deltas();
  end if;
end $$;

-- Goes on from nodes that have just ended (i_ended) and nodes that are ready (i_ready) until nothing more
-- follows, and then sees whether the workflow has ended. The caller has locked it. i_is_new: the publisher is
-- calling, who gets errors of what it publishes, and starts all of it; others start up to 5,000 nodes.
create or replace function jobs._go_on(i_workflow bigint, i_ended bigint[], i_ready bigint[] default '{}', i_is_new boolean default false) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_ended bigint[] := i_ended;
  v_ready bigint[] := i_ready;
  v_ran integer := (select count(*) from jobs.node n where n.id = any (i_ended) and n.jobs > 0);
  v_started integer := 0;
  v_all bigint[] := i_ended;
  v_left bigint[] := array[]::bigint[];
  v_change jobs.node_change;
  v_at_once bigint[];
begin
  while v_ended <> '{}' or v_ready <> '{}' loop
    v_change := jobs._decide(i_workflow, v_ended);
    v_ready := v_ready || v_change.ready;
    if not i_is_new and v_started + cardinality(v_ready) > 5000 then
      v_left := v_left || v_ready[5001 - v_started:];
      v_ready := v_ready[:5000 - v_started];
    end if;
    v_at_once := jobs._start_nodes(v_ready, i_is_new);
    v_started := v_started + cardinality(v_ready) - cardinality(v_at_once);
    v_ended := v_change.ended || v_at_once;
    v_all := v_all || v_ended;
    v_ready := '{}';
  end loop;
  update jobs.workflow w set open = w.open - cardinality(v_all), running = w.running + v_started - v_ran
  where w.id = i_workflow and (v_all <> '{}' or v_started > 0);
  perform jobs._leave_ready(i_workflow, v_left);
  perform jobs._conclude(i_workflow, v_all, v_left <> '{}');
end $$;

-- Decides the edges of nodes that have ended, and returns the nodes that are ready by that, and those that
-- are skipped or cancelled. An edge is decided once: of a parent that runs again, those that were stay. On
-- hold, the edge of a failed parent is not decided.
create or replace function jobs._decide(i_workflow bigint, i_ended bigint[]) returns jobs.node_change
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_on_failure text := (select w.on_failure from jobs.workflow w where w.id = i_workflow);
  v_change jobs.node_change := ('{}', '{}');
begin
  if i_ended = '{}' then
    return v_change;
  end if;
  with decided as (
    update jobs.edge e set is_met = d.is_met
    from (select g.ctid as at, p.state, jobs._is_met(p, g, v_on_failure) as is_met
          from unnest(i_ended) i(id) join jobs.node p on p.id = i.id join jobs.edge g on g.parent = p.id and g.is_met is null) d
    where e.ctid = d.at and d.is_met is not null
    returning e.child, e.is_met, jobs._why_unmet(d.state, e, v_on_failure) as why
  ), sums as (
    select d.child, count(*) as edges, bool_and(d.is_met) as is_met, min(d.why) filter (where not d.is_met) as why from decided d group by d.child
  ), counted as (
    update jobs.node n
    set waits = n.waits - s.edges, reason = case when s.is_met then n.reason else s.why end, ended_at = case when not s.is_met then jobs.now() end,
        state = case when s.is_met then n.state when s.why in ('parent_failed', 'parent_cancelled') then 'cancelled' else 'skipped' end
    from sums s where n.id = s.child and n.state = 'waiting'
    returning n.id, n.state, n.waits
  ) select coalesce(array_agg(c.id order by c.id) filter (where c.state = 'waiting' and c.waits = 0), '{}'),
           coalesce(array_agg(c.id order by c.id) filter (where c.state <> 'waiting'), '{}')
  into v_change.ready, v_change.ended from counted c;
  return v_change;
end $$;

-- Whether an edge of a node that has ended is met; null: on hold. i_on_failure is what the workflow says: where that
-- is to continue, an edge with a condition goes on only if it says so itself, because no result meets it.
create or replace function jobs._is_met(i_parent jobs.node, i_edge jobs.edge, i_on_failure text) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return case
    when (i_edge)."when" = 'ended' then true
    when (i_parent).state = 'success' then (i_edge)."when" = 'success' and ((i_edge).condition is null or jobs._contains(i_parent, (i_edge).condition))
    when (i_parent).state = 'failed' and (i_edge)."when" = 'success' then
      case coalesce((i_edge).on_failure, i_on_failure) when 'continue' then (i_edge).condition is null or (i_edge).on_failure is not null when 'cancel' then false end
    else (i_parent).state = 'failed' end;
end $$;

-- Whether the result of a node contains this. A result that is too large to look at does not.
create or replace function jobs._contains(i_node jobs.node, i_condition jsonb) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return coalesce(jobs._node_value(i_node, 'value') @> i_condition, false);
exception when program_limit_exceeded or out_of_memory or internal_error then
  return false;
end $$;

-- Why an edge is not met, from the state of its parent. Inlined.
create or replace function jobs._why_unmet(i_state jobs.node_state, i_edge jobs.edge, i_on_failure text) returns text
language sql immutable parallel safe
return case i_state when 'success' then case i_edge."when" when 'success' then 'condition_unmet' else 'parent_succeeded' end
                    when 'failed' then case when i_edge.condition is not null and coalesce(i_edge.on_failure, i_on_failure) = 'continue' then 'condition_unmet' else 'parent_failed' end when 'cancelled' then 'parent_cancelled' else 'parent_skipped' end;

-- Sees what becomes of a workflow whose nodes i_ended have just ended, and which the caller has locked.
-- i_is_left: nodes that are ready were left, so it has not ended.
create or replace function jobs._conclude(i_workflow bigint, i_ended bigint[], i_is_left boolean) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_workflow jobs.workflow;
  v_unhandled integer;
begin
  select * into v_workflow from jobs.workflow w where w.id = i_workflow;
  if v_workflow.state = 'running' and v_workflow.on_failure in ('cancel_all', 'compensate') and exists (
      select from unnest(i_ended) i(id) join jobs.node n on n.id = i.id where n.state = 'failed' and not jobs._is_continued(n.id, v_workflow.on_failure)) then
    v_workflow := jobs._give_up(v_workflow);
  end if;
  if v_workflow.running > 0 or i_is_left or v_workflow.ended_at is not null then
    return;
  elsif v_workflow.state = 'compensating' and jobs._start_undos(i_workflow) then
    return;
  end if;
  v_unhandled := (
    select count(*) from jobs.node n
    where n.workflow = i_workflow and case when v_workflow.state = 'compensating' then n.undoes is not null and n.state <> 'success'
                                           else n.state = 'failed' and not jobs._is_continued(n.id, v_workflow.on_failure) end);
  update jobs.workflow w
  set ended_at = jobs.now(), failed = v_unhandled,
      state = case when v_workflow.state = 'cancelled' then 'cancelled'
                   when v_unhandled > 0 or w.open > 0 or v_workflow.state = 'failed' then 'failed'
                   when v_workflow.state = 'compensating' then 'compensated' else 'success' end::jobs.workflow_state
  where w.id = i_workflow returning * into v_workflow;
  perform jobs._note_workflow_end(i_workflow, v_workflow.name, v_workflow.state::text), jobs._wake_waiters();
end $$;

-- Whether what waits for this failed node goes on all the same.
create or replace function jobs._is_continued(i_node bigint, i_on_failure text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
  select exists (select from jobs.edge e where e.parent = i_node and e."when" = 'success' and coalesce(e.on_failure, i_on_failure) = 'continue')
$$;

-- Cancels the nodes that wait, of a workflow where a node has failed and whose policy says so. What runs is
-- stopped by jobs.maintain (cancel_all), or runs to its end and is then compensated.
create or replace function jobs._give_up(i_workflow jobs.workflow) returns jobs.workflow
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_cancelled integer;
  v_workflow jobs.workflow;
begin
  update jobs.node n set state = 'cancelled', reason = 'workflow_failed', ended_at = jobs.now() where n.workflow = (i_workflow).id and n.state = 'waiting';
  get diagnostics v_cancelled = row_count;
  update jobs.workflow w
  set open = w.open - v_cancelled, reason = 'a node failed', state = case when w.on_failure = 'compensate' then 'compensating' else 'failed' end::jobs.workflow_state
  where w.id = (i_workflow).id returning * into v_workflow;
  return v_workflow;
end $$;
