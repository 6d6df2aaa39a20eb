-- The beat: the one call with which a worker says that it lives, and learns what it is told.

-- Keeps a worker and all its leases alive, takes what it reports, and returns what waits for it. One row:
--
--   alive     false: it was declared dead, and then its jobs no longer belong to it, nothing that it reported
--             was taken, and the rest is null
--   commands  the commands that it has to carry out, as a JSON array (jobs._next_commands); null: none
--   polls     nobody will notify it of commands (jobs.config.notify), so that it has to look for them
--
-- i_late_leases and i_late_batch_indexes name runs that started long after they were claimed: their
-- timeouts count from now (and with them those of the other jobs in their batch, whose leases end later by
-- at most the same span). i_started_leases and i_started_batch_indexes name prefetched runs that have begun
-- since. i_progress: how far its runs are (jobs._note_progress). i_receipts: what became of commands, a
-- JSON array of {"id", "state": "applied", "refused" or "expired", "answer"}. i_status: {"paused",
-- "slots"}, where a command has changed what the worker registered with.
--
-- Locks the worker's row, those batches, and the commands with receipts. It skips a locked batch until the
-- next beat, because the worker's heartbeat must not wait.
create or replace function jobs.beat(
  i_worker uuid, i_late_leases uuid[] default '{}', i_late_batch_indexes integer[] default '{}',
  i_started_leases uuid[] default '{}', i_started_batch_indexes integer[] default '{}',
  i_progress jsonb default null, i_receipts jsonb default null, i_status jsonb default null,
  out alive boolean, out commands jsonb, out polls boolean
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  update jobs.worker w set heartbeat_at = v_now, expires_at = v_now + make_interval(secs => w.lease_seconds::double precision)
  where w.id = i_worker and w.lost_at is null and jobs._acts_as(w.role, w.login);
  alive := found;
  if not alive then
    return;
  end if;
  if cardinality(i_late_leases) > 0 then
    perform jobs._count_from_now(i_worker, i_late_leases, i_late_batch_indexes, v_now);
  end if;
  if cardinality(i_started_leases) > 0 then
    perform jobs._note_started(i_worker, i_started_leases, i_started_batch_indexes, true);
  end if;
  if i_progress is not null then
    perform jobs._note_progress(i_worker, i_progress);
  end if;
  if i_status is not null then
    perform jobs._note_status(i_worker, i_status, v_now);
  end if;
  if i_receipts is not null then
    perform jobs._note_receipts(i_worker, i_receipts, v_now);
  end if;
  if pg_sequence_last_value('jobs.commands_made') > 0 then
    commands := jobs._next_commands(i_worker, v_now);
  end if;
  polls := not (select c.notify from jobs.config c);
end $$;

-- Lets the timeouts of these runs of a worker count from now. Skips batches that are locked.
create or replace function jobs._count_from_now(i_worker uuid, i_leases uuid[], i_batch_indexes integer[], i_now timestamptz) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
begin
  with given as materialized (
    select p.at from (select distinct g.lease, jobs._part(g.batch_index) as part from unnest(i_leases, i_batch_indexes) g(lease, batch_index)) g,
      lateral (select b.ctid as at from jobs.batch b
               where b.lease = g.lease and b.part = g.part and b.worker = i_worker for update skip locked) p
  )
  update jobs.batch b
  set counted_from = i_now, expires_at = i_now + (b.expires_at - b.counted_from)
  where b.ctid = any (array(select g.at from given g));
end $$;

-- Notes on a worker's row what commands have changed in the worker. Never fails for what is in it, because it
-- comes with heartbeats: what cannot be meant is a warning of the server.
create or replace function jobs._note_status(i_worker uuid, i_status jsonb, i_now timestamptz) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_slots numeric := case jsonb_typeof(i_status -> 'slots') when 'number' then (i_status ->> 'slots')::numeric end;
begin
  if jsonb_typeof(i_status) <> 'object' or v_slots not between 1 and 10000 then
    raise warning 'the status of the worker % was not noted: it is an object of "paused", true or false, and "slots", 1 to 10000', i_worker;
    return;
  end if;
  update jobs.worker w
  set slots = coalesce(v_slots::integer, w.slots),
      paused_at = case i_status -> 'paused' when 'true' then coalesce(w.paused_at, i_now) when 'false' then null else w.paused_at end
  where w.id = i_worker;
end $$;
