-- Starting nodes of workflows: their arguments are put together, and their jobs are published.

-- Publishes the jobs of nodes that are ready, and returns the nodes that ended without one: groups of no
-- jobs, and nodes whose jobs cannot be published, which fail with the reason. i_is_new: errors go to the
-- caller, and so do those that pass (a deadlock, a full disk): somebody will try again.
create or replace function jobs._start_nodes(i_nodes bigint[], i_is_new boolean) returns bigint[]
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_node bigint;
  v_ended bigint[] := array[]::bigint[];
begin
  if i_nodes = '{}' then
    return i_nodes;
  elsif i_is_new then
    return jobs._publish_nodes(i_nodes);
  end if;
  begin
    return jobs._publish_nodes(i_nodes);
  exception when others then
    null;   -- one by one, so that only those fail that cannot be published
  end;
  foreach v_node in array i_nodes loop
    begin
      v_ended := v_ended || jobs._publish_nodes(array[v_node]);
    exception when others then
      if sqlstate like any ('{40%,531%,533%,534%,55%,57%,58%}') then
        raise;
      end if;
      v_ended := v_ended || jobs._fail_node(v_node, left(jobs._escaped(sqlerrm), 1000));
    end;
  end loop;
  return v_ended;
end $$;

-- Fails a node without a job, and returns it.
create or replace function jobs._fail_node(i_node bigint, i_reason text) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
  update jobs.node n set state = 'failed', reason = i_reason, ended_at = jobs.now() where n.id = i_node returning n.id
$$;

-- Publishes the jobs of these nodes: of large groups each by itself, in packed rows, and all others in one
-- statement. Returns the nodes that ended without a job.
create or replace function jobs._publish_nodes(i_nodes bigint[]) returns bigint[]
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_node jobs.node;
  v_jobs jobs.node_jobs;
  v_rest jobs.node_jobs := ('{}', '{}', '{}', '{}', '{}', null);
  v_ended bigint[] := array[]::bigint[];
begin
  for v_node in select n.* from unnest(i_nodes) with ordinality i(id, at) join jobs.node n on n.id = i.id order by i.at loop
    v_jobs := jobs._jobs_of(v_node);
    if v_jobs.flaw is not null then
      v_ended := v_ended || jobs._fail_node(v_node.id, v_jobs.flaw);
    elsif cardinality(v_jobs.bodies) = 0 then
      update jobs.node n set state = 'success', bodies = null, started_at = jobs.now(), ended_at = jobs.now() where n.id = v_node.id;
      v_ended := v_ended || v_node.id;
    elsif cardinality(v_jobs.bodies) >= 64 then
      perform jobs._publish_members(v_jobs);
    else
      v_rest := (v_rest.nodes || v_jobs.nodes, v_rest.tasks || v_jobs.tasks, v_rest.bodies || v_jobs.bodies, v_rest.nths || v_jobs.nths, v_rest.options || v_jobs.options, null);
    end if;
  end loop;
  if v_rest.nodes <> '{}' then
    perform jobs._publish_members(v_rest);
  end if;
  return v_ended;
end $$;

-- The jobs of a node: their bodies with the arguments that come from parents, or a flaw for which it fails.
create or replace function jobs._jobs_of(i_node jobs.node) returns jobs.node_jobs
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_bodies jsonb[] := (i_node).bodies;
  v_binds jsonb;
  v_each jsonb;
  v_limit integer := (select c.max_body_bytes from jobs.config c);
  v_flaw text;
  v_jobs integer;
begin
  if (i_node).each_of is not null then
    v_each := jobs._value_of((i_node).workflow, (i_node).each_of->>'node', 'value');
    if jsonb_typeof(v_each) is distinct from 'array' then
      return row(null, null, null, null, null, format('the result of %s is no array', jobs._shown((i_node).each_of->>'node')))::jobs.node_jobs;
    end if;
    v_bodies := jobs._bodies_for_each((i_node).task, v_bodies[1], (i_node).each_of, v_each);
  end if;
  if (i_node).binds is not null and v_bodies <> '{}' then
    select jsonb_object_agg(b.key, jobs._value_of((i_node).workflow, b.value->>'node', coalesce(b.value->>'as', 'value'))) into v_binds from jsonb_each((i_node).binds) b;
    v_bodies := array(select jobs._with_arguments(b.body, v_binds) from unnest(v_bodies) with ordinality b(body, at) order by b.at);
  end if;
  v_jobs := cardinality(v_bodies);
  if (i_node).each_of is not null or (i_node).binds is not null then
    select format('too large: the body of a job takes %s bytes as text, the limit is %s; bind the node as "handle"', max(jobs._text_size(b)), v_limit) into v_flaw
    from unnest(v_bodies) b where jobs._text_size(b) > v_limit having count(*) > 0;
  end if;
  return row(array_fill((i_node).id, array[v_jobs]), array_fill((i_node).task::text, array[v_jobs]), v_bodies, array(select generate_series(0, v_jobs - 1)),
             array_fill((i_node).options, array[v_jobs]), v_flaw)::jobs.node_jobs;
end $$;

-- A body for each element of an array, or for each so many of them.
create or replace function jobs._bodies_for_each(i_task text, i_body jsonb, i_each jsonb, i_elements jsonb) returns jsonb[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_param text := coalesce(i_each->>'param', (select g.params->0->>'name' from jobs._signature_of(i_task) g));
begin
  return array(
    select case when v_param is null then coalesce(i_body, '{}') || jsonb_build_object('args', jsonb_build_array(e.value) || coalesce(nullif(i_body->'args', 'null'), '[]')) else jobs._with_arguments(i_body, jsonb_build_object(v_param, e.value)) end
    from (select x.value, x.at from jsonb_array_elements(i_elements) with ordinality x(value, at) where not i_each ? 'chunk'
          union all
          select jsonb_agg(x.value order by x.at), min(x.at) from jsonb_array_elements(i_elements) with ordinality x(value, at)
          where i_each ? 'chunk' group by (x.at - 1) / (i_each->>'chunk')::integer) e
    order by e.at);
end $$;

-- A body with further arguments by name. Inlined.
create or replace function jobs._with_arguments(i_body jsonb, i_arguments jsonb) returns jsonb
language sql immutable parallel safe
return case when i_arguments is null then i_body
  else coalesce(i_body, '{}') || pg_catalog.jsonb_build_object('args', coalesce(i_body->'args', '[]'), 'kwargs', coalesce(nullif(i_body->'kwargs', 'null'), '{}') || i_arguments) end;

-- A failure as an argument. Inlined.
create or replace function jobs._failure(i_job varchar, i_is_cancelled boolean, i_error text) returns jsonb
language sql immutable parallel safe
return pg_catalog.jsonb_build_object('Err', pg_catalog.jsonb_build_object(
  'job_id', i_job, 'state', case when i_is_cancelled then 'cancelled' else 'failed' end, 'error', i_error));

-- The failure of a node of one job, or of one that has no job.
create or replace function jobs._failure_of(i_node jobs.node) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
  select coalesce((select jobs._failure(f.job_id, f.is_cancelled, f.error) from jobs.node_failure f where f.node = (i_node).id and f.nth = 0),
                  jsonb_build_object('Err', jsonb_build_object('job_id', (i_node).job_id, 'state', (i_node).state, 'error', (i_node).reason)))
$$;

-- The result of a node: a value, or for a group the array of those of its jobs, in order; null where a job
-- failed. As results, each says whether it is one or an error; of a group that failed without jobs the only
-- one is that error.
create or replace function jobs._node_value(i_node jobs.node, i_form text) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_all jsonb;
begin
  if not (i_node).is_group then
    return case when i_form = 'value' then coalesce((i_node).result, 'null') when (i_node).state = 'success' then jsonb_build_object('Ok', (i_node).result)
                else jobs._failure_of(i_node) end;
  end if;
  if i_form = 'results' and (i_node).jobs = 0 and (i_node).state <> 'success' then
    return jsonb_build_array(jobs._failure_of(i_node));
  end if;
  select jsonb_agg(case when i_form = 'value' then coalesce(r.result, 'null') else coalesce(f.failure, jsonb_build_object('Ok', r.result)) end order by g.nth) into v_all
  from generate_series(0, (i_node).jobs - 1) g(nth)
  left join (select u.nth, u.result from jobs.node_result s, unnest(s.nths, s.results) u(nth, result) where s.node = (i_node).id) r on r.nth = g.nth
  left join (select x.nth, jobs._failure(x.job_id, x.is_cancelled, x.error) as failure from jobs.node_failure x where x.node = (i_node).id) f on f.nth = g.nth;
  return coalesce(v_all, '[]');
end $$;

-- What a node of a workflow hands on, in one of the forms of `bind`; null for a node that is not there.
create or replace function jobs._value_of(i_workflow bigint, i_node text, i_form text) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
  select case when i_form = 'handle' then jsonb_build_object('workflow', i_workflow, 'node', i_node) else jobs._node_value(n, i_form) end
  from jobs.node n where n.workflow = i_workflow and n.name = i_node
$$;

-- Publishes these jobs of nodes, and marks the nodes as running.
create or replace function jobs._publish_members(i_jobs jobs.node_jobs) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_number integer := cardinality((i_jobs).bodies);
  v_ids bigint[];
  v_job_ids varchar[];
  v_priorities integer[];
  v_due timestamptz[];
  v_timeouts numeric[];
  v_max_retries integer[];
  v_metas jsonb[];
begin
  perform pg_current_xact_id();   -- the xid before the numbers
  v_ids := jobs._draw_numbers(v_number);
  v_job_ids := jobs._new_job_ids(v_ids, v_now);
  if exists (select from unnest((i_jobs).options) o where o is not null) then
    select array_agg((o.o->>'priority')::integer order by o.at), array_agg((o.o->>'timeout')::numeric order by o.at), array_agg((o.o->>'max_retries')::integer order by o.at),
      array_agg(nullif(o.o->'meta', 'null') order by o.at), array_agg(coalesce((o.o->>'scheduled_at')::timestamptz, v_now + make_interval(secs => (o.o->>'delay')::double precision)) order by o.at)
    into v_priorities, v_timeouts, v_max_retries, v_metas, v_due from unnest((i_jobs).options) with ordinality o(o, at);
  end if;
  perform jobs._store(v_ids, v_job_ids, (i_jobs).tasks, (i_jobs).bodies, array(select jobs._text_size(b.body) from unnest((i_jobs).bodies) with ordinality b(body, at) order by b.at),
                      v_due, v_timeouts, v_priorities, v_max_retries, v_metas, v_now, jobs._packs(), (i_jobs).nodes, (i_jobs).nths);
  if (i_jobs).nodes[1] = (i_jobs).nodes[v_number] then   -- all of one node
    update jobs.node n
    set state = 'running', jobs = v_number, open = v_number, failed = 0, job_id = case when not n.is_group then v_job_ids[1] end,
        job_ids = case when n.is_group then v_job_ids end, bodies = null, reason = null, started_at = v_now, ended_at = null
    where n.id = (i_jobs).nodes[1];
  else
    update jobs.node n
    set state = 'running', jobs = s.jobs, open = s.jobs, failed = 0, job_id = case when not n.is_group then s.job_ids[1] end,
        job_ids = case when n.is_group then s.job_ids end, bodies = null, reason = null, started_at = v_now, ended_at = null
    from (select g.node, count(*) as jobs, array_agg(g.job_id order by g.at) as job_ids
          from unnest((i_jobs).nodes, v_job_ids) with ordinality g(node, job_id, at) group by g.node) s where n.id = s.node;
  end if;
  if jobs._are_watched() then
    perform jobs._note_published(row(v_ids, v_job_ids, null, null)::jobs.published, (i_jobs).tasks, v_metas);
  end if;
  perform jobs._wake_workers();
end $$;
