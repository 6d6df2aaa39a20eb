-- Reading the nodes of a workflow as publishers give them: each by itself. What they are to each other is in
-- 17_workflow_graph.sql.

-- The options of a node's jobs, which an undo has as well.
create or replace function jobs._node_option_keys() returns text[]
language sql immutable parallel safe
return array['priority', 'timeout', 'max_retries', 'delay', 'scheduled_at', 'meta'];

-- The keys of a node.
create or replace function jobs._node_keys() returns text[]
language sql immutable parallel safe
return array['name', 'task', 'body', 'each', 'after', 'bind', 'undo', 'keep_results', 'checked', 'unique'] || jobs._node_option_keys();

-- The first key of an object that is not among these; null: none.
create or replace function jobs._key_outside(i_object jsonb, i_keys text[]) returns text
language sql immutable parallel safe
return (select pg_catalog.min(k) from pg_catalog.jsonb_object_keys(i_object - i_keys) k);

-- What is wrong with an entry of `after`; null: nothing.
create or replace function jobs._after_flaw(i_after jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return case jsonb_typeof(i_after)
    when 'string' then null
    when 'object' then case
      when jobs._key_outside(i_after, array['node', 'when', 'on_failure', 'condition']) is not null
        then format('after: an edge has no %s; its keys are node, when, on_failure, condition', jobs._shown(jobs._key_outside(i_after, array['node', 'when', 'on_failure', 'condition'])))
      when jsonb_typeof(i_after->'node') is distinct from 'string' then 'after: an edge names its node'
      when coalesce(i_after->>'when', 'success') not in ('success', 'failure', 'ended') then 'after: when is success, failure or ended'
      when coalesce(i_after->>'on_failure', 'hold') not in ('hold', 'cancel', 'continue') then 'after: on_failure of an edge is hold, cancel or continue'
      when i_after ?| array['on_failure', 'condition'] and coalesce(i_after->>'when', 'success') <> 'success'
        then 'after: only an edge for success has an on_failure or a condition' end
    else 'after: names of nodes, or objects like {"node": "fetch", "when": "failure"}' end;
end $$;

-- What is wrong with an entry of `bind`; null: nothing.
create or replace function jobs._bind_flaw(i_bind jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return case jsonb_typeof(i_bind)
    when 'string' then null
    when 'object' then case
      when jobs._key_outside(i_bind, array['node', 'as']) is not null or jsonb_typeof(i_bind->'node') is distinct from 'string'
        or coalesce(i_bind->>'as', 'value') not in ('value', 'results', 'handle') then 'bind: {"node": a name, "as": "value", "results" or "handle"}' end
    else 'bind: an argument is the name of a node, or an object like {"node": "page", "as": "handle"}' end;
end $$;

-- What is wrong with the body and the bind of a node or an undo; null: nothing.
create or replace function jobs._call_flaw(i_call jsonb) returns text
language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
begin
  if not i_call ?| array['bind', 'each'] then
    return null;
  elsif jsonb_typeof(i_call->'bind') <> 'object' then
    return 'bind: an object of arguments, each with a node';
  elsif not jobs._takes_arguments(i_call->'body') then
    return 'body: with bind, or with each of a node, it is an object, and so are its kwargs';
  elsif i_call ? 'bind' and jsonb_typeof(i_call->'each') = 'array'
    and exists (select from jsonb_array_elements(i_call->'each') b where not jobs._takes_arguments(b)) then
    return 'each: with bind its bodies are objects, and so are their kwargs';
  end if;
  return null;
end $$;

-- Whether arguments can be added to a body; null where there is none.
create or replace function jobs._takes_arguments(i_body jsonb) returns boolean
language sql immutable parallel safe
return pg_catalog.jsonb_typeof(i_body) in ('object', 'null') and coalesce(pg_catalog.jsonb_typeof(i_body->'kwargs'), 'null') in ('object', 'null');

-- What is wrong with `each`; null: nothing.
create or replace function jobs._each_flaw(i_each jsonb) returns text
language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
begin
  return case jsonb_typeof(i_each)
    when 'array' then null
    when 'object' then case
      when jobs._key_outside(i_each, array['node', 'param', 'chunk']) is not null or jsonb_typeof(i_each->'node') is distinct from 'string'
        or coalesce(jsonb_typeof(i_each->'param'), 'string') <> 'string' then 'each: {"node": a name, "param": an argument, "chunk": how many elements each job gets}'
      when i_each ? 'chunk' and (jsonb_typeof(i_each->'chunk') = 'number' and (i_each->>'chunk')::numeric between 1 and 1000000 and (i_each->>'chunk')::numeric % 1 = 0) is not true
        then 'each: chunk is an integer within 1 and 1000000' end
    else 'each: an array of bodies, or an object like {"node": "list"}' end;
end $$;

-- What is wrong with a node by itself; null: nothing.
create or replace function jobs._node_flaw(i_node jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  -- An expression without queries, which is evaluated without a plan.
  v_flaw text := case
    when i_node - jobs._node_keys() <> '{}'
      then format('it has no %s; its keys are %s', jobs._shown(jobs._key_outside(i_node, jobs._node_keys())), array_to_string(jobs._node_keys(), ', '))
    when (jsonb_typeof(i_node->'task') = 'string' and jobs._is_name(i_node->>'task')) is not true then 'task: a name of 1 to 200 characters, no control characters'
    when i_node ? 'name' and (jsonb_typeof(i_node->'name') = 'string' and jobs._is_name(i_node->>'name')) is not true then 'name: 1 to 200 characters, no control characters'
    when i_node ? 'body' and jsonb_typeof(i_node->'each') = 'array' then 'it has a body, or each with the body of each job, not both'
    when jsonb_typeof(i_node->'after') <> 'array' then 'after: an array of names of nodes, or of objects'
    when jsonb_typeof(i_node->'undo') <> 'object' then 'undo: an object with task, body, bind'
    when jsonb_typeof(i_node->'options') is not null then 'give priority, timeout, max_retries, delay, scheduled_at and meta beside its task'
    when (i_node->'undo') - (array['task', 'body', 'bind', 'checked'] || jobs._node_option_keys()) <> '{}'
      then format('undo: its keys are task, body, bind, %s', array_to_string(jobs._node_option_keys(), ', '))
    when i_node ? 'undo' and (jsonb_typeof(i_node->'undo'->'task') = 'string' and jobs._is_name(i_node->'undo'->>'task')) is not true then 'undo: it names its task'
    else coalesce(jobs._call_flaw(i_node), 'undo: ' || jobs._call_flaw(i_node->'undo'), jobs._each_flaw(i_node->'each')) end;
begin
  if v_flaw is null and i_node ? 'after' then
    v_flaw := (select min(jobs._after_flaw(a)) from jsonb_array_elements(i_node->'after') a where jsonb_typeof(a) <> 'string');
  end if;
  if v_flaw is null and (i_node ? 'bind' or i_node->'undo' ? 'bind') then
    v_flaw := (select min(jobs._bind_flaw(b.value)) from (values (i_node->'bind'), (i_node->'undo'->'bind')) o(binds), jsonb_each(o.binds) b);
  end if;
  if v_flaw is null and i_node - array['name', 'task', 'body', 'each', 'after', 'bind', 'undo', 'checked'] <> '{}' then
    v_flaw := jobs._node_options_flaw(i_node);
  end if;
  if v_flaw is null and i_node ? 'undo' then
    v_flaw := 'undo: ' || jobs._node_options_flaw(i_node->'undo');
  end if;
  return v_flaw;
end $$;

-- What is wrong with the options of its jobs; null: nothing.
create or replace function jobs._node_options_flaw(i_node jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return case
    when coalesce(jsonb_typeof(i_node->'priority'), 'number') <> 'number' or (i_node->>'priority')::numeric not between -2147483648 and 2147483647
      or (i_node->>'priority')::numeric % 1 <> 0 then 'priority: an integer'
    when coalesce(jsonb_typeof(i_node->'timeout'), 'number') <> 'number' or (i_node->>'timeout')::numeric not between 0.01 and 604800
      then 'timeout: 0.01 to 604800 seconds (7 days)'
    when coalesce(jsonb_typeof(i_node->'max_retries'), 'number') <> 'number' or (i_node->>'max_retries')::numeric not between 1 and 1000
      or (i_node->>'max_retries')::numeric % 1 <> 0 then 'max_retries: 1 to 1000; it counts runs in all'
    when coalesce(jsonb_typeof(i_node->'delay'), 'number') <> 'number' or (i_node->>'delay')::numeric not between 0 and 315576000 then 'delay: 0 to 315576000 seconds (10 years)'
    when coalesce(jsonb_typeof(i_node->'meta'), 'object') <> 'object' then 'meta: an object'
    when coalesce(jsonb_typeof(i_node->'keep_results'), 'boolean') <> 'boolean' then 'keep_results: true or false'
    when coalesce(i_node->'unique', 'false') <> 'false' then 'unique: only false; a job that another one stands for would leave those waiting that come after it'
    when i_node ? 'scheduled_at' and jobs._time_of(i_node->>'scheduled_at') is null then 'scheduled_at: a time like 2030-01-31T08:00:00Z' end;
end $$;

-- A time that clients can hold, read from text; null when it is none.
create or replace function jobs._time_of(i_text text) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return case when jobs._is_reachable(i_text::timestamptz) then i_text::timestamptz end;
exception when data_exception then
  return null;
end $$;

-- The options of jobs that this object gives, as every session reads them; null: none.
create or replace function jobs._read_node_options(i_object jsonb) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jsonb_object_agg(o.key, case
    when o.key in ('priority', 'max_retries') then to_jsonb((o.value #>> '{}')::numeric::integer)   -- 3.0 is 3
    when o.key = 'scheduled_at' then to_jsonb(jobs._time_of(o.value #>> '{}')) else o.value end)
  from jsonb_each(i_object) o where o.key = any (jobs._node_option_keys())
$$;

-- Arguments that come from nodes, all in one form: {param: {"node", "as"}}; null: none. Where nothing else is said,
-- they are values, and results of nodes that may have failed: where i_on_failure or the edge continues, or the edge is
-- not for success.
create or replace function jobs._read_binds(i_binds jsonb, i_after jsonb, i_on_failure text) returns jsonb
language sql immutable parallel safe
return (
  select pg_catalog.jsonb_object_agg(b.key, pg_catalog.jsonb_build_object(
    'node', coalesce(b.value->>'node', b.value #>> '{}'),
    'as', coalesce(b.value->>'as', case when coalesce((
        select case when a->>'when' in ('failure', 'ended') then 'continue' else a->>'on_failure' end
        from pg_catalog.jsonb_array_elements(i_after) a where a->>'node' = coalesce(b.value->>'node', b.value #>> '{}') limit 1), i_on_failure) = 'continue'
      then 'results' else 'value' end)))
  from pg_catalog.jsonb_each(i_binds) b);

-- The edges of a node, all in one form: those of `after`, and one for each node that its arguments or its jobs
-- come from.
create or replace function jobs._read_after(i_after jsonb, i_binds jsonb, i_each jsonb) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  v_after jsonb := '[]'::jsonb;
begin
  if jsonb_array_length(i_after) > 0 then
    v_after := (select jsonb_agg(case when jsonb_typeof(a) = 'string' then jsonb_build_object('node', a) else a end) from jsonb_array_elements(i_after) a);
  end if;
  if i_binds is null and i_each is null then
    return v_after;
  end if;
  return v_after || coalesce((
    select jsonb_agg(jsonb_build_object('node', m.node))
    from (select b.value->>'node' as node from jsonb_each(i_binds) b union select i_each->>'node' where jsonb_typeof(i_each) = 'object') m
    where not exists (select from jsonb_array_elements(v_after) a where a->>'node' = m.node)), '[]');
end $$;

-- These edges, where those whose value the node takes cancel it when their node fails, unless it is held: a value is
-- not there then. flaw: what is wrong with one that says to go on.
create or replace function jobs._with_values(i_after jsonb, i_binds jsonb, i_each jsonb, i_on_failure text, out after jsonb, out flaw text)
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_values text[] := array(select b.value->>'node' from jsonb_each(i_binds) b where b.value->>'as' = 'value' union select i_each->>'node' where i_each is not null);
begin
  select format('it takes the value of %s, which is not there when that fails: bind it as "results", or leave on_failure and when out', jobs._shown(a->>'node')) into flaw
  from jsonb_array_elements(i_after) a where a->>'node' = any (v_values) and (a->>'on_failure' = 'continue' or a->>'when' in ('failure', 'ended')) limit 1;
  after := case when i_on_failure is distinct from 'continue' then i_after else (
    select coalesce(jsonb_agg(case when e.edge->>'node' = any (v_values) and not e.edge ? 'on_failure' then e.edge || '{"on_failure": "cancel"}' else e.edge end order by e.at), '[]')
    from jsonb_array_elements(i_after) with ordinality e(edge, at)) end;
end $$;

-- An undo without nulls, its bind and its options as those of a node.
create or replace function jobs._read_undo(i_undo jsonb) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp as $$
  select jsonb_object_agg(u.key, case u.key when 'bind' then jobs._read_binds(u.value, null, null) else u.value end)
         || coalesce(jobs._read_node_options(i_undo), '{}')
  from jsonb_each(i_undo) u where u.value <> 'null' and not (u.key = 'bind' and u.value = '{}')
$$;

-- Reads one node. i_which names it in an error.
create or replace function jobs._read_node(i_which text, i_node jsonb, i_on_failure text) returns jobs.node_spec
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  v_flaw text := case when jsonb_typeof(i_node) <> 'object' then 'it is an object' else jobs._node_flaw(i_node) end;
  v_spec jobs.node_spec;
  v_edges record;
begin
  if v_flaw is not null then
    raise sqlstate 'PT400' using message = i_which || v_flaw, hint = '[{"name": "fetch", "task": "web.fetch", "body": {"args": [1]}}, {"task": "web.parse", "bind": {"page": "fetch"}}]';
  end if;
  if i_node ? 'meta' then
    perform jobs._check_meta(i_which, i_node->'meta');
  end if;
  if i_node->'undo' ? 'meta' then
    perform jobs._check_meta(i_which || 'undo: ', i_node->'undo'->'meta');
  end if;
  v_spec.name := coalesce(i_node->>'name', i_node->>'task');
  v_spec.task := i_node->>'task';
  v_spec.is_group := i_node ? 'each';
  if jsonb_typeof(i_node->'each') = 'array' then
    v_spec.bodies := array(select nullif(b, 'null') from jsonb_array_elements(i_node->'each') b);
  else
    v_spec.bodies := array[nullif(i_node->'body', 'null')];
  end if;
  v_spec.options := case when i_node ?| jobs._node_option_keys() then jobs._read_node_options(i_node) end;
  v_spec.each_of := case when jsonb_typeof(i_node->'each') = 'object' then i_node->'each' end;
  v_spec.binds := case when i_node ? 'bind' then jobs._read_binds(i_node->'bind', i_node->'after', i_on_failure) end;
  v_spec.undo := case when i_node ? 'undo' then jobs._read_undo(i_node->'undo') end;
  v_spec.after := jobs._read_after(i_node->'after', v_spec.binds, v_spec.each_of);
  if v_spec.binds is not null or v_spec.each_of is not null then
    v_edges := jobs._with_values(v_spec.after, v_spec.binds, v_spec.each_of, i_on_failure);
    if v_edges.flaw is not null then
      raise sqlstate 'PT400' using message = i_which || v_edges.flaw, hint = '{"bind": {"page": {"node": "fetch", "as": "results"}}} gives {"Ok": result} or {"Err": ...}';
    end if;
    v_spec.after := v_edges.after;
  end if;
  v_spec.keeps_results := coalesce((i_node->>'keep_results')::boolean, false);
  v_spec.is_checked := coalesce(i_node->'checked' = 'true', false);
  return v_spec;
end $$;

-- Reads the nodes of a call, of a workflow with this on_failure. PT400 for what cannot be meant, PT413 for more than 10,000.
create or replace function jobs._read_nodes(i_nodes jsonb, i_on_failure text) returns jobs.node_spec[]
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  if jsonb_typeof(i_nodes) is distinct from 'array' or i_nodes = '[]' then
    raise sqlstate 'PT400' using message = 'a workflow is an array of nodes, at least one', hint = '[{"name": "fetch", "task": "web.fetch", "body": {"args": [1]}}]';
  elsif jsonb_array_length(i_nodes) > 10000 then
    raise sqlstate 'PT413' using message = format('a workflow has at most 10000 nodes, this one has %s', jsonb_array_length(i_nodes)),
      hint = 'many jobs of one task are one node: give it their bodies as "each"';
  end if;
  return array(
    select jobs._read_node(format('node %s: ', case when jsonb_typeof(n.node->'name') = 'string' then jobs._shown(n.node->>'name') else format('%s of %s', n.at, jsonb_array_length(i_nodes)) end), n.node, i_on_failure)
    from jsonb_array_elements(i_nodes) with ordinality n(node, at) order by n.at);
end $$;
