-- Publishing workflows: nodes and edges as rows, and the jobs of the nodes that wait for nobody.

-- Publishes a workflow and returns its id. i_nodes is an array of objects:
--
--   {"name": "pdf", "task": "pdf.bind", "body": {"args": [1]}, "bind": {"pages": "page"}, "after": ["cover"]}
--
--   task, body, and priority, timeout, max_retries, meta, scheduled_at, delay as for jobs.publish_json; a delay
--   counts from when the node is ready. name: for edges and readers (default: the task). after: the nodes that it
--   waits for, by name, or as {"node", "when", "on_failure", "condition"}: when they succeed (success, the
--   default), fail (failure), or in any case (ended); on_failure: what their failure does, hold, cancel or
--   continue (default: as the workflow says); condition: what their result must contain, else it is skipped.
--   bind: arguments that are results of nodes, which it then waits for: {"pages": "page"}, or
--   {"pages": {"node": "page", "as": "handle"}}. The result of a group is the array of those of its jobs.
--   as "results": {"Ok": result} or {"Err": {"job_id", "state", "error"}}, and an array of these for a group
--   (the default where that node may have failed: its edge continues, or is not for success). A value is not
--   there then: where the workflow continues, what takes one is cancelled. as "handle": where to read them
--   (jobs.node_results).
--   each: it is a group, a job for each body of an array; or for each element of a node's result:
--   {"node": "list", "param": "file", "chunk": 10} (param: the argument that gets it, by default the first;
--   chunk: that many elements as an array). keep_results: also where no other node takes them.
--   undo: {"task", "body", "bind"} and the options of its job: publishes this when the workflow is compensated
--   and the node had succeeded.
--   unique: false, for tasks whose jobs are unique. checked: true when the task's own type made the body.
--
-- i_options: on_failure, what the failure of a node does: hold (the default: what waits for it goes on
-- waiting, and a retry resumes it), cancel (what comes after it is cancelled), cancel_all (everything is),
-- continue (what waits for it runs, and gets results as "results"), compensate (what waits is cancelled, and
-- once nothing runs the undos of the nodes that succeeded run, the last one first). timeout: seconds, after
-- which what is left is cancelled; or deadline. result: the node whose result is the workflow's. meta: notes
-- of the publisher.
--
-- All or nothing, in the caller's transaction. PT400 for what cannot be meant, with the node's name; other
-- errors as jobs.publish. Locks nothing that others wait for.
create or replace function jobs.publish_workflow(i_nodes jsonb, i_name text default null, i_options jsonb default '{}') returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_specs jobs.node_spec[];
  v_workflow jobs.workflow;
begin
  perform jobs._check_workflow_options(i_name, i_options), pg_current_xact_id();   -- the xid before the numbers of jobs
  v_specs := jobs._read_nodes(i_nodes, i_options->>'on_failure');
  perform jobs._check_graph(v_specs, null), jobs._check_binds(v_specs, null), jobs._check_not_unique(v_specs, i_nodes), jobs._check_node_bodies(v_specs);
  if i_options ? 'result' and not exists (select from unnest(v_specs) s where s.name = i_options->>'result') then
    raise sqlstate 'PT400' using message = format('the result is that of node %s, which is not there', jobs._shown(i_options->>'result')), hint = 'result takes the name of a node';
  end if;
  insert into jobs.workflow (name, on_failure, result_of, meta, deadline, created_at, nodes, open, published_by)
  values (i_name, coalesce(i_options->>'on_failure', 'hold'), i_options->>'result', i_options->'meta',
          coalesce(jobs._time_of(i_options->>'deadline'), v_now + make_interval(secs => (i_options->>'timeout')::double precision)), v_now, 0, 0, jobs._caller())
  returning * into v_workflow;
  perform nextval('jobs.workflows_made');
  perform jobs._join(v_workflow, v_specs, null);
  return v_workflow.id;
end $$;

-- Adds nodes to the workflow of a running job, given as to jobs.publish_workflow; their `after` may name
-- nodes of the workflow, and those without one start when the caller's transaction commits. i_before: nodes
-- that still wait, which from now on also wait for all of the new ones. The job is known by its lease: PT409
-- when that is gone, when the workflow has failed or is cancelled meanwhile, and when a node of i_before has
-- started; PT400 where a restricted role takes results of nodes that it does not see, or has them wait. Locks
-- the workflow until the caller's transaction ends: jobs of the workflow that end meanwhile do not wait for it,
-- but what follows from their ends does.
create or replace function jobs.add_nodes(i_job text, i_lease uuid, i_nodes jsonb, i_before text[] default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_run jobs._runs;
  v_specs jobs.node_spec[];
  v_workflow jobs.workflow;
begin
  -- The workflow before the job, as whoever cancels it.
  select w.* into v_workflow from jobs.workflow w where w.id = jobs._workflow_of_run(i_job, i_lease) for update;
  perform pg_current_xact_id();
  if i_lease is not null then
    v_run := jobs._hold(i_job, i_lease);
  end if;
  if v_run.job_id is null then
    raise sqlstate 'PT409' using message = 'lease_lost', hint = 'nodes are added by a job that runs, with its lease';
  elsif (v_run.on_end).node is null then
    raise sqlstate 'PT400' using message = format('job %s belongs to no workflow', jobs._shown(i_job)), hint = 'jobs.publish_workflow publishes one';
  end if;
  v_specs := jobs._read_nodes(i_nodes, v_workflow.on_failure);
  if v_workflow.nodes + cardinality(v_specs) > 100000 then
    raise sqlstate 'PT413' using message = format('a workflow grows to at most 100000 nodes, this one has %s', v_workflow.nodes), hint = 'publish another workflow';
  elsif v_workflow.state <> 'running' then
    raise sqlstate 'PT409' using message = format('workflow %s is %s', v_workflow.id, v_workflow.state), hint = 'publish another workflow';
  end if;
  perform jobs._check_graph(v_specs, v_workflow.id), jobs._check_sight(v_specs, v_workflow.id, i_before), jobs._check_binds(v_specs, v_workflow.id), jobs._check_not_unique(v_specs, i_nodes), jobs._check_node_bodies(v_specs);
  perform jobs._join(v_workflow, v_specs, i_before);
end $$;

-- The workflow of which a run is a job; null: none. Locks nothing.
create or replace function jobs._workflow_of_run(i_job text, i_lease uuid) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return (
    select n.workflow
    from jobs._find_run(i_job) f join jobs._runs r on r.lease = f.lease and r.part = jobs._part(f.batch_index) and r.batch_index = f.batch_index
      join jobs.node n on n.id = (r.on_end).node
    where f.lease = i_lease);
end $$;

-- Refuses a name and options of a workflow that cannot be meant (PT400).
create or replace function jobs._check_workflow_options(i_name text, i_options jsonb) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_keys constant text[] := array['on_failure', 'timeout', 'deadline', 'result', 'meta'];
  v_flaw text := case
    when i_name is not null and not jobs._is_name(i_name) then 'name: 1 to 200 characters, no control characters'
    when jsonb_typeof(i_options) is distinct from 'object' then 'options: an object'
    when jobs._key_outside(i_options, v_keys) is not null
      then format('it has no option %s; its options are %s', jobs._shown(jobs._key_outside(i_options, v_keys)), array_to_string(v_keys, ', '))
    when i_options ? 'on_failure' and coalesce(i_options->>'on_failure', '') not in ('hold', 'cancel', 'cancel_all', 'continue', 'compensate')
      then 'on_failure: hold, cancel, cancel_all, continue or compensate'
    when i_options ? 'timeout' and (jsonb_typeof(i_options->'timeout') = 'number' and (i_options->>'timeout')::numeric between 0.01 and 315576000) is not true
      then 'timeout: 0.01 to 315576000 seconds (10 years)'
    when i_options ? 'deadline' and jobs._time_of(i_options->>'deadline') is null then 'deadline: a time like 2030-01-31T08:00:00Z'
    when i_options ? 'deadline' and i_options ? 'timeout' then 'it has a timeout or a deadline, not both' end;
begin
  if v_flaw is not null then
    raise sqlstate 'PT400' using message = 'workflow: ' || v_flaw, hint = 'jobs.publish_workflow(nodes, ''report'', ''{"on_failure": "hold", "timeout": 3600}'')';
  end if;
  perform jobs._check_meta('workflow: ', i_options->'meta');
end $$;

-- Stores nodes and edges that were checked, for a workflow that the caller has locked or just made, and
-- starts what is ready. Edges from nodes that have ended are decided at once.
create or replace function jobs._join(i_workflow jobs.workflow, i_specs jobs.node_spec[], i_before text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_new bigint[];
  v_ready bigint[];
  v_change jobs.node_change;
begin
  with made as (
    insert into jobs.node (workflow, name, task, bodies, options, each_of, binds, undo, is_group, keeps_results, waits)
    select i_workflow.id, s.name, s.task, s.bodies, case when s.is_checked then s.options else jobs._declared_node_options(s.task, s.options) end, s.each_of, s.binds, s.undo, s.is_group, s.keeps_results or coalesce(s.name = i_workflow.result_of, false), jsonb_array_length(s.after)
    from (select u.*, row_number() over () as at from unnest(i_specs) u) s order by s.at
    returning id, waits
  ) select array_agg(m.id order by m.id), array_agg(m.id order by m.id) filter (where m.waits = 0) into v_new, v_ready from made m;
  insert into jobs.edge (parent, child, "when", on_failure, condition)
  select p.id, c.id, coalesce(a->>'when', 'success'), a->>'on_failure', a->'condition'
  from jobs.node c join unnest(i_specs) s on s.name = c.name, jsonb_array_elements(s.after) a join jobs.node p on p.workflow = i_workflow.id and p.name = a->>'node'
  where c.id = any (v_new);
  perform jobs._add_edges_before(i_workflow, v_new, i_before);
  perform jobs._keep_results(i_workflow, i_specs, v_new);
  update jobs.workflow w set nodes = w.nodes + cardinality(v_new), open = w.open + cardinality(v_new) where w.id = i_workflow.id;
  v_change := jobs._decide(i_workflow.id, array(select distinct e.parent from jobs.edge e join jobs.node p on p.id = e.parent
                                                where e.child = any (v_new) and p.id <> all (v_new) and p.state not in ('waiting', 'running')));
  perform jobs._go_on(i_workflow.id, v_change.ended, coalesce(v_ready, '{}') || v_change.ready, true);
end $$;

-- The nodes whose results these take: by bind or each, in a condition, for an undo.
create or replace function jobs._nodes_taken(i_specs jobs.node_spec[]) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select array(
    select b.value->>'node' from unnest(i_specs) s, jsonb_each(s.binds) b
    union select b.value->>'node' from unnest(i_specs) s, jsonb_each(s.undo->'bind') b   -- its arguments may be called the same
    union select s.each_of->>'node' from unnest(i_specs) s where s.each_of is not null
    union select a->>'node' from unnest(i_specs) s, jsonb_array_elements(s.after) a where a ? 'condition')
$$;

-- Refuses (PT400) that a restricted role takes results of nodes whose tasks it does not see, or has such nodes wait
-- for its own.
create or replace function jobs._check_sight(i_specs jobs.node_spec[], i_workflow bigint, i_before text[]) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_name text;
begin
  if jobs.sees_task() then
    return;
  end if;
  select n.name into v_name from jobs.node n where n.workflow = i_workflow and n.name = any (jobs._nodes_taken(i_specs) || i_before) and not jobs.sees_task(n.task) limit 1;
  if found then
    raise sqlstate 'PT400' using message = format('there is no node %s, or its task is out of sight of the role %s', jobs._shown(v_name), jobs._shown(jobs._restricted())),
      hint = 'it sees nodes of tasks that it may publish or consume: an administrator may call jobs.grant_topic';
  end if;
end $$;

-- Of a group, results are kept where somebody takes them: a node by bind or each, a condition, an undo, or
-- who asks for the result of the workflow. PT409 when nodes that join take results that were not kept.
create or replace function jobs._keep_results(i_workflow jobs.workflow, i_specs jobs.node_spec[], i_new bigint[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_taken text[] := jobs._nodes_taken(i_specs);
  v_late text;
begin
  select n.name into v_late from jobs.node n
  where n.workflow = i_workflow.id and n.name = any (v_taken) and n.is_group and not n.keeps_results and n.state <> 'waiting' and n.id <> all (i_new) limit 1;
  if found then
    raise sqlstate 'PT409' using message = format('node %s keeps no results, and its jobs have started', jobs._shown(v_late)), hint = 'publish it with "keep_results": true';
  end if;
  update jobs.node n set keeps_results = true
  where n.workflow = i_workflow.id and n.is_group and not n.keeps_results
    and (n.name = any (v_taken) or n.id = any (i_new) and i_workflow.result_of is null and not exists (select from jobs.edge e where e.parent = n.id));
end $$;

-- Makes these nodes of the workflow, which still wait, wait for all the new ones too. PT404 for a name that
-- no node has, PT409 for one that has started.
create or replace function jobs._add_edges_before(i_workflow jobs.workflow, i_new bigint[], i_before text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_wrong record;
begin
  if i_before is null then
    return;
  end if;
  select b.name, n.state into v_wrong from unnest(i_before) b(name) left join jobs.node n on n.workflow = i_workflow.id and n.name = b.name where n.state is distinct from 'waiting' limit 1;
  if found and v_wrong.state is null then
    raise sqlstate 'PT404' using message = format('workflow %s has no node %s', i_workflow.id, jobs._shown(v_wrong.name)), hint = 'jobs.workflow_nodes(id) lists them';
  elsif found then
    raise sqlstate 'PT409' using message = format('node %s is %s, and waits for nobody any more', jobs._shown(v_wrong.name), v_wrong.state), hint = 'name nodes that still wait';
  end if;
  insert into jobs.edge (parent, child)
  select n, c.id from unnest(i_new) n, jobs.node c where c.workflow = i_workflow.id and c.name = any (i_before) and c.id <> all (i_new) on conflict do nothing;
  update jobs.node c set waits = (select count(*) from jobs.edge e where e.child = c.id and e.is_met is null) where c.workflow = i_workflow.id and c.name = any (i_before);
  -- A child of i_before must not come before the new ones by itself.
  if exists (
    with recursive below as (
      select c.id from jobs.node c where c.workflow = i_workflow.id and c.name = any (i_before)
      union select e.child from below b join jobs.edge e on e.parent = b.id
    ) select from below b where b.id = any (i_new)) then
    raise sqlstate 'PT400' using message = 'nodes wait for each other in a circle: a new node comes after one that is to wait for it', hint = 'take one of these edges away';
  end if;
end $$;
