-- What follows from the start and from the end of jobs that have an on_end, or are watched. Called only for
-- batches that have such a job (jobs.batch.on_end), or once a topic was watched, by whoever has locked them;
-- the functions take no lock that could be waited for.

-- Does what follows from the end of these runs, before they leave their batches: writes their events, gives up
-- what jobs hold that end, and tells workflows. Every way out of a run leads here: ack and nack, settle, sweeps,
-- cancel. The batches are opened once, and not for the successes of groups (jobs._note_group_successes).
create or replace function jobs._after_end(
  i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_results jsonb[], i_errors text[]
) returns void
language plpgsql as $$
declare
  v_runs jobs.accepted_runs := i_runs;
  v_jobs text[];
  v_ends jobs.on_end[];
  v_nodes jobs.node_end[];
  v_succeeded boolean[];
begin
  if i_runs.watched then
    perform jobs._note_ends(i_runs, i_leases, i_batch_indexes, i_outcomes, i_errors);
  end if;
  if i_runs.on_end is not true then
    return;
  end if;
  if pg_sequence_last_value('jobs.limits_made') is not null then
    perform jobs._give_back_slots(i_runs, i_leases, i_batch_indexes, i_outcomes);
  end if;
  if pg_sequence_last_value('jobs.workflows_made') is not null then
    v_runs := jobs._note_group_successes(i_runs, i_leases, i_batch_indexes, i_outcomes, i_results);
    if v_runs.leases is null then
      return;   -- all of them
    end if;
  end if;
  select array_agg(o.job_id) filter (where k.is_kept), array_agg(o.on_end) filter (where k.is_kept),
    array_agg(coalesce(s.outcome = 'success', true)) filter (where k.is_kept),
    array_agg(row((o.on_end).node, (o.on_end).nth, o.job_id, coalesce(s.outcome, 'success') <> 'success', s.outcome = 'cancel', s.result,
                  case when s.outcome <> 'success' then coalesce(s.error, o.traceback) end)::jobs.node_end) filter (where (o.on_end).node is not null)
  into v_jobs, v_ends, v_succeeded, v_nodes
  from jobs._opened(v_runs.leases, v_runs.parts, v_runs.bits) o
    join (select unnest(i_leases) as lease, unnest(i_batch_indexes) as batch_index, unnest(i_outcomes) as outcome, unnest(i_results) as result,
            unnest(i_errors) as error) s
      on s.lease = o.lease and s.batch_index = o.batch_index,
    lateral (select (o.on_end).unique_name is not null or (o.on_end).steps is true as is_kept) k   -- it holds a key, or has steps
  where o.on_end is distinct from null and coalesce(jobs._ends(s.outcome, o.retries, o.max_retries), true);
  if v_jobs is not null then
    perform jobs._release_keys(v_jobs, v_ends);
    if pg_sequence_last_value('jobs.steps_made') is not null then
      perform jobs._end_steps(v_jobs, v_ends, v_succeeded);
    end if;
  end if;
  if v_nodes is not null then
    perform jobs._leave_ends(v_nodes);
  end if;
end $$;

-- The same for what ends when a job starts: the jobs that a claim has moved into batches under this lease.
create or replace function jobs._after_start(i_lease uuid) returns void
language plpgsql as $$
declare
  v_jobs text[];
  v_ends jobs.on_end[];
begin
  select array_agg(j.job_id), array_agg(j.on_end) into v_jobs, v_ends
  from jobs.batch b, unnest(b.jobs) j
  where b.lease = i_lease and b.on_end and b.node is null and (j.on_end).until_started;
  if v_jobs is not null then
    perform jobs._release_keys(v_jobs, v_ends);
  end if;
end $$;

-- Gives up the unique keys of these jobs, each with what it has on its end, as far as they hold them. Waits
-- for nobody: who has such a row locked deletes it (jobs.release_unique_key), or finds its job gone when it
-- publishes (jobs._take_keys).
create or replace function jobs._release_keys(i_jobs text[], i_on_ends jobs.on_end[]) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  delete from jobs.unique_key u where u.ctid = any (array(
    select k.at from unnest(i_on_ends, i_jobs) g(unique_name, unique_key, until_started, kept, node, nth, steps, job_id),
      lateral (select h.ctid as at from jobs.unique_key h
               where h.name = g.unique_name and h.key = g.unique_key and h.job_id = g.job_id for update skip locked) k));
end $$;

-- Takes the unique keys of ended jobs that are about to run again. Returns those whose keys other jobs hold,
-- each with its holder: of several of them with one key the first takes it. Waits as a publisher does.
create or replace function jobs._take_keys_again(i_jobs text[], i_except text[]) returns table (job_id text, holder text)
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_jobs text[];
  v_names text[];
  v_keys text[];
  v_holders text[];
begin
  select array_agg(h.job_id), array_agg(h.name), array_agg(h.key) into v_jobs, v_names, v_keys
  from (select distinct on (1, 2) (e.on_end).unique_name as name, (e.on_end).unique_key as key, e.job_id from jobs._history_of(i_jobs) e
        where e.status <> 'success' and (e.on_end).unique_name is not null and e.job_id = any (i_except) is not true order by 1, 2, 3) h;
  if v_jobs is null then
    return;
  end if;
  v_holders := array(
    select t.holder from jobs._take_keys(v_names, v_keys, v_jobs, array_fill(null::timestamptz, array[cardinality(v_jobs)]), jobs.now()) t order by t.nth);
  return query
  select e.job_id::text, k.holder
  from jobs._history_of(i_jobs) e join unnest(v_names, v_keys, v_holders) k(name, key, holder) on k.name = (e.on_end).unique_name and k.key = (e.on_end).unique_key
  where e.status <> 'success' and k.holder <> e.job_id;
end $$;

-- Reports the jobs that stay ended because other jobs hold their unique keys.
create or replace function jobs._warn_of_holders(i_jobs text[], i_holders text[], i_is_any_back boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_hint constant text := 'wait until the other job has ended, or cancel it';
  v_words text := case when i_jobs is not null then 'not requeued, because another job holds the unique key: '
    || (select string_agg(format('%s (held by %s)', g.job, g.holder), ', ' order by g.at) from unnest(i_jobs[:5], i_holders[:5]) with ordinality g(job, holder, at))
    || case when cardinality(i_jobs) > 5 then format(' and %s more', cardinality(i_jobs) - 5) else '' end end;
begin
  perform jobs._report_left(v_words, v_hint, 'PT409', i_is_any_back);
end $$;
