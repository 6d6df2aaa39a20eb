-- Durable steps: what a job has done so far, so that its next run goes on behind it; and signals, which
-- jobs wait for. Nothing reads these tables until a job records its first step or a signal is first sent or
-- awaited.

-- What a job has recorded, by name. No code is replayed: a name that is here is done, whatever the code says.
create table jobs.checkpoint (
  job_id varchar(32) collate "C" not null,
  name text collate "C" not null,
  kind text not null constraint kind_is_known check (kind in ('step', 'sleep', 'signal')),
  task varchar collate "C" not null,
  inputs_hash bytea,                           -- SHA-256 of what a step was made from; null: nothing was said of that
  value jsonb,                                 -- of a step its value, of a signal its payload; null: the signal is not there
  until timestamptz,                           -- of a sleep its end, of a signal until when the job waits
  waits boolean not null default false,        -- the job waits for this signal; without it and without a value: in vain
  attempt integer not null,                    -- the run that recorded it, or asked for it last
  saved_at timestamptz not null,
  constraint checkpoint_by_name primary key (job_id, name)
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, vacuum_truncate = off
);
create index checkpoint_waiting on jobs.checkpoint (job_id) where waits;

-- Jobs that failed or were cancelled and whose steps are kept, so that a retry goes on where they were. A row
-- may be here of a job that runs again.
create table jobs.resumable (
  job_id varchar(32) collate "C" primary key,
  ended_at timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
create index resumable_by_end on jobs.resumable (ended_at);

-- Signals by name: the first one that is sent holds. A row without sent_at is of a signal that jobs wait for:
-- who sends it and who begins to wait for it lock it, so that no waiting job misses it.
create table jobs.signal (
  name text collate "C" primary key,
  payload jsonb,
  made_at timestamptz not null,
  sent_at timestamptz,                         -- null: not sent yet
  sent_by name,
  is_left boolean not null default false       -- jobs that it is to wake were locked: jobs.maintain wakes them
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
create index signal_by_age on jobs.signal (coalesce(sent_at, made_at));
create index signal_left on jobs.signal (name) where is_left;

-- Pending jobs that wait for a signal: a job waits while its attempt is the one that is here, and it has no
-- ready_seq.
create table jobs.signal_waiter (
  name text collate "C" not null,
  job_id varchar(32) collate "C" not null,
  attempt integer not null,
  constraint signal_waiter_by_name primary key (name, job_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
create index signal_waiter_by_job on jobs.signal_waiter (job_id);

-- Whether a job ever recorded a step, and whether a signal was ever sent or awaited.
create sequence jobs.steps_made as bigint;
create sequence jobs.signals_made as bigint;

alter table jobs.config
  -- The largest value of a step and payload of a signal, in bytes of JSON text.
  add column max_step_bytes integer not null default 1048576 constraint max_step_bytes_is_1_to_134217728 check (max_step_bytes between 1 and 134217728),
  -- Days to keep signals that were sent, for jobs that ask for them later.
  add column signal_days integer not null default 14 constraint signal_days_is_1_to_36500 check (signal_days between 1 and 36500);
