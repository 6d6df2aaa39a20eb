-- Explains where a workflow is, and what each of its nodes waits for.

-- The names of nodes, at most five of them, for messages; the number is that of all.
create or replace function jobs._listed(i_names text[], i_number bigint) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select string_agg(jobs._shown(n.name), ', ' order by n.at) || case when i_number > 5 then format(' and %s others', i_number - 5) else '' end
  from unnest(i_names) with ordinality n(name, at) where n.at <= 5
$$;

-- A reason of a workflow or of a node, in words; null stays null.
create or replace function jobs._in_words(i_reason text) returns text
language sql immutable parallel safe
return case i_reason
  when 'condition_unmet' then 'the result of a node before it does not fit the condition'
  when 'parent_succeeded' then 'a node before it succeeded, and it runs only when that fails'
  when 'parent_skipped' then 'a node before it was skipped'
  when 'parent_cancelled' then 'a node before it was cancelled'
  when 'parent_failed' then 'a node before it failed'
  when 'deadline' then 'the deadline of the workflow has passed'
  when 'workflow_failed' then 'another node failed, and the policy of the workflow cancels the rest'
  else jobs._escaped(i_reason) end;

-- Why a node waits: a row for the parents that it waits for, and one for those that failed and hold it.
create or replace function jobs._explain_waits(i_node jobs.node) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
begin
  return query
  with undecided as materialized (
    select p.name, p.state::text as state, p.state = 'failed' and e."when" = 'success' as is_held, p.id,
      coalesce(jobs._is_under(p.task, v_publishes) or jobs._is_under(p.task, v_consumes), true) as is_seen
    from jobs.edge e join jobs.node p on p.id = e.parent where e.child = i_node.id and e.is_met is null
  )
  select 'parent_failed', format('it is held: %s failed, and it runs only when that succeeds', coalesce(jobs._listed(array_agg(u.name::text order by u.id) filter (where u.is_seen), count(*)), 'a node')),
    null::timestamptz, jsonb_build_object('nodes', coalesce(jsonb_agg(u.name order by u.id) filter (where u.is_seen), '[]'))
  from undecided u where u.is_held having count(*) > 0
  union all
  select 'waits_for', format('it waits for %s: %s', coalesce(jobs._listed(array_agg(u.name::text order by u.id) filter (where u.is_seen), count(*)), 'other nodes'),
      case when count(*) filter (where u.state = 'running') = count(*) then 'running' when count(*) filter (where u.state = 'waiting') = count(*) then 'waiting'
           else format('%s running, %s waiting', count(*) filter (where u.state = 'running'), count(*) filter (where u.state = 'waiting')) end),
    null, jsonb_build_object('nodes', coalesce(jsonb_object_agg(u.name, u.state) filter (where u.is_seen), '{}'))
  from undecided u where not u.is_held having count(*) > 0;
end $$;

-- Where one node is, and why.
create or replace function jobs._explain_node(i_node jobs.node) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_details jsonb := jsonb_strip_nulls(jsonb_build_object('workflow', i_node.workflow, 'node', i_node.name, 'job_id', i_node.job_id));
  v_failure record;
begin
  if i_node.state = 'waiting' then
    return query select w.* from jobs._explain_waits(i_node) w;
    if not found then
      return next row('ready', 'nothing before it is open: it starts with the next ends that are counted', null, v_details)::jobs.reason;
    end if;
  elsif i_node.state = 'running' then
    return next row('running', case when not i_node.is_group then format('it runs since %s as job %s', jobs._moment(i_node.started_at), i_node.job_id)
      else format('it runs since %s: %s of %s jobs have ended%s', jobs._moment(i_node.started_at), i_node.jobs - i_node.open, i_node.jobs,
                  case when i_node.failed > 0 then format(', %s failed', i_node.failed) else '' end) end, null,
      v_details || jsonb_build_object('jobs', i_node.jobs, 'open', i_node.open, 'failed', i_node.failed))::jobs.reason;
  else
    select f.job_id into v_failure from jobs.node_failure f where f.node = i_node.id order by f.nth limit 1;
    return next row(i_node.state::text, format('it %s at %s%s%s',
        case i_node.state when 'success' then 'succeeded' when 'failed' then 'failed' when 'skipped' then 'was skipped' else 'was cancelled' end, jobs._moment(i_node.ended_at),
        case when i_node.is_group and i_node.jobs > 0 then format(', %s of %s jobs failed', i_node.failed, i_node.jobs) else '' end,
        coalesce(': ' || jobs._in_words(i_node.reason), '')), null,
      jsonb_strip_nulls(v_details || jsonb_build_object('reason', i_node.reason, 'failed', i_node.failed, 'first_failed', v_failure.job_id)))::jobs.reason;
  end if;
  if not i_node.is_group and i_node.state = 'running' then
    return query select p.* from jobs._explain_pending(i_node.job_id) p;
    if not found then
      return query select r.* from jobs._explain_running(i_node.job_id) r;
    end if;
  end if;
end $$;

-- The sentence of a workflow by its state.
create or replace function jobs._explain_state(i_workflow jobs.workflow) returns jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return row(i_workflow.state::text, case i_workflow.state
      when 'running' then format('%s of %s nodes have ended, %s running', i_workflow.nodes - i_workflow.open, i_workflow.nodes, i_workflow.running)
      when 'compensating' then format('nothing new starts, and what succeeded is undone: %s nodes are open', i_workflow.open)
      when 'success' then format('it succeeded at %s', jobs._moment(i_workflow.ended_at))
      when 'failed' then case when i_workflow.ended_at is null then 'a node failed, and what runs is being stopped' else format('it cannot go on since %s: %s of %s nodes failed, %s waiting; `pgjobs workflow retry %s` resumes it', jobs._moment(i_workflow.ended_at),
                                i_workflow.failed, i_workflow.nodes, i_workflow.open, i_workflow.id) end
      when 'compensated' then format('a node failed, and what had succeeded was undone by %s', jobs._moment(i_workflow.ended_at))
      else coalesce('it was cancelled at ' || jobs._moment(i_workflow.ended_at), 'it is being cancelled') end || coalesce(': ' || jobs._in_words(i_workflow.reason), ''),
    null, jsonb_strip_nulls(jsonb_build_object('workflow', i_workflow.id, 'reason', i_workflow.reason, 'nodes', i_workflow.nodes, 'open', i_workflow.open,
      'running', i_workflow.running, 'failed', i_workflow.failed)))::jobs.reason;
end $$;

-- Which nodes of a workflow failed, the first five by name and all as a number: they hold up what comes
-- after them.
create or replace function jobs._explain_failed_nodes(i_workflow jobs.workflow) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_publishes jobs.limits := jobs._limits(true);
  v_consumes jobs.limits := jobs._limits(false);
begin
  return query
  select 'parent_failed', format('failed: %s', jobs._listed(array_agg(n.name::text order by n.id), count(*))), null::timestamptz,
    jsonb_build_object('workflow', i_workflow.id, 'nodes', jsonb_agg(n.name order by n.id))
  from jobs.node n
  where n.workflow = i_workflow.id and n.state = 'failed' and coalesce(jobs._is_under(n.task, v_publishes) or jobs._is_under(n.task, v_consumes), true)
  having count(*) > 0;
end $$;

-- Where a workflow is and what holds it up, or with i_node why this node waits, where it runs or how it
-- ended: one row for each reason, the most important first. Reads by index and locks nothing. PT404 for an
-- unknown workflow or node. Contains no arguments and no results.
create or replace function jobs.explain_workflow(i_workflow bigint, i_node text default null) returns setof jobs.reason
language plpgsql stable rows 5 security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_workflow jobs.workflow;
begin
  perform jobs._check_workflow(i_workflow);
  if i_node is not null then
    return query select n.* from jobs._explain_node(jobs._node_named(i_workflow, i_node)) n;
    return;
  end if;
  select w.* into v_workflow from jobs.workflow w where w.id = i_workflow;
  select s.nodes, s.open, s.failed, s.running into v_workflow.nodes, v_workflow.open, v_workflow.failed, v_workflow.running from jobs._seen_workflows(array[i_workflow]) s;
  return next jobs._explain_state(v_workflow);
  if v_workflow.state <> 'success' then
    return query select f.* from jobs._explain_failed_nodes(v_workflow) f;
  end if;
  if v_workflow.deadline is not null and v_workflow.ended_at is null then
    return next row('deadline', format('what has not ended at %s is cancelled', jobs._moment(v_workflow.deadline)), v_workflow.deadline, '{}'::jsonb)::jobs.reason;
  end if;
  if exists (select from jobs.node_delta d where d.workflow = i_workflow) then
    return next row('not_counted', 'jobs have ended that it does not know of yet: the next round of any live worker counts them', null, '{}'::jsonb)::jobs.reason;
  end if;
end $$;

-- Reports which node of which workflow a job belongs to. Called once workflows were published; for other
-- jobs it looks up what follows from the job's end and finds no node.
create or replace function jobs._explain_membership(i_job varchar) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query
  select 'part_of_workflow', format('it is %s the node %s of workflow %s%s', case when n.is_group then format('job %s of %s of', (o.on_end).nth + 1, n.jobs) else 'the job of' end,
      jobs._shown(n.name), w.id, coalesce(', ' || jobs._shown(w.name), '')), null::timestamptz,
    jsonb_strip_nulls(jsonb_build_object('workflow', w.id, 'name', w.name, 'node', n.name, 'nth', case when n.is_group then (o.on_end).nth end))
  from (select q.on_end from jobs.pending q where q.job_id = i_job and q.size = 1
        union all
        select p.on_end from jobs._find_packed(i_job) p
        union all
        select r.on_end from jobs._find_run(i_job) f join jobs._runs r on r.lease = f.lease and r.part = jobs._part(f.batch_index) and r.batch_index = f.batch_index
        union all
        select h.on_end from jobs._history_of(array[i_job::text]) h) o
  join jobs.node n on n.id = (o.on_end).node join jobs.workflow w on w.id = n.workflow
  limit 1;
end $$;
