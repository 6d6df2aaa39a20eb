-- Limits: how many jobs run at once, how often they start, in which order, shared by whom. Nothing reads these
-- tables until the first limit is set.
--
-- A limit covers the tasks under its topic. A bucket is its state for one key: for one value of the arguments
-- that the limit names, or for all jobs where it names none. A run holds a slot of a bucket from its claim to
-- its end; jobs.batch has these slots beside the jobs, so that a slot is held exactly as long as the lease.

-- How often jobs may start: count in every span of seconds, and up to burst at once after a pause.
create type jobs.rate as (count integer, seconds double precision, burst integer);

create table jobs.job_limit (
  id integer primary key constraint id_fits_into_a_bucket check (id between 1 and 16383),
  name varchar collate "C" not null constraint job_limit_by_name unique,
  topic varchar collate "C" not null,
  pattern text not null,               -- the topic as a LIKE pattern
  key text[],                          -- the arguments that make the key; null: one bucket for all jobs, which wait in their queue; {}: which are blocked there (in_order)
  max integer constraint max_is_0_or_more check (max >= 0),   -- slots of a bucket; null: any number
  rates jobs.rate[],                   -- all of them hold; null: none
  cost text,                           -- the argument that says how many slots and starts a job takes; null: 1
  in_order boolean not null default false,   -- one job of a key after another, also while it waits for its next run
  on_dead text not null default 'skip' constraint on_dead_is_known check (on_dead in ('skip', 'hold', 'pause')),
  fair boolean not null default false, -- keys take turns by the time that their jobs run
  weights jsonb,                       -- the share of a key, by its text: {"acme": 3}; others have 1
  declared_by varchar collate "C",     -- the task whose code declares it; null: made by hand
  declared jsonb,                      -- what the code says
  edited boolean not null default false,     -- declared, and changed by hand since
  undeclared_at timestamptz,           -- the code stopped saying so; live workers of older code may still
  dropped_at timestamptz,              -- no longer in force; it goes once no job is blocked by it
  created_at timestamptz not null, changed_at timestamptz not null, changed_by name not null
);

-- Has a value once a limit was set. (Claims look at jobs.restrictions_made, which then has one too.)
create sequence jobs.limits_made as bigint;

-- The transaction that was the last to have a turn at some limit.
create sequence jobs.limit_turns as bigint;

-- When the buckets were last compared with the runs, in milliseconds.
create sequence jobs.limits_checked as bigint minvalue 0 start 0;

-- The state of a bucket. A change writes a row with a greater version and deletes the one before, and readers
-- take the greatest version: while some transaction keeps an old snapshot, they do not pass over the rows that
-- were deleted (docs/decisions/0041). A bucket without a row has nothing held and nobody waiting. Only who has locked
-- the row of its limit may write it.
create table jobs.bucket (
  id bigint not null,                  -- a hash of the key, and in its lowest 14 bits the id of the limit
  version bigint not null,             -- from jobs.bucket_versions
  key jsonb not null,                  -- the arguments as an array; [] where the limit has no key
  held integer not null default 0,     -- slots of runs whose end has not been counted yet
  waits boolean not null default false,      -- a job may be blocked here, or was left in its queue
  first_rank bigint, first_seq bigint, -- no job that is blocked here comes before this place
  tats timestamptz[],                  -- for each rate, when it would be used up to the last start (GCRA)
  timer timestamptz,                   -- a row of jobs.bucket_timer says to look again at this time
  turn double precision not null default 0,  -- of a fair limit: the time that its jobs have run, by weight
  closed_until timestamptz,            -- no job starts before; infinity: until jobs.release_key
  closed_by varchar(32) collate "C",   -- the job that closed it: dead in order, or one that asked for a pause
  reason text,
  constraint bucket_by_id primary key (id, version)
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, vacuum_truncate = off
);
create sequence jobs.bucket_versions as bigint;
create index bucket_by_turn on jobs.bucket ((id & 16383), turn) where waits;

-- What happened to buckets, said by those who must not wait for the limit: runs that ended, and keys that were
-- closed or opened. The next claim of the limit applies it. A row for each settle.
create table jobs.bucket_delta (
  limit_id integer not null,
  xid xid8 not null default pg_current_xact_id(),
  buckets bigint[] not null,
  slots integer[] not null,            -- slots that became free; 0: only look whether a job can start
  seconds double precision[],          -- for how long their runs have held them
  closed_until timestamptz, closed_by varchar(32) collate "C", reason text,   -- or: these buckets are closed
  keys jsonb[]                         -- of buckets that may have no row yet
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, vacuum_truncate = off
);
alter table jobs.bucket_delta replica identity full;    -- otherwise a publication of all tables stops deletes
create index bucket_delta_in_order on jobs.bucket_delta (limit_id, xid);

-- When to look at a bucket again whose rate or closing lets a job start later.
create table jobs.bucket_timer (limit_id integer not null, at timestamptz not null, bucket bigint not null) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off
);
alter table jobs.bucket_timer replica identity full;
create index bucket_timer_in_order on jobs.bucket_timer (limit_id, at);

-- How far the claims of a limit have read, with versions as above.
create table jobs.limit_state (
  limit_id integer not null,
  version bigint not null,
  heard pg_snapshot,                   -- the transactions whose deltas were applied
  timers_to timestamptz,               -- timers up to here were looked at
  run_seconds double precision not null default 0,   -- how long a run takes, lately: what a start is charged at first
  turn double precision not null default 0,          -- of a fair limit: the turn of the bucket that was served last
  constraint limit_state_by_id primary key (limit_id, version)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

-- A limit as it applies to one of the tasks of a claim: of the arguments that make its key, the names, the
-- positions and the defaults, in step.
create type jobs.task_limit as (
  task varchar collate "C", limit_id integer, key text[], positions integer[], defaults jsonb[],
  cost text, cost_position integer, cost_default jsonb
);

-- The state of a bucket while a claim works with it: what is stored (at, if there is a row), and what it becomes.
create type jobs.bucket_state as (
  id bigint, key jsonb, held integer, waits boolean, first_rank bigint, first_seq bigint, tats timestamptz[], timer timestamptz, turn double precision,
  closed_until timestamptz, closed_by varchar, reason text,
  at tid, stored_held integer, stored_waits boolean, is_changed boolean   -- in something else
);

-- What a row of jobs.pending that a claim has locked asks of one limit: the row, and its bucket there with what it
-- takes of it.
create type jobs.ask as (
  at tid, rank bigint, seq bigint, size integer, bytes integer, job_id varchar, task varchar, has_on_end boolean, from_bucket bigint,
  bucket bigint, key jsonb, price integer, is_keyless boolean, is_kept boolean, holds_dead boolean
);

-- What a claim decides about rows that it has locked: those that go, in their order, with what jobs._move_rows has to
-- know; their slots, one for each job and limit (of a packed row under its first job: size jobs hold it each); and
-- those that are blocked, and where.
create type jobs.admission as (
  rows jobs.locked_rows, jobs integer,
  slot_jobs text[], slot_sizes integer[], slot_buckets bigint[], slot_costs integer[],
  blocked tid[], blocked_at bigint[]
);

-- Jobs in order that wait for their next run, and keep their slots: few.
create index pending_kept on jobs.pending (job_id) where (on_end).kept is not null;
