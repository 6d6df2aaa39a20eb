-- Operations: one action over many jobs, done in bounded steps; marks of re-driven jobs; rules for keeping
-- history. Nothing reads these tables until the first operation is started or the first rule is made.

create table jobs.operation (
  id bigint generated always as identity primary key,
  kind text not null constraint kind_is_known check (kind in ('retry', 'redrive', 'cancel', 'purge')),
  -- Which jobs: all conditions hold together.
  topic text not null,
  job_state text,                      -- the state they are in; of a cancel null: pending and running
  error text,                          -- a part of the last error, * for any text in it; null: any
  since timestamptz,                   -- of ended jobs when they ended, of open ones when they were published
  until timestamptz not null,          -- the same; at most the time of the start, so that no later job is taken
  odd_after timestamptz not null,      -- later than this is a clock that was wrong: such jobs match as well; infinity: none
  number bigint not null,              -- open jobs up to this number, the last before the start
  rate double precision,               -- jobs a second; null: as fast as it goes
  grace_seconds double precision,      -- of a cancel: how long the code of running jobs may go on
  who name not null, role name, reason text,
  state text not null default 'running' constraint state_is_known check (state in ('running', 'paused', 'cancelled', 'done', 'failed')),
  matched bigint not null,             -- jobs counted at the start
  matched_exactly boolean not null,    -- false: there are more than were counted
  done bigint not null default 0,
  skipped bigint not null default 0,
  skips jsonb not null default '{}',   -- how many were skipped, by reason
  left_out jsonb not null default '[]',   -- the first 20 that were skipped: [{job_id, reason}]
  -- Where it is. Everything before is done: each step commits together with what it did.
  phase text not null,                 -- history; or pending, running, again (pending for the second time)
  range_from timestamptz not null, range_until timestamptz not null,   -- history: the part that is read, by complete_on
  after_job text collate "C" not null default '',    -- the last job that was looked at, in the order of job ids
  paced_at timestamptz not null,       -- with a rate: jobs are spent up to this time
  errors integer not null default 0,   -- steps that failed one after another
  waits integer not null default 0,    -- steps that others' locks kept from their job, less those that went well
  last_error text, retry_at timestamptz,
  started_at timestamptz not null, stepped_at timestamptz not null, ended_at timestamptz
);
create index operation_running on jobs.operation (stepped_at) where state = 'running';

-- Has a value once an operation was started: until then workers do not look for any.
create sequence jobs.operations_made as bigint;

-- An operation without its position.
create type jobs.operation_info as (
  id bigint, kind text, topic text, job_state text, error text, since timestamptz, until timestamptz, rate double precision,
  who name, role name, reason text, state text, matched bigint, matched_exactly boolean, done bigint, skipped bigint, skips jsonb, left_out jsonb,
  last_error text, started_at timestamptz, stepped_at timestamptz, ended_at timestamptz, grace_seconds double precision
);

-- A failed or cancelled job that was published anew: the id of the new job, so that it is not taken twice.
alter table jobs.job add column redriven_as varchar(32) collate "C";

-- A job on its way to be re-driven: which of the call's parts of history it is in, why it is skipped (null:
-- it is not), whether its body has to be compared with the task's schema, its unique key, and the new job.
create type jobs.redriven as (
  job_id varchar, part integer, task varchar, skip text, is_suspect boolean, unique_name varchar, unique_key text, id bigint, new_job varchar
);

-- How long history keeps ended jobs of a topic and state, where that is shorter than
-- jobs.config.history_days.
create table jobs.keep_rule (
  topic text not null,
  status text not null default '*' constraint status_is_known check (status in ('*', 'success', 'failed', 'cancelled')),
  days integer not null constraint days_is_0_to_36500 check (days between 0 and 36500),
  set_at timestamptz not null, set_by name not null,
  -- How far the deletes are: partitions up to this day are clean, and this many blocks of that of another day.
  clean_until date not null default '-infinity', blocks bigint not null default 0, blocks_of date,
  primary key (topic, status)
);

-- Has a value once a rule was made.
create sequence jobs.keep_rules_made as bigint;

-- These gained arguments.
drop function if exists jobs.retry(text[]);
drop function if exists jobs.purge(text, integer);
