-- The ends of jobs that belong to nodes of workflows: what they leave behind for their workflow. Nobody here
-- waits for a workflow or changes one: rows are only added, and what follows from them is decided when the
-- transaction commits (37_advance.sql).

-- Of runs that end, before they leave their batches: notes the successes in batches of which all jobs are of
-- one group, without opening these batches, and returns the runs that are left.
create or replace function jobs._note_group_successes(
  i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_results jsonb[]
) returns jobs.accepted_runs
language plpgsql as $$
declare
  v_left jobs.accepted_runs := i_runs;
  v_nodes bigint[];
  v_from integer[];
  v_done bigint[];
begin
  select array_agg(b.node), array_agg(b.node_from) into v_nodes, v_from
  from rows from (unnest(i_runs.leases), unnest(i_runs.parts)) g(lease, part),
    lateral (select q.node, q.node_from from jobs.batch q where q.lease = g.lease and q.part = g.part limit 1) b;
  if array_remove(v_nodes, null) = '{}' then
    return i_runs;
  end if;
  v_done := jobs._success_bits(i_runs, v_nodes, i_leases, i_batch_indexes, i_outcomes);
  insert into jobs.node_result (node, nths, results)
  select g.node, array_agg(g.node_from + (s.batch_index & 63)), array_agg(s.result)
  from rows from (unnest(i_runs.leases), unnest(i_runs.parts), unnest(v_nodes), unnest(v_from), unnest(v_done)) g(lease, part, node, node_from, done)
    join (select unnest(i_leases) as lease, unnest(i_batch_indexes) as batch_index, unnest(i_results) as result) s on s.lease = g.lease and jobs._part(s.batch_index) = g.part
  where g.done & jobs._bit(s.batch_index) <> 0 and (select n.keeps_results from jobs.node n where n.id = g.node) group by g.node;
  insert into jobs.node_delta (workflow, node, ended, failed, is_first)
  select n.workflow, g.node, g.ended, 0, row_number() over (partition by n.workflow) = 1
  from (select u.node, sum(jobs._count(u.done)) as ended from rows from (unnest(v_nodes), unnest(v_done)) u(node, done) where u.done <> 0 group by u.node) g,
    lateral (select q.workflow from jobs.node q where q.id = g.node limit 1) n;
  select array_agg(g.lease), array_agg(g.part), array_agg(g.bits & ~g.done) into v_left.leases, v_left.parts, v_left.bits
  from rows from (unnest(i_runs.leases), unnest(i_runs.parts), unnest(i_runs.bits), unnest(v_done)) g(lease, part, bits, done) where g.bits <> g.done;
  return v_left;
end $$;

-- Of each batch of a group the bits of its runs that are successes; 0 for other batches.
create or replace function jobs._success_bits(i_runs jobs.accepted_runs, i_nodes bigint[], i_leases uuid[], i_batch_indexes integer[], i_outcomes text[]) returns bigint[]
language plpgsql as $$
begin
  if i_outcomes is null or 'success' = all (i_outcomes) then
    return array(select case when g.node is null then 0 else g.bits end from rows from (unnest(i_runs.bits), unnest(i_nodes)) g(bits, node));
  end if;
  return array(
    select case when g.node is null then 0 else g.bits & ~coalesce(o.bits, 0) end
    from rows from (unnest(i_runs.leases), unnest(i_runs.parts), unnest(i_runs.bits), unnest(i_nodes)) with ordinality g(lease, part, bits, node, at)
    left join (select s.lease, jobs._part(s.batch_index) as part, bit_or(jobs._bit(s.batch_index)) as bits
               from (select unnest(i_leases) as lease, unnest(i_batch_indexes) as batch_index, unnest(i_outcomes) as outcome) s
               where s.outcome <> 'success' group by 1, 2) o on o.lease = g.lease and o.part = g.part
    order by g.at);
end $$;

-- The same for jobs that are cancelled or deleted while they wait in the queue; i_note says by whom and why.
create or replace function jobs._note_nodes_gone(i_jobs text[], i_on_ends jobs.on_end[], i_note text) returns void
language plpgsql as $$
declare
  v_ends jobs.node_end[];
begin
  select array_agg(row(e.node, e.nth, e.job_id, true, true, null, i_note)::jobs.node_end) into v_ends
  from unnest(i_on_ends, i_jobs) e(unique_name, unique_key, until_started, kept, node, nth, steps, job_id) where e.node is not null;
  if v_ends is not null then
    perform jobs._leave_ends(v_ends);
  end if;
end $$;

-- Writes the results that somebody wants, the failures, and a delta for each node.
create or replace function jobs._leave_ends(i_ends jobs.node_end[]) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_mergejoin = off set jit = off as $$
declare
  v_nodes jobs.node_sum[];
begin
  select array_agg(row(g.node, n.workflow, g.ended, g.failed, n.is_group, n.keeps_results)::jobs.node_sum order by g.node) into v_nodes
  from (select e.node, count(*) as ended, count(*) filter (where e.is_failed) as failed from unnest(i_ends) e group by e.node) g,
    lateral (select q.workflow, q.is_group, q.keeps_results from jobs.node q where q.id = g.node limit 1) n;
  insert into jobs.node_result (node, nths, results)
  select e.node, array_agg(e.nth), array_agg(e.result)
  from unnest(i_ends) e join unnest(v_nodes) n on n.node = e.node and n.is_group and n.keeps_results
  where not e.is_failed group by e.node order by e.node;
  if exists (select from unnest(v_nodes) n where n.failed > 0) then
    insert into jobs.node_failure as f (node, nth, job_id, is_cancelled, error)
    select e.node, e.nth, e.job_id, e.is_cancelled, left(jobs._short_error(e.error), 2000) from unnest(i_ends) e join unnest(v_nodes) n on n.node = e.node where e.is_failed order by e.node, e.nth
    on conflict (node, nth) do nothing;
  end if;
  -- One delta of each workflow is enough to look at all of them.
  insert into jobs.node_delta (workflow, node, ended, failed, result, is_first)
  select n.workflow, n.node, n.ended, n.failed, s.result, row_number() over (partition by n.workflow order by n.node) = 1
  from unnest(v_nodes) n
  left join (select e.node, (array_agg(e.result))[1] as result from unnest(i_ends) e where not e.is_failed group by e.node) s on s.node = n.node and not n.is_group
  order by n.workflow, n.node;
end $$;
