-- What the nodes of a workflow are to each other: names, edges, cycles, and whether results fit arguments.

-- Refuses nodes (PT400) that do not make a graph: a name twice, an edge to no node or twice to one, a cycle.
-- i_workflow: the workflow that they join, whose nodes they may name; null: none.
create or replace function jobs._check_graph(i_specs jobs.node_spec[], i_workflow bigint) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_flaw record;
begin
  select s.name into v_flaw from (select u.name from unnest(i_specs) u union all select n.name from jobs.node n where n.workflow = i_workflow) s group by 1 having count(*) > 1 limit 1;
  if found then
    raise sqlstate 'PT400' using message = format('node %s: there are two of this name', jobs._shown(v_flaw.name)), hint = 'give each node a "name"; without one it has that of its task';
  end if;
  select e.child, e.parent, e.is_twice into v_flaw
  from (select s.name as child, a->>'node' as parent, count(*) over (partition by s.name, a->>'node') > 1 as is_twice, s.is_group from unnest(i_specs) s, jsonb_array_elements(s.after) a
        union all
        select s.name, b.value->>'node', false, false from unnest(i_specs) s, jsonb_each(s.undo->'bind') b) e
  where e.is_twice or not exists (select from unnest(i_specs) o where o.name = e.parent) and not exists (select from jobs.node n where n.workflow = i_workflow and n.name = e.parent)
  limit 1;
  if found then
    raise sqlstate 'PT400' using message = format(case when v_flaw.is_twice then 'node %s: it has two edges from %s' else 'node %s: there is no node %s' end,
      jobs._shown(v_flaw.child), jobs._shown(v_flaw.parent)), hint = 'after and bind take names of nodes of the same workflow, each once';
  end if;
  perform jobs._check_order(i_specs);
end $$;

-- Refuses nodes that wait for each other in a circle (PT400, which names them). Nodes that come after all
-- their parents, as builders make them, cost one look; for others the edges are followed, once each.
create or replace function jobs._check_order(i_specs jobs.node_spec[]) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp set enable_nestloop = off set jit = off as $$
declare
  v_parents integer[];
  v_children integer[];
  v_is_ordered boolean;
  v_left integer[];
begin
  with nodes as materialized (
    select s.name, s.after, row_number() over () as at from unnest(i_specs) s
  )
  select array_agg(p.at order by p.at, c.at), array_agg(c.at order by p.at, c.at), coalesce(bool_and(p.at < c.at), true) into v_parents, v_children, v_is_ordered
  from (select n.at, a->>'node' as parent from nodes n, jsonb_array_elements(n.after) a) c join nodes p on p.name = c.parent;
  if not v_is_ordered then
    v_left := jobs._in_circles(cardinality(i_specs), v_parents, v_children);
    if v_left <> '{}' then
      raise sqlstate 'PT400' using message = format('nodes wait for each other in a circle: %s',
          (select string_agg(jobs._shown(i_specs[l.at].name), ', ' order by l.nth) from unnest(v_left[:10]) with ordinality l(at, nth))
          || case when cardinality(v_left) > 10 then format(' and %s more', cardinality(v_left) - 10) else '' end),
        hint = 'take one of these edges away';
    end if;
  end if;
end $$;

-- The nodes of a circle, each after one that it waits for; none when there is no circle. The edges are given
-- as parallel arrays, in order of their parents: nodes without parents are taken away, then those that have
-- none left, and so on; what stays is circles and what comes after them.
create or replace function jobs._in_circles(i_nodes integer, i_parents integer[], i_children integer[]) returns integer[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_waits integer[] := array_fill(0, array[i_nodes]);
  v_first integer[] := array_fill(0, array[i_nodes]);
  v_before integer[] := array_fill(0, array[i_nodes]);   -- a node that it waits for, of those that are left
  v_seen integer[] := array_fill(0, array[i_nodes]);     -- where it is in v_circle
  v_free integer[] := array[]::integer[];
  v_at integer := 1;
  v_edge integer;
  v_circle integer[] := array[]::integer[];
begin
  for v_edge in reverse cardinality(i_parents)..1 loop
    v_waits[i_children[v_edge]] := v_waits[i_children[v_edge]] + 1;
    v_first[i_parents[v_edge]] := v_edge;
  end loop;
  v_free := array(select w.at from unnest(v_waits) with ordinality w(waits, at) where w.waits = 0);
  while v_at <= cardinality(v_free) loop
    v_edge := v_first[v_free[v_at]];
    while v_edge > 0 and i_parents[v_edge] = v_free[v_at] loop
      v_waits[i_children[v_edge]] := v_waits[i_children[v_edge]] - 1;
      if v_waits[i_children[v_edge]] = 0 then
        v_free := v_free || i_children[v_edge];
      end if;
      v_edge := v_edge + 1;
    end loop;
    v_at := v_at + 1;
  end loop;
  -- Back along edges from any node that is left, until it comes to one a second time: that is in a circle.
  for v_edge in 1..coalesce(cardinality(i_parents), 0) loop
    if v_waits[i_parents[v_edge]] > 0 then
      v_before[i_children[v_edge]] := i_parents[v_edge];
    end if;
  end loop;
  select w.at into v_at from unnest(v_waits) with ordinality w(waits, at) where w.waits > 0 limit 1;
  while v_at is not null and v_seen[v_at] = 0 loop
    v_circle := v_circle || v_at;
    v_seen[v_at] := cardinality(v_circle);
    v_at := v_before[v_at];
  end loop;
  return coalesce(v_circle[v_seen[v_at]:], '{}');
end $$;

-- The declaration of the task of a node: its parameters as a schema by name, its names of parameters (null:
-- any), and the schema of its result; no row for a task that nobody has declared.
create or replace function jobs._signature_of(i_task text) returns table (schema jsonb, names text[], result_schema jsonb, params jsonb, extra_kwargs boolean, validation text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select t.args_schema, k.names, t.result_schema, t.params, t.extra_kwargs, k.validation
  from jobs.publish_check k join jobs.task t on t.name = k.task where k.name = i_task and t.params is not null
$$;

-- Refuses arguments that come from nodes (PT400) where the task has no such argument, or where what the node
-- returns plainly fits it never. What nobody has declared is left to the worker.
create or replace function jobs._check_binds(i_specs jobs.node_spec[], i_workflow bigint) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_bind record;
  v_task record;
  v_parent record;
  v_flaw text;
begin
  for v_bind in
    select s.name, s.task, b.param, b.parent, b.form, p.task as parent_task, p.is_group, s.each_of ? 'chunk' as is_chunked
    from (select u.name, u.task, u.binds, u.each_of from unnest(i_specs) u
          union all select u.name, u.undo->>'task', u.undo->'bind', null from unnest(i_specs) u where u.undo is not null) s,
      lateral (select x.key as param, x.value->>'node' as parent, coalesce(x.value->>'as', 'value') as form from jsonb_each(s.binds) x
               union all select s.each_of->>'param', s.each_of->>'node', 'each' where s.each_of is not null) b
      left join lateral (select o.task, o.is_group from unnest(i_specs) o where o.name = b.parent
                         union all select n.task, n.is_group from jobs.node n where n.workflow = i_workflow and n.name = b.parent limit 1) p on true
  loop
    select g.* into v_task from jobs._signature_of(v_bind.task) g;
    continue when not found;
    v_bind.param := coalesce(v_bind.param, v_task.params->0->>'name');
    if v_bind.param is null or v_bind.param <> all (v_task.names) then
      v_flaw := format('task %s has no argument %s', jobs._shown(v_bind.task), jobs._shown(coalesce(v_bind.param, 'for each element')));
    else
      select g.* into v_parent from jobs._signature_of(v_bind.parent_task) g;
      v_flaw := format('the result of %s never fits the argument %s of task %s', jobs._shown(v_bind.parent), jobs._shown(v_bind.param), jobs._shown(v_bind.task));
      v_flaw := case when not coalesce(jobs._is_misfit(v_bind.form, v_bind.is_group, v_bind.is_chunked, v_parent.result_schema, v_task.schema->'properties'->v_bind.param, v_task.schema), false)
        then null else v_flaw end;
    end if;
    if v_flaw is not null then
      raise sqlstate 'PT400' using message = format('node %s: %s', jobs._shown(v_bind.name), v_flaw), hint = 'jobs.tasks() shows what a task takes and returns';
    end if;
  end loop;
end $$;

-- Whether a result plainly fits no argument; null or false where that cannot be told. i_schema is that of the
-- argument, within i_root.
create or replace function jobs._is_misfit(i_form text, i_is_group boolean, i_is_chunked boolean, i_result jsonb, i_schema jsonb, i_root jsonb) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_list constant jsonb := '{"type": "array"}'::jsonb;
  v_one jsonb := jobs._meant(i_result, i_result);
  v_argument jsonb := jobs._meant(i_schema, i_root);
begin
  return case
    when jsonb_typeof(v_argument) <> 'object' then false
    when i_form = 'handle' then jobs._are_apart('{"type": "object"}', v_argument)
    when i_form = 'results' then i_is_group and jobs._are_apart(v_list, v_argument)
    when i_form = 'value' and not i_is_group then jobs._are_apart(v_one, v_argument)
    when i_form = 'value' then jobs._are_apart(v_list, v_argument) or jobs._are_apart(v_one, jobs._meant(v_argument->'items', i_root))
    when i_is_group then i_is_chunked and jobs._are_apart(v_list, v_argument) or not i_is_chunked and jobs._are_apart(v_one, v_argument)
    else jobs._are_apart(v_one, v_list)
      or jobs._are_apart(case when i_is_chunked then v_list else jobs._meant(v_one->'items', i_result) end, v_argument) end;
end $$;

-- Refuses the bodies of nodes for what a publisher of single jobs is refused for. Of a node whose arguments
-- come partly from others, what is given is validated (PT422).
create or replace function jobs._check_node_bodies(i_specs jobs.node_spec[]) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_spec jobs.node_spec;
begin
  perform jobs._check_sizes_of_nodes(i_specs);
  perform jobs._check_topics(true, array(select s.task from unnest(i_specs) s union select s.undo->>'task' from unnest(i_specs) s where s.undo is not null));
  for v_spec in select s.* from unnest(i_specs) s where s.binds is not null or s.each_of is not null or s.undo is not null loop
    if (select c.unknown_task = 'reject' from jobs.config c) then
      perform jobs._refuse_unknown(array[v_spec.task] || array(select v_spec.undo->>'task' where v_spec.undo is not null));
    end if;
    if (v_spec.binds is not null or v_spec.each_of is not null) and not v_spec.is_checked then
      perform jobs._check_partial_body(v_spec.name, v_spec.task, b, v_spec.binds, v_spec.each_of) from unnest(v_spec.bodies[:100]) b;
    end if;
    if v_spec.undo is not null and v_spec.undo->'checked' is distinct from 'true' then
      perform jobs._check_partial_body(v_spec.name, v_spec.undo->>'task', v_spec.undo->'body', v_spec.undo->'bind', null);
    end if;
  end loop;
end $$;

-- The part of it for bodies that are given whole, and for what they take together: large groups each by
-- itself, all others, and undos, as if they were published in one call.
create or replace function jobs._check_sizes_of_nodes(i_specs jobs.node_spec[]) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_limits jobs.config := (select c from jobs.config c);
  v_jobs bigint := (select sum(cardinality(s.bodies)) from unnest(i_specs) s);
  v_spec jobs.node_spec;
  v_sizes bigint[] := array[]::bigint[];
  v_tasks text[];
  v_bodies jsonb[];
  v_checked boolean[];
begin
  if v_jobs > v_limits.max_bulk then
    raise sqlstate 'PT413' using message = format('a workflow is published with at most %s jobs, this one has %s', v_limits.max_bulk, v_jobs),
      hint = 'let a node make the others from a result ("each"), or raise jobs.config.max_bulk';
  end if;
  for v_spec in select s.* from unnest(i_specs) s where cardinality(s.bodies) >= 64 loop
    v_sizes := v_sizes || (select sum(b) from unnest(jobs._check_bulk(array[v_spec.task::text], v_spec.bodies)) b)::bigint;
    if v_spec.binds is null and v_spec.each_of is null then
      perform jobs._check_bodies(array[v_spec.task::text], v_spec.bodies, array[v_spec.is_checked]);
    end if;
  end loop;
  select array_agg(g.task), array_agg(g.body) into v_tasks, v_bodies
  from (select s.task, b.body from unnest(i_specs) s, unnest(s.bodies) b(body) where cardinality(s.bodies) < 64
        union all select u.undo->>'task', u.undo->'body' from unnest(i_specs) u where u.undo is not null) g;
  if v_tasks is not null then
    v_sizes := v_sizes || jobs._check_bulk(v_tasks, v_bodies);
  end if;
  perform jobs._check_bulk_bytes(v_sizes, v_limits.max_bulk_bytes);
  select array_agg(s.task), array_agg(b.body), array_agg(s.is_checked) into v_tasks, v_bodies, v_checked
  from unnest(i_specs) s, unnest(s.bodies) b(body) where s.binds is null and s.each_of is null and cardinality(s.bodies) < 64;
  if v_tasks is not null then
    perform jobs._check_bodies(v_tasks, v_bodies, v_checked);
  end if;
end $$;

-- Refuses a body without the arguments that come from nodes when what it has does not fit (PT422): these
-- arguments may be anything.
create or replace function jobs._check_partial_body(i_node text, i_task text, i_body jsonb, i_binds jsonb, i_each jsonb) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_task record;
  v_names text[];
  v_reason text;
begin
  select g.* into v_task from jobs._signature_of(i_task) g;
  if not found or v_task.validation = 'off' then
    return;
  end if;
  v_names := array(select jsonb_object_keys(i_binds) union select coalesce(i_each->>'param', v_task.params->0->>'name') where i_each is not null);
  v_reason := jobs._schema_error_of_body(
    jobs._with_arguments(i_body, (select jsonb_object_agg(n, null) from unnest(v_names) n)), v_task.params, v_task.extra_kwargs,
    v_task.schema || jsonb_build_object('properties', (v_task.schema->'properties') || coalesce((select jsonb_object_agg(n, true) from unnest(v_names) n), '{}')));
  if v_reason is not null and v_task.validation = 'strict' then
    raise sqlstate 'PT422' using message = format('node %s: task %s: %s', jobs._shown(i_node), jobs._shown(i_task), jobs._escaped(left(v_reason, 2000))),
      hint = 'jobs.tasks() shows what the task takes; arguments that come from nodes are given by bind';
  elsif v_reason is not null then
    raise warning 'node %: task %: %', jobs._shown(i_node), jobs._shown(i_task), jobs._escaped(left(v_reason, 2000))
      using hint = 'jobs.tasks() shows what the task takes';
  end if;
exception when statement_too_complex or data_exception then
  return;
end $$;

-- Refuses nodes (PT400) whose task says that its jobs are unique, unless they say that they are not: a job
-- that another one stands for would leave those waiting that come after it.
create or replace function jobs._check_not_unique(i_specs jobs.node_spec[], i_nodes jsonb) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_name text;
begin
  select s.name into v_name
  from (select u.name, u.task, row_number() over () as at from unnest(i_specs) u) s join jobs.publish_check k on k.name = s.task
  where k.unique_by is not null and i_nodes->(s.at - 1)::integer->'unique' is distinct from 'false' limit 1;
  if found then
    raise sqlstate 'PT400' using message = format('node %s: its task publishes unique jobs, and a job that another one stands for would leave those waiting that come after it', jobs._shown(v_name)),
      hint = 'add "unique": false; then this node runs beside the holder of its key';
  end if;
end $$;
