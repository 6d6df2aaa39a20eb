-- Settling: a run ends, and its job ends or waits for the next run.
--
-- Every outcome names the lease and batch_index of a run, and is accepted while the bit of that run is set: a
-- late outcome of a run whose lease is gone matches nothing. A success may be sent twice under its lease (the
-- reply may have been lost); the second time it is found in history. Settling many runs never waits: a batch
-- that another transaction has locked is skipped and reported.

-- The core: settles runs given as parallel arrays and returns the positions, in these arrays, of those that
-- were rejected. It accepts what it can lock, moves these jobs into history or back to pending, and clears
-- their bits. The inner functions inherit the pinned plans.
create or replace function jobs._settle(
  i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_results jsonb[], i_errors text[], i_delays double precision[],
  i_now timestamptz, i_said text[] default null
) returns integer[]
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set enable_nestloop = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_runs jobs.accepted_runs := jobs._accept(i_leases, i_batch_indexes);
begin
  if v_runs.number > 0 then
    if v_runs.on_end or v_runs.watched then
      perform jobs._after_end(v_runs, i_leases, i_batch_indexes, i_outcomes, i_results, i_errors);
    end if;
    perform case when v_runs.watched then jobs._settle_watched_successes(v_runs, i_leases, i_batch_indexes, i_outcomes, i_results, i_now, i_said)
                 else jobs._settle_successes(v_runs, i_leases, i_batch_indexes, i_outcomes, i_results, i_now, i_said) end;
    if i_outcomes is not null then
      perform jobs._settle_others(v_runs, i_leases, i_batch_indexes, i_outcomes, i_errors, i_delays, i_now);
      if v_runs.on_end then
        perform jobs._keep_slots(v_runs, i_leases, i_batch_indexes, i_outcomes);
        perform jobs._await_signals(v_runs, i_leases, i_batch_indexes, i_outcomes);
      end if;
    end if;
    perform jobs._clear_bits(v_runs);
    perform jobs._wake_waiters();
  end if;
  if v_runs.number = cardinality(i_batch_indexes) then
    return array[]::integer[];
  end if;
  return array(
    select v.at::integer
    from unnest(i_leases, i_batch_indexes) with ordinality v(lease, batch_index, at)
    left join unnest(v_runs.leases, v_runs.parts, v_runs.bits) g(lease, part, bits) on g.lease = v.lease and g.part = jobs._part(v.batch_index)
    where g.bits & jobs._bit(v.batch_index) <> 0 is not true);
end $$;

-- Locks the batches of these runs and returns the bits that are both named and set. From the list to the
-- table whatever the statistics: the planner never reverses a lateral subquery that locks. Skips batches that
-- others have locked. PT400 when a run is named twice.
create or replace function jobs._accept(i_leases uuid[], i_batch_indexes integer[]) returns jobs.accepted_runs
language plpgsql as $$
declare
  v_runs jobs.accepted_runs;
  v_is_twice boolean;
begin
  select array_agg(b.lease), array_agg(b.part), array_agg(b.open & g.bits), sum(jobs._count(b.open & g.bits)), bool_or(b.on_end),
    jobs._are_watched(), bool_or(g.outcomes <> jobs._count(g.bits))
  into v_runs.leases, v_runs.parts, v_runs.bits, v_runs.number, v_runs.on_end, v_runs.watched, v_is_twice
  from (select v.lease, jobs._part(v.batch_index) as part, bit_or(jobs._bit(v.batch_index)) as bits, count(*) as outcomes
        from (select unnest(i_leases) as lease, unnest(i_batch_indexes) as batch_index) v group by 1, 2 order by 1, 2) g,
    lateral (select q.lease, q.part, q.open, q.on_end from jobs.batch q where q.lease = g.lease and q.part = g.part for update skip locked) b;
  if v_is_twice then
    raise sqlstate 'PT400' using message = 'two outcomes for one run', hint = 'report each run (lease and batch_index) once';
  end if;
  return v_runs;
end $$;

-- The accepted runs: one row for each. Inlined where it is used; `offset 0` makes the planner unnest each
-- batch once, whatever it estimates for the join.
create or replace function jobs._opened(i_leases uuid[], i_parts integer[], i_bits bigint[]) returns table (
  lease uuid, batch_index integer, run_at timestamptz, worker uuid, id bigint, job_id varchar, task varchar, body jsonb, retries integer,
  max_retries integer, priority integer, timeout numeric, created_at timestamptz, scheduled_at timestamptz, ready_seq bigint,
  attempt integer, traceback text, meta jsonb, on_end jobs.on_end
)
language sql stable begin atomic
  select b.lease, g.part * 64 + (j.ordinality - 1)::integer, b.run_at, b.worker,
    j.id, j.job_id, j.task, j.body, j.retries, j.max_retries, j.priority, j.timeout, j.created_at, j.scheduled_at,
    j.ready_seq, least(j.attempt, 2147483646) + 1, j.traceback, j.meta, j.on_end
  from rows from (pg_catalog.unnest(i_leases), pg_catalog.unnest(i_parts), pg_catalog.unnest(i_bits)) g(lease, part, bits),
    lateral (select q.lease, q.run_at, q.worker, q.jobs from jobs.batch q where q.lease = g.lease and q.part = g.part limit 1) b,
    pg_catalog.unnest(b.jobs) with ordinality j
  where g.bits & jobs._bit(j.ordinality - 1) <> 0
  offset 0;
end;

-- Whether a job ends with this outcome of a run. Inlined wherever it is used.
create or replace function jobs._ends(i_outcome text, i_retries integer, i_max_retries integer) returns boolean
language sql immutable parallel safe
return i_outcome in ('success', 'fail', 'cancel') or i_outcome in ('retry', 'verify', 'lost') and i_retries >= i_max_retries - 1;

-- Writes the successes among the accepted runs to history, with what these runs have said.
create or replace function jobs._settle_successes(
  i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_results jsonb[], i_now timestamptz, i_said text[]
) returns void
language plpgsql as $$
declare
  v_unkept text[] := jobs._unkept('all');
begin
  insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at,
                        run_at, scheduled_at, complete_on, result, traceback, attempt, lease, worker, meta, said)
  select o.id, o.job_id, o.task, o.body, o.retries, o.max_retries, o.priority, o.timeout, 'success', o.created_at,
    o.run_at, o.scheduled_at, i_now, s.result, o.traceback, o.attempt, o.lease, o.worker, o.meta, s.said
  from jobs._opened(i_runs.leases, i_runs.parts, i_runs.bits) o
    join (select unnest(i_leases) as lease, unnest(i_batch_indexes) as batch_index, unnest(i_outcomes) as outcome, unnest(i_results) as result,
            unnest(i_said) as said) s
      on s.lease = o.lease and s.batch_index = o.batch_index
  where coalesce(s.outcome = 'success', true) and o.task <> all (v_unkept);
end $$;

-- The same once a topic was watched, with the events of these successes: from the rows that it wrote, so that
-- no batch is opened twice. (Of jobs that are not kept jobs._note_ends writes them.)
create or replace function jobs._settle_watched_successes(
  i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_results jsonb[], i_now timestamptz, i_said text[]
) returns void
language plpgsql as $$
declare
  v_unkept text[] := jobs._unkept('all');
  v_likes text[] := jobs._watch_likes('{completed}');
  v_events jobs.event_group[];
begin
  with ended as (
    insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at,
                          run_at, scheduled_at, complete_on, result, traceback, attempt, lease, worker, meta, said)
    select o.id, o.job_id, o.task, o.body, o.retries, o.max_retries, o.priority, o.timeout, 'success', o.created_at,
      o.run_at, o.scheduled_at, i_now, s.result, o.traceback, o.attempt, o.lease, o.worker, o.meta, s.said
    from jobs._opened(i_runs.leases, i_runs.parts, i_runs.bits) o
      join (select unnest(i_leases) as lease, unnest(i_batch_indexes) as batch_index, unnest(i_outcomes) as outcome, unnest(i_results) as result,
              unnest(i_said) as said) s
        on s.lease = o.lease and s.batch_index = o.batch_index
    where coalesce(s.outcome = 'success', true) and o.task <> all (v_unkept)
    returning job_id, task, attempt, meta
  )
  select array_agg(g.events) into v_events from (
    select row('completed', e.task, count(*), string_agg(e.job_id, chr(10)), array_agg(e.attempt) filter (where e.attempt > 1 or e.meta is not null),
               array_agg(jobs._event_details(e.meta, null)) filter (where e.attempt > 1 or e.meta is not null))::jobs.event_group as events
    from ended e where e.task like any (v_likes) group by e.task, e.attempt > 1 or e.meta is not null) g;
  if v_events is not null then
    perform jobs._write_events(v_events);
  end if;
end $$;

-- The rest of a settle, once the successes are in history: ends jobs otherwise, and requeues those that run
-- again. Besides the outcomes of jobs.settle there are `cancel` and two for runs whose worker died: `lost`
-- counts as an attempt, `unbegun` does not, and in both cases the job goes before others as a released one
-- does. The caller has locked the batches.
create or replace function jobs._settle_others(
  i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_errors text[], i_delays double precision[], i_now timestamptz
) returns void
language plpgsql as $$
declare
  v_unkept text[] := jobs._unkept('none');
begin
  with runs as materialized (
    select o.*, s.outcome,
      jobs._short_error(s.error) as error,
      s.outcome in ('retry', 'verify', 'lost') as counts,
      jobs._ends(s.outcome, o.retries, o.max_retries) as ends,
      -- When it runs again; null: at once and before others of its priority.
      case when s.outcome not in ('release', 'lost', 'unbegun') then i_now + coalesce(make_interval(secs => s.delay), jobs._backoff(o.retries)) end as run_after
    from jobs._opened(i_runs.leases, i_runs.parts, i_runs.bits) o
      join (select unnest(i_leases) as lease, unnest(i_batch_indexes) as batch_index, unnest(i_outcomes) as outcome, unnest(i_errors) as error,
              unnest(i_delays) as delay) s
        on s.lease = o.lease and s.batch_index = o.batch_index
    where s.outcome <> 'success'
  ), ended as (
    insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at,
                          run_at, scheduled_at, complete_on, traceback, attempt, lease, worker, meta, on_end)
    select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, r.priority, r.timeout,
      case r.outcome when 'cancel' then 'cancelled' else 'failed' end::jobs.job_status,
      r.created_at, r.run_at, r.scheduled_at, i_now,
      -- A cancel's note stands before the last error.
      case r.outcome when 'cancel' then jobs._with_note(r.error, r.traceback) else coalesce(r.error, r.traceback) end, r.attempt,
      case when r.outcome <> 'cancel' then r.lease end, r.worker, r.meta, jobs._without_kept(r.on_end)
    from runs r where r.ends and r.task <> all (v_unkept)
  )
  insert into jobs.pending (id, job_id, task, body, retries, max_retries, priority, timeout, created_at,
                            scheduled_at, ready_seq, attempt, traceback, meta, on_end, bytes, returned)
  select r.id, r.job_id, r.task, r.body, r.retries + r.counts::integer, r.max_retries, r.priority, r.timeout,
    r.created_at, coalesce(r.run_after, r.scheduled_at),
    -- A job that runs again at once goes before every watermark, in its old order: below zero (2^62 less).
    case when r.run_after is null then case when r.ready_seq > 0 then r.ready_seq - 4611686018427387904 else r.ready_seq end
         when r.run_after <= i_now then nextval('jobs.job_number') end,
    r.attempt, r.said, r.meta, jobs._without_kept(r.on_end), jobs._text_size(r.body) + jobs._text_size(r.meta) + coalesce(octet_length(r.said), 0), jobs._any_key() * case when r.outcome = 'unbegun' then -1 else 1 end::smallint
  from (select r.*, case when r.counts then coalesce(r.error, r.traceback) else r.traceback end as said from runs r where not r.ends) r;
  if found then
    perform jobs._wake_workers();
  end if;
end $$;

-- Clears the bits of the accepted runs; a batch whose last bit is cleared is deleted.
create or replace function jobs._clear_bits(i_runs jobs.accepted_runs) returns void
language plpgsql as $$
begin
  with closing as materialized (
    select b.at, b.open & ~g.bits as open
    from unnest(i_runs.leases, i_runs.parts, i_runs.bits) g(lease, part, bits),
      lateral (select q.ctid as at, q.open from jobs.batch q where q.lease = g.lease and q.part = g.part limit 1) b
  ), smaller as (
    update jobs.batch b set open = (select c.open from closing c where c.at = b.ctid)
    where b.ctid = any (array(select c.at from closing c where c.open <> 0))
  )
  delete from jobs.batch b where b.ctid = any (array(select c.at from closing c where c.open = 0));
end $$;

-- Settles several runs with the same outcome.
create or replace function jobs._settle_alike(
  i_leases uuid[], i_batch_indexes integer[], i_outcome text, i_error text, i_delay double precision
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_size integer[] := array[cardinality(i_batch_indexes)];
begin
  perform jobs._settle(i_leases, i_batch_indexes, array_fill(i_outcome, v_size), null, array_fill(i_error, v_size), array_fill(i_delay, v_size), jobs.now());
end $$;

-- Settles many runs at once, given as parallel arrays. The outcome of each is one of
--
--   success  the job ends with its result
--   fail     the job ends as failed
--   retry    the job runs again after its delay in seconds (null: the default backoff), or ends as failed
--            if this was its last run
--   verify   the task settled the job itself; if it did not (its transaction was rolled back), as retry
--   snooze   the job runs again after its delay (null: the default backoff); does not count as an attempt
--   release  the job runs again at once, before others of its priority; does not count as an attempt
--
-- i_batch_indexes are those that the claim returned; without them they are looked up by i_job_ids, which also
-- distinguish an outcome that was sent before from one that comes too late. Without i_outcomes all are
-- successes; errors and delays may be left out when no outcome has one; a result that all have in common is
-- given once. i_said: what a run that succeeds has said, if nothing was sent of it before, as a text: an
-- object of "done", "total", "note" and "logs" as jobs.note_progress takes it, of at most 8,000 bytes (what is
-- longer is not kept). It is stored with the job (jobs.progress_of and jobs.job_log show it).
--
-- Returns the rejected outcomes, by their position in the arrays: `lost` when the lease was no longer live,
-- `busy` when another transaction has locked the job's batch, `finished` when it was another outcome than the
-- success with which the task had ended the job itself. Send a busy one again: if this call waited for it,
-- one open transaction would delay the outcomes of many jobs. Returns as `undone` a verify that became a
-- retry.
create or replace function jobs.settle(
  i_job_ids text[], i_leases uuid[], i_outcomes text[] default null, i_results jsonb[] default null, i_errors text[] default null,
  i_delays double precision[] default null, i_batch_indexes integer[] default null, i_said text[] default null
) returns table (at integer, job_id text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_refused integer[];
  v_ended jobs.job[];
begin
  if (cardinality(i_job_ids) = cardinality(i_leases)
      and cardinality(i_leases) = all (array[cardinality(i_outcomes), cardinality(i_errors), cardinality(i_delays), cardinality(i_batch_indexes), cardinality(i_said)])) is false
    or 1 <> any (array[array_lower(i_job_ids, 1), array_lower(i_outcomes, 1)]) then
    raise sqlstate 'PT400' using message = 'leases, outcomes, errors, delays, batch_indexes and said are as many as job ids and begin at 1, or are not given';
  elsif not i_outcomes <@ array['success', 'fail', 'retry', 'verify', 'snooze', 'release'] then
    raise sqlstate 'PT400' using message = 'an outcome is one of success, fail, retry, verify, snooze, release';
  elsif exists (select from unnest(i_delays) d where (d between -315576000 and 315576000) is false) then
    raise sqlstate 'PT400' using message = 'a delay lies within 315576000 seconds (10 years)';
  end if;
  if i_said is not null then
    perform nextval('jobs.progress_made') where pg_sequence_last_value('jobs.progress_made') is null;
    i_said := array(select case when octet_length(s) <= 8000 then s end from unnest(i_said) s);
  end if;
  perform jobs._check_results(i_results, '54000');   -- 54000, a server limit: a worker then fails that job
  if i_batch_indexes is null then
    i_batch_indexes := array(select (select f.batch_index from jobs._find_run(g.job_id) f where f.lease = g.lease)
                      from unnest(i_job_ids, i_leases) with ordinality g(job_id, lease, at) order by g.at);
  end if;
  v_refused := jobs._settle(i_leases, i_batch_indexes, i_outcomes, jobs._for_each(i_results, cardinality(i_leases)), i_errors, i_delays, jobs.now(), i_said);
  if cardinality(v_refused) > 0 then
    v_ended := array(select h from jobs._history_of(array(select i_job_ids[r] from unnest(v_refused) r), false) h);
    -- A rejected outcome was sent before, which history shows; or its lease is gone; or its batch is locked.
    -- A sweep that ended the last run wrote its lease to history as well: a success that comes after it was
    -- not accepted.
    return query
    select g.at::integer, g.job_id, case when exists (
        select 1 from jobs.batch b
        where b.lease = g.lease and b.part = jobs._part(g.batch_index) and b.open & jobs._bit(g.batch_index) <> 0) then 'busy'
      when h.status = 'success' then 'finished' else 'lost' end
    from unnest(i_job_ids, i_leases, i_batch_indexes) with ordinality g(job_id, lease, batch_index, at)
      left join lateral (select h.status from unnest(v_ended) h where h.job_id = g.job_id and h.lease = g.lease limit 1) h on true
    where g.at = any (v_refused)
      and case when h.status = 'success' then coalesce(i_outcomes[g.at], 'success') not in ('success', 'verify')
               else h.status is null or coalesce(i_outcomes[g.at], 'success') = 'success' end;
  end if;
  if 'verify' = any (i_outcomes) then
    return query select g.at::integer, g.job_id, 'undone' from unnest(i_job_ids, i_outcomes) with ordinality g(job_id, outcome, at)
      where g.outcome = 'verify' and g.at <> all (v_refused);
  end if;
end $$;

-- Refuses results if one of them takes more than the limit as text. A stored byte becomes at most 10,923
-- bytes of text (a number of 12 bytes has 131,072 digits), so that most results are not measured.
create or replace function jobs._check_results(i_results jsonb[], i_code text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_limit integer := (select c.max_result_bytes from jobs.config c);
  v_size bigint;
begin
  select max(jobs._text_size(r)) into v_size
  from unnest(i_results) r where pg_column_size(r) > v_limit / 10923 or pg_column_compression(r) is not null;
  if v_size > v_limit then
    raise exception using errcode = i_code, message = format('the result takes %s bytes as text, the limit is %s', v_size, v_limit),
      hint = 'store the data elsewhere and return a reference, or raise jobs.config.max_result_bytes';
  end if;
end $$;

-- The delay after a failed run: 3 s doubled with each earlier failure, at most an hour, and then 0.5 to 1.5
-- times that, so that jobs that failed together do not run again together.
create or replace function jobs._backoff(i_retries integer) returns interval
language sql volatile
return pg_catalog.make_interval(secs =>
  least(3600, 3 * pg_catalog.power(2, least(i_retries, 20))) * (0.5 + pg_catalog.random()));
