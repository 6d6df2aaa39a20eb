-- Compensation: once a workflow with this policy has failed and nothing of it runs any more, the undos of its
-- nodes run, one after the other, that of the node that ended last first.

-- Adds a node for each undo and starts the first; false when there is none, or when they have been added
-- before. A node's undo runs when the node succeeded; that of a group also when some of its jobs did. It runs
-- beside a holder of its unique key: what was done has to be undone.
create or replace function jobs._start_undos(i_workflow bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_undos bigint[];
begin
  if jobs._is_undone(i_workflow) then
    return false;
  end if;
  with made as (
    insert into jobs.node (workflow, name, task, bodies, options, binds, undoes, is_group, keeps_results, waits)
    select i_workflow, jobs._undo_name(n), n.undo->>'task', array[n.undo->'body'], jobs._declared_node_options(n.undo->>'task', jobs._read_node_options(n.undo)), n.undo->'bind', n.id, false, false, (row_number() over (order by n.ended_at desc, n.id desc) > 1)::integer
    from jobs.node n where n.workflow = i_workflow and n.undo is not null and (n.state = 'success' or n.is_group and n.jobs > n.failed)
    order by n.ended_at desc, n.id desc
    returning id
  ) select array_agg(m.id order by m.id) into v_undos from made m;
  if v_undos is null then
    return false;
  end if;
  insert into jobs.edge (parent, child, "when") select v_undos[g], v_undos[g + 1], 'ended' from generate_series(1, cardinality(v_undos) - 1) g;
  update jobs.workflow w set nodes = w.nodes + cardinality(v_undos), open = w.open + cardinality(v_undos) where w.id = i_workflow;
  perform jobs._go_on(i_workflow, '{}', v_undos[:1]);
  return true;
end $$;

-- Whether the undos of a workflow have begun. Then only these run again: what they have undone does not go
-- on.
create or replace function jobs._is_undone(i_workflow bigint) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
  select exists (select from jobs.node n where n.workflow = i_workflow and n.undoes is not null)
$$;

-- The name of the node that compensates this one: with its number where it is too long, or there is one of
-- this name.
create or replace function jobs._undo_name(i_node jobs.node) returns varchar
language sql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
  select case when length((i_node).name) > 195 or exists (select from jobs.node o where o.workflow = (i_node).workflow and o.name = n.name) then left(n.name, 170) || ' ' || (i_node).id else n.name end
  from (select left('undo ' || (i_node).name, 200) as name) n
$$;
