-- Settling: a run ends, and its job ends or waits for the next run.
--
-- Every outcome names the lease and batch_index of a run, and is accepted while the bit of that run is set: a
-- late outcome of a run whose lease is gone matches nothing. A success may be sent twice under its lease (the
-- reply may have been lost); the second time it is found in history. Settling many runs never waits: a batch
-- that another transaction has locked is skipped and reported.

-- Running jobs, one row for each.
create view jobs._runs as
select b.lease, b.part, b.part * 64 + j.ordinality::integer - 1 as batch_index, b.worker, b.run_at,
  b.counted_from + pg_catalog.make_interval(secs => j.timeout::double precision) + b.margin as expires_at,
  j.id, j.job_id, j.task, j.body, j.retries, j.max_retries, j.priority, j.timeout, j.created_at, j.scheduled_at,
  least(j.attempt, 2147483646) + 1 as attempt, j.traceback
from jobs.batch b, unnest(b.jobs) with ordinality j
where (b.open >> (j.ordinality - 1)::integer) & 1 = 1;

-- The run of a job; no row when the job does not run. Of the batches of many jobs, it reads only those whose
-- range of ids includes this one.
create function jobs._find_run(i_job varchar) returns table (lease uuid, batch_index integer)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  return query
  select b.lease, b.part * 64 + j.ordinality::integer - 1
  from (select q.lease, q.part, q.open, q.jobs from jobs.batch q where q.first_job = i_job
        union all
        select q.lease, q.part, q.open, q.jobs from jobs.batch q where q.part >= 0 and q.first_job < i_job and q.last_job >= i_job) b,
    unnest(b.jobs) with ordinality j
  where j.job_id = i_job and (b.open >> (j.ordinality - 1)::integer) & 1 = 1;
end $$;

-- The runs in these batches whose bits are set in i_bits; the caller has locked the batches. Inlined where it
-- is used; `offset 0` makes the planner unnest each batch once, whatever it estimates for the join.
create function jobs._opened(i_leases uuid[], i_parts integer[], i_bits bigint[]) returns table (
  lease uuid, batch_index integer, run_at timestamptz, worker uuid, id bigint, job_id varchar, task varchar, body jsonb, retries integer,
  max_retries integer, priority integer, timeout numeric, created_at timestamptz, scheduled_at timestamptz, ready_seq bigint,
  attempt integer, traceback text
)
language sql stable begin atomic
  select b.lease, g.part * 64 + (j.ordinality - 1)::integer, b.run_at, b.worker,
    j.id, j.job_id, j.task, j.body, j.retries, j.max_retries, j.priority, j.timeout, j.created_at, j.scheduled_at,
    j.ready_seq, least(j.attempt, 2147483646) + 1, j.traceback
  from rows from (pg_catalog.unnest(i_leases), pg_catalog.unnest(i_parts), pg_catalog.unnest(i_bits)) g(lease, part, bits),
    lateral (select q.lease, q.run_at, q.worker, q.jobs from jobs.batch q where q.lease = g.lease and q.part = g.part limit 1) b,
    pg_catalog.unnest(b.jobs) with ordinality j
  where (g.bits >> (j.ordinality - 1)::integer) & 1 = 1
  offset 0;
end;

-- The core: settles runs given as parallel arrays and returns the positions, in these arrays, of those that
-- were rejected.
--
-- First it finds and locks the batches, from the list to the table whatever the statistics (the planner never
-- reverses a lateral subquery that locks). It accepts the bits that are both requested and set. Later
-- statements see the batches as the first one locked them, and move the jobs into history or back to pending.
-- A batch whose last bit is cleared is deleted.
create function jobs._settle(
  i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_results jsonb[], i_errors text[], i_delays double precision[],
  i_now timestamptz
) returns integer[]
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set enable_nestloop = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_leases uuid[];
  v_parts integer[];
  v_bits bigint[];           -- accepted bits of each batch
  v_accepted bigint;
  v_twice boolean;
  v_unkept_successes text[] := jobs._unkept('all');
begin
  select array_agg(b.lease), array_agg(b.part), array_agg(b.open & g.bits), sum(bit_count((b.open & g.bits)::bit(64))),
    bool_or(g.outcomes <> bit_count(g.bits::bit(64)))
  into v_leases, v_parts, v_bits, v_accepted, v_twice
  from (select v.lease, v.batch_index >> 6 as part, bit_or(1::bigint << (v.batch_index & 63)) as bits, count(*) as outcomes
        from unnest(i_leases, i_batch_indexes) v(lease, batch_index) group by 1, 2 order by 1, 2) g,
    lateral (select q.lease, q.part, q.open from jobs.batch q where q.lease = g.lease and q.part = g.part for update skip locked) b;
  if v_twice then
    raise sqlstate 'PT400' using message = 'two outcomes for one run';
  end if;
  if v_accepted > 0 then
    insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at,
                          run_at, scheduled_at, complete_on, result, traceback, attempt, lease, worker)
    select o.id, o.job_id, o.task, o.body, o.retries, o.max_retries, o.priority, o.timeout, 'success', o.created_at,
      o.run_at, o.scheduled_at, i_now, s.result, o.traceback, o.attempt, o.lease, o.worker
    from jobs._opened(v_leases, v_parts, v_bits) o
      join unnest(i_leases, i_batch_indexes, i_outcomes, i_results) s(lease, batch_index, outcome, result) on s.lease = o.lease and s.batch_index = o.batch_index
    where coalesce(s.outcome = 'success', true) and o.task <> all (v_unkept_successes);
    if i_outcomes is not null then
      perform jobs._settle_others(v_leases, v_parts, v_bits, i_leases, i_batch_indexes, i_outcomes, i_errors, i_delays, i_now);
    end if;
    with closing as materialized (
      select b.at, b.open & ~g.bits as open
      from unnest(v_leases, v_parts, v_bits) g(lease, part, bits),
        lateral (select q.ctid as at, q.open from jobs.batch q where q.lease = g.lease and q.part = g.part limit 1) b
    ), smaller as (
      update jobs.batch b set open = (select c.open from closing c where c.at = b.ctid)
      where b.ctid = any (array(select c.at from closing c where c.open <> 0))
    )
    delete from jobs.batch b where b.ctid = any (array(select c.at from closing c where c.open = 0));
    perform jobs._wake_waiters();
  end if;
  if v_accepted = cardinality(i_batch_indexes) then
    return array[]::integer[];
  end if;
  return array(
    select v.at::integer
    from unnest(i_leases, i_batch_indexes) with ordinality v(lease, batch_index, at)
    left join unnest(v_leases, v_parts, v_bits) g(lease, part, bits) on g.lease = v.lease and g.part = v.batch_index >> 6
    where (g.bits >> (v.batch_index & 63)) & 1 is distinct from 1);
end $$;

-- What is stored of an error, because it is sent with the job to its next consumer: at most 64 KiB, where a
-- character takes up to four bytes.
create function jobs._short_error(i_error text) returns text
language sql immutable parallel safe
return case
  when pg_catalog.octet_length(i_error) <= 65536 then i_error
  when pg_catalog.octet_length(i_error) = pg_catalog.length(i_error) then pg_catalog.left(i_error, 65500) || ' ... (cut at 65500 characters)'
  else pg_catalog.left(i_error, 16375) || ' ... (cut at 16375 characters)' end;

-- The rest of a settle, once the successes are in history: ends jobs otherwise, and requeues those that run
-- again. Besides the outcomes of jobs.settle there are `cancel` and two for runs whose worker died: `lost`
-- counts as an attempt, `unbegun` does not, and in both cases the job goes before others as a released one
-- does. The first three arrays name the accepted runs; the caller has locked their batches.
create function jobs._settle_others(
  v_leases uuid[], v_parts integer[], v_bits bigint[],
  i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_errors text[], i_delays double precision[], i_now timestamptz
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set enable_nestloop = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_unkept text[] := jobs._unkept('none');
begin
  with runs as materialized (
    select o.*, s.outcome,
      jobs._short_error(s.error) as error,
      s.outcome in ('retry', 'verify', 'lost') as charged,
      s.outcome in ('fail', 'cancel') or (s.outcome in ('retry', 'verify', 'lost') and o.retries >= o.max_retries - 1) as ends,
      -- When it runs again; null: at once and before others of its priority.
      case when s.outcome not in ('release', 'lost', 'unbegun') then i_now + coalesce(make_interval(secs => s.delay), jobs._backoff(o.retries)) end as run_after
    from jobs._opened(v_leases, v_parts, v_bits) o
      join unnest(i_leases, i_batch_indexes, i_outcomes, i_errors, i_delays) s(lease, batch_index, outcome, error, delay)
        on s.lease = o.lease and s.batch_index = o.batch_index
    where s.outcome <> 'success'
  ), ended as (
    insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status, created_at,
                          run_at, scheduled_at, complete_on, traceback, attempt, lease, worker)
    select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, r.priority, r.timeout,
      case r.outcome when 'cancel' then 'cancelled' else 'failed' end::jobs.job_status,
      r.created_at, r.run_at, r.scheduled_at, i_now, coalesce(r.error, r.traceback), r.attempt,
      case when r.outcome <> 'cancel' then r.lease end, r.worker
    from runs r where r.ends and r.task <> all (v_unkept)
  )
  insert into jobs.pending (id, job_id, task, body, retries, max_retries, priority, timeout, created_at,
                            scheduled_at, ready_seq, attempt, traceback, bytes, returned)
  select r.id, r.job_id, r.task, r.body, r.retries + r.charged::integer, r.max_retries, r.priority, r.timeout,
    r.created_at, coalesce(r.run_after, r.scheduled_at),
    -- A job that runs again at once goes before every watermark, in its old order.
    case when r.run_after is null then case when r.ready_seq > 0 then r.ready_seq - 4611686018427387904 else r.ready_seq end
         when r.run_after <= i_now then nextval('jobs.job_number') end,
    r.attempt, r.said, jobs._text_size(r.body) + coalesce(octet_length(r.said), 0), jobs._any_key() * case when r.outcome = 'unbegun' then -1 else 1 end::smallint
  from (select r.*, case when r.charged then coalesce(r.error, r.traceback) else r.traceback end as said from runs r where not r.ends) r;
  if found then
    perform jobs._wake_workers();
  end if;
end $$;

-- Settles several runs with the same outcome.
create function jobs._settle_alike(
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
--   snooze   the job runs again after its delay; does not count as an attempt
--   release  the job runs again at once, before others of its priority; does not count as an attempt
--
-- i_batch_indexes are those that the claim returned; without them they are looked up by i_job_ids, which also
-- distinguish an outcome that was sent before from one that comes too late. Without i_outcomes all are
-- successes; errors and delays may be left out when no outcome has one; a result that all have in common is
-- given once.
--
-- Returns the rejected outcomes, by their position in the arrays: `lost` when the lease was no longer live,
-- `busy` when another transaction has locked the job's batch. Send a busy one again: if this call waited for
-- it, one open transaction would delay the outcomes of many jobs.
create function jobs.settle(
  i_job_ids text[], i_leases uuid[], i_outcomes text[] default null, i_results jsonb[] default null, i_errors text[] default null,
  i_delays double precision[] default null, i_batch_indexes integer[] default null
) returns table (at integer, job_id text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_refused integer[];
  v_ended jobs.job[];
begin
  if (cardinality(i_job_ids) = cardinality(i_leases)
      and cardinality(i_leases) = all (array[cardinality(i_outcomes), cardinality(i_errors), cardinality(i_delays), cardinality(i_batch_indexes)])) is false
    or 1 <> any (array[array_lower(i_job_ids, 1), array_lower(i_outcomes, 1)]) then
    raise sqlstate 'PT400' using message = 'leases, outcomes, errors, delays and batch_indexes are as many as job ids and begin at 1, or are not given';
  elsif not i_outcomes <@ array['success', 'fail', 'retry', 'verify', 'snooze', 'release'] then
    raise sqlstate 'PT400' using message = 'an outcome is one of success, fail, retry, verify, snooze, release';
  elsif exists (select from unnest(i_delays) d where (d between -315576000 and 315576000) is false) then
    raise sqlstate 'PT400' using message = 'a delay lies within 315576000 seconds (10 years)';
  end if;
  perform jobs._check_results(i_results, '54000');   -- 54000, a server limit: a worker then fails that job
  if i_batch_indexes is null then
    i_batch_indexes := array(select (select f.batch_index from jobs._find_run(g.job_id) f where f.lease = g.lease)
                      from unnest(i_job_ids, i_leases) with ordinality g(job_id, lease, at) order by g.at);
  end if;
  v_refused := jobs._settle(i_leases, i_batch_indexes, i_outcomes, jobs._for_each(i_results, cardinality(i_leases)), i_errors, i_delays, jobs.now());
  if cardinality(v_refused) > 0 then
    v_ended := array(select h from jobs._history_of(array(select i_job_ids[r] from unnest(v_refused) r), false) h);
    -- A rejected outcome was sent before, which history shows; or its lease is gone; or its batch is locked.
    -- A sweep that ended the last run wrote its lease to history as well: a success that comes after it was
    -- not accepted.
    return query
    select g.at::integer, g.job_id, case when exists (
        select 1 from jobs.batch b
        where b.lease = g.lease and b.part = g.batch_index >> 6 and (b.open >> (g.batch_index & 63)) & 1 = 1) then 'busy' else 'lost' end
    from unnest(i_job_ids, i_leases, i_batch_indexes) with ordinality g(job_id, lease, batch_index, at)
    where g.at = any (v_refused)
      and not exists (
        select 1 from unnest(v_ended) h
        where h.job_id = g.job_id and h.lease = g.lease
          and (h.status = 'success' or coalesce(i_outcomes[g.at], 'success') <> 'success'));
  end if;
end $$;

-- Refuses results if one of them takes more than the limit as text. A stored byte becomes at most 10,923
-- bytes of text (a number of 12 bytes has 131,072 digits), so that most results are not measured.
create function jobs._check_results(i_results jsonb[], i_code text) returns void
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

-- Ends a running job as a success and returns its row. With its lease it is fenced: PT409 when the lease is
-- gone, the same row again when this lease has ended it already and history keeps it. Without one, as the
-- original's clients call it, any caller may end the job while it runs; P0001 when it does not run.
--
-- Locks the job's batch until the transaction ends. Jobs of plain clients, and those that a worker claimed
-- into an own batch, have a batch each.
create function jobs.ack(i_job varchar, i_result jsonb default null, i_lease uuid default null) returns jobs.ended
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_run jobs._runs;
  v_ended jobs.ended;
begin
  perform jobs._check_lease(i_lease);
  perform jobs._check_results(array[i_result], 'PT413');
  v_run := jobs._hold(i_job, i_lease);
  if v_run.job_id is not null then
    perform jobs._settle(array[v_run.lease], array[v_run.batch_index], null, array[i_result], null, null, v_now);
    return row(v_run.id, v_run.job_id, v_run.task, v_run.body, v_run.retries, v_run.max_retries, v_run.priority, v_run.timeout,
               'success'::jobs.job_status, v_run.created_at, v_run.run_at, v_run.scheduled_at, v_now, i_result, v_run.traceback,
               v_run.attempt)::jobs.ended;
  end if;
  if i_lease is not null then
    select h.id, h.job_id, h.task, h.body, h.retries, h.max_retries, h.priority, h.timeout, h.status,
      h.created_at, h.run_at, h.scheduled_at, h.complete_on, h.result, h.traceback, h.attempt into v_ended
    from jobs._history_of(array[i_job::text], false) h where h.lease = i_lease and h.status = 'success';
    if found then
      return v_ended;
    end if;
  end if;
  perform jobs._not_held(i_job, i_lease);
end $$;

-- Reports that a run failed: the job runs again at i_scheduled_at (null: after the default backoff), or ends
-- as failed if this was its last run. ensure_running false, from the original, accepts a pending job too.
-- Lease and errors as for ack.
create function jobs.nack(
  i_job varchar,
  i_traceback text default null,
  i_scheduled_at timestamptz default null,
  ensure_running boolean default true,
  i_lease uuid default null
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_run jobs._runs;
begin
  perform jobs._check_lease(i_lease);
  if not jobs._is_reachable(i_scheduled_at) then
    raise sqlstate 'PT400' using message = 'scheduled_at lies between 0001-01-02 and 9999-12-30 (UTC), which every client can hold';
  end if;
  v_run := jobs._hold(i_job, i_lease);
  if v_run.job_id is null and not ensure_running and i_lease is null then
    perform jobs._start(i_job);
    v_run := jobs._hold(i_job, null);
  end if;
  if v_run.job_id is null then
    perform jobs._not_held(i_job, i_lease);
  end if;
  perform jobs._settle_alike(array[v_run.lease], array[v_run.batch_index], 'retry', i_traceback,
                             extract(epoch from i_scheduled_at - jobs.now())::double precision);
end $$;

-- Locks the batch of a running job, after waiting for any transaction that has it locked, and returns the run
-- as it is then; null when the job does not run, or not under this lease (null: under any).
create function jobs._hold(i_job varchar, i_lease uuid) returns jobs._runs
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_lease uuid;
  v_batch_index integer;
  v_run jobs._runs;
begin
  select f.lease, f.batch_index into v_lease, v_batch_index from jobs._find_run(i_job) f where i_lease is null or f.lease = i_lease;
  if found then
    perform 1 from jobs.batch b where b.lease = v_lease and b.part = v_batch_index >> 6 for update;
    select r.* into v_run from jobs._runs r where r.lease = v_lease and r.part = v_batch_index >> 6 and r.batch_index = v_batch_index;
  end if;
  return v_run;
end $$;

-- Makes a pending job run for an instant, so that one code path decides what follows a failure.
create function jobs._start(i_job varchar) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._unpack(array[i_job]);
  with taken as (
    delete from jobs.pending q where q.job_id = i_job
    returning row(q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout, q.created_at, q.scheduled_at,
                  q.ready_seq, q.attempt, q.traceback)::jobs.open_job as job
  )
  insert into jobs.batch (lease, part, run_at, counted_from, margin, expires_at, open, started, first_job, last_job, jobs)
  select gen_random_uuid(), -1, jobs.now(), jobs.now(), interval '0', jobs.now(), 1, 1, i_job, i_job, array[t.job] from taken t;
end $$;

-- Raises the error for a job that does not run, or not under the lease of the caller.
create function jobs._not_held(i_job varchar, i_lease uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if i_lease is null then
    raise exception 'inexistent_task %', jobs._escaped(left(i_job, 200)) using hint = 'no job with this id is running';
  end if;
  raise sqlstate 'PT409' using message = 'lease_lost', detail = 'job ' || jobs._escaped(left(i_job, 200)),
    hint = 'the lease ran out or the job was cancelled; another attempt may be under way, so undo this one';
end $$;
