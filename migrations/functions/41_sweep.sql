-- Sweeps: requeue what expired, or whose worker died.

-- Requeues up to i_limit jobs of plain clients under a pattern whose lease expired, as a sweep does, and
-- returns how many: for a plain client, which may keep its transaction open. So it locks no other jobs, and
-- leaves those of workers to workers, and tasks under the patterns i_except.
create or replace function jobs._sweep_plain(i_pattern text, i_limit integer, i_except text[]) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_limits jobs.limits := jobs._limits(false);
  v_leases uuid[];
  v_batch_indexes integer[];
begin
  select array_agg(l.lease), array_agg(l.batch_index) into v_leases, v_batch_indexes
  from (select b.lease, b.part * 64 as batch_index from jobs.batch b
        where b.expires_at < v_now and b.worker is null and cardinality(b.jobs) = 1 and (b.jobs[1]).task like i_pattern
          and jobs._is_under((b.jobs[1]).task, v_limits) and ((b.jobs[1]).task like any (i_except)) is not true
        order by b.expires_at limit i_limit for update skip locked) l;
  if v_batch_indexes is null then
    return 0;
  end if;
  perform jobs._settle_alike(v_leases, v_batch_indexes, 'retry', 'expired: the run outlasted its timeout', null);
  return cardinality(v_batch_indexes);
end $$;

-- Requeues up to i_limit jobs whose own lease expired, and returns how many. The run counts as an attempt,
-- and the job ends as failed if this was its last. A job of a plain client runs again after the default
-- backoff. A worker ends a run itself at its timeout, so if one expires the worker is stuck or dead: the job
-- runs again at once, before others, and the run does not count as an attempt if it had not begun.
--
-- Never waits: it skips a batch that another sweep, a settle or a claim has locked. It judges a run as it is
-- when its batch is locked, so that two sweeps count one loss once.
create or replace function jobs._sweep_expired(i_limit integer, i_limits jobs.limits) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_expired uuid[];
  v_parts integer[];
  v_swept integer;
begin
  select array_agg(l.lease), array_agg(l.part) into v_expired, v_parts
  from (select b.lease, b.part from jobs.batch b
        where b.expires_at < v_now and (i_limits is null or not exists (select from unnest(b.jobs) j where not jobs._is_under(j.task, i_limits)))
        order by b.expires_at limit i_limit for update skip locked) l;
  if v_expired is null then
    return 0;
  end if;
  v_swept := jobs._settle_lost(v_expired, v_parts, i_limit, 'expired: the run outlasted its timeout', v_now, true);
  -- The rest of these batches, beyond the limit too, expires with the first of its runs to expire.
  update jobs.batch b set expires_at = (select min(r.expires_at) from jobs._runs r where r.lease = b.lease and r.part = b.part)
  where b.ctid = any (array(select r.at from unnest(v_expired, v_parts) l(lease, part),
                              lateral (select q.ctid as at from jobs.batch q where q.lease = l.lease and q.part = l.part limit 1) r));
  return v_swept;
end $$;

-- Declares workers dead that sent no heartbeat for as long as their lease, and requeues up to i_limit of
-- their jobs; returns how many. Runs that had begun count as attempts, those that were only prefetched do
-- not; either job runs again at once, before others. Skips what is locked, as above.
create or replace function jobs._sweep_workers(i_limit integer, i_limits jobs.limits) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_dead uuid;
  v_sees_all boolean;
  v_batches uuid[];
  v_parts integer[];
  v_swept integer := 0;
begin
  -- A claim locks its worker's row from its end to its commit. So a worker that is locked here has no claim
  -- with jobs that this transaction could not see, and no later claim of it can commit. One worker after
  -- another, and no more than needed: the caller may keep its transaction open.
  while v_swept < i_limit loop
    select w.id, current_setting('transaction_isolation') = 'read committed'
        or w.lost_at is not null and age(w.xmin) > age(pg_snapshot_xmax(pg_current_snapshot())::xid) into v_dead, v_sees_all from jobs.worker w
    where (w.lost_at is not null or w.expires_at < v_now) and (v_dead is null or w.id > v_dead)
      and (i_limits is null or not exists (select from unnest(w.tasks) t where not jobs._is_under(t, i_limits)))
    order by w.id limit 1 for update skip locked;
    exit when not found;
    update jobs.worker w set lost_at = v_now where w.id = v_dead and w.lost_at is null;
    if pg_sequence_last_value('jobs.commands_made') > 0 then
      perform jobs._expire_commands(v_dead, 'the worker died');
    end if;
    select array_agg(l.lease), array_agg(l.part) into v_batches, v_parts
    from (select b.lease, b.part from jobs.batch b where b.worker = v_dead limit i_limit - v_swept for update skip locked) l;
    v_swept := v_swept + jobs._settle_lost(v_batches, v_parts, i_limit - v_swept, 'lost: the worker died', v_now, false);
    -- Delete a dead worker once it has no batch left. Not if the caller's snapshot is older than its death,
    -- since there may be newer batches than the caller sees: a later sweep finds them by this row.
    delete from jobs.worker w where w.id = v_dead and v_sees_all and not exists (select 1 from jobs.batch b where b.worker = w.id);
  end loop;
  return v_swept;
end $$;

-- Requeues up to i_limit runs of these batches, which the caller has locked, for this reason: all, or those
-- whose own lease expired. Returns how many.
create or replace function jobs._settle_lost(
  i_leases uuid[], i_parts integer[], i_limit integer, i_reason text, i_now timestamptz, i_only_expired boolean
) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_leases uuid[];
  v_batch_indexes integer[];
  v_outcomes text[];
  v_errors text[];
begin
  select array_agg(o.lease), array_agg(o.batch_index), array_agg(case when o.worker is null then 'retry' when o.started then 'lost' else 'unbegun' end),
    array_agg(case when o.worker is null or o.started then i_reason end)
  into v_leases, v_batch_indexes, v_outcomes, v_errors
  from (select r.lease, r.batch_index, r.worker, b.started & jobs._bit(r.batch_index) <> 0 as started
        from unnest(i_leases, i_parts) l(lease, part),
          -- `limit 1` and `offset 0` keep the planner from going through the table and not the list.
          lateral (select q.started from jobs.batch q where q.lease = l.lease and q.part = l.part limit 1) b,
          lateral (select q.* from jobs._runs q where q.lease = l.lease and q.part = l.part offset 0) r
        where not i_only_expired or r.expires_at < i_now
        limit i_limit) o;
  if v_batch_indexes is null then
    return 0;
  end if;
  perform jobs._settle(v_leases, v_batch_indexes, v_outcomes, null, v_errors, array_fill(null::double precision, array[cardinality(v_batch_indexes)]), i_now);
  return cardinality(v_batch_indexes);
end $$;

-- Requeues up to i_limit jobs, at most 10000, whose lease expired, of workers and of plain clients, and
-- returns how many. Locks those jobs, and as many dead workers as had them.
create or replace function jobs.sweep(i_limit integer default 100) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_limit integer := greatest(0, least(i_limit, 10000));
  v_limits jobs.limits := jobs._limits(false);
begin
  return jobs._sweep_expired(v_limit, v_limits) + jobs._sweep_workers(v_limit, v_limits);
end $$;
