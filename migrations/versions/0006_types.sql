-- Types of arguments and results.

create type jobs.bulk_job as (
  task varchar,
  body jsonb,
  scheduled_at timestamptz,
  timeout numeric,
  priority integer,
  max_retries integer
);

-- Return types of functions. They are separate from the tables, so that a new column in a table never changes
-- the result of a statement that a client has prepared.
create type jobs.queued as (
  id bigint, job_id varchar, task varchar, body jsonb, retries integer, max_retries integer,
  priority integer, timeout numeric, created_at timestamptz, run_at timestamptz,
  scheduled_at timestamptz, attempt integer, meta jsonb
);

create type jobs.claimed as (
  id bigint, job_id varchar, task varchar, body jsonb, retries integer, max_retries integer,
  priority integer, timeout numeric, created_at timestamptz, run_at timestamptz,
  scheduled_at timestamptz, attempt integer, expires_at timestamptz, lease uuid, meta jsonb
);

create type jobs.ended as (
  id bigint, job_id varchar, task varchar, body jsonb, retries integer, max_retries integer,
  priority integer, timeout numeric, status jobs.job_status, created_at timestamptz,
  run_at timestamptz, scheduled_at timestamptz, complete_on timestamptz, result jsonb,
  traceback text, attempt integer, meta jsonb
);

-- A key range: a part of one task's queue, from the point (from_rank, from_seq) to the end of to_rank. It
-- ends with a rank and not at a point because only the first column of a range can end an index scan.
create type jobs.key_range as (task varchar, from_rank bigint, from_seq bigint, to_rank bigint);

-- What a claim intends to lock: key ranges, the most rows of each, the jobs that these have (0: not counted),
-- whether there may be more, the weight of the first row, and the key ranges whose first row has to be
-- unpacked before.
create type jobs.claim_plan as (ranges jobs.key_range[], rows integer[], jobs integer, is_cut boolean, weight integer, large jobs.key_range[]);

-- What a claim has locked: the rows that fit, their bytes, how many of them are packed rows, whether a row
-- was too large, the oldest transaction that had not ended when they were read, and whether a job among them
-- has an on_end.
create type jobs.locked_rows as (rows tid[], bytes bigint, packed integer, is_too_large boolean, unseen bigint, on_end boolean);

-- The runs that a settle has accepted: the bits of each batch, how many there are in all, whether a job of
-- these batches has an on_end, and whether some topic is or was watched.
create type jobs.accepted_runs as (leases uuid[], parts integer[], bits bigint[], number bigint, on_end boolean, watched boolean);

-- How a job is one of a kind: its key, how long it holds it (neither of the two: until it has ended), and
-- what publishing does when another job holds it: keep, replace, postpone or refuse. A postponed job waits,
-- counted from the last publish, but at most max_wait from the first.
create type jobs.unique_rule as (
  name varchar collate "C", key text collate "C", until_started boolean, until interval, on_conflict text, wait interval, max_wait interval
);

-- A unique key that a call publishes under: the positions, in the call, of the first job with it, of the job
-- whose contents a new job gets, of the last that changes a pending holder, and of the last that refuses any
-- (null: no such); and who holds it, once that is known: the job, its task and its state, which is null for a
-- job of the call.
create type jobs.wanted_key as (
  name varchar collate "C", key text collate "C", first_at integer, new_at integer, change_at integer, refuse_at integer,
  holder varchar, holder_task varchar, holder_state varchar
);

-- The options of the jobs of a call, as jobs.publish_arrays takes them: an array for each, with a single value
-- for all jobs or one for each; null: 60 s, priority 0, three runs.
create type jobs.job_options as (timeouts numeric[], priorities integer[], max_retries integer[]);

-- What a call has published: the number and the id of each job, whether it is published, existing or replaced
-- (null: all are published), and their options.
create type jobs.published as (ids bigint[], job_ids varchar[], outcomes text[], options jobs.job_options);

-- The declaration of a task.
create type jobs.declaration as (
  name varchar, aliases text[], doc text, args_schema jsonb, result_schema jsonb, retries integer, timeout numeric(9, 2),
  priority integer, keep text, params jsonb, extra_kwargs boolean, unique_by jsonb, validation text
);

-- A declaration that differs from the one in force, or that claims names of other roles' tasks (`others`,
-- which are left out of its aliases): whether the caller may make it, the owner of the name, and the aliases
-- that the task had.
create type jobs.change as (declared jobs.declaration, differs boolean, is_allowed boolean, owner_name name, others text[], old_aliases text[]);

-- One reason: a code for machines, a sentence for people, the time until which it holds if that is known, and
-- details. Never contains a body, a result or an error, which may contain secrets.
create type jobs.reason as (code text, message text, until timestamptz, details jsonb);

-- One problem of an installation (functions/91_problems.sql). Contains no body, result or error either.
create type jobs.problem as (
  code text,
  severity text,                       -- error: something does not work; warning: it soon may not
  message text,
  found numeric, allowed numeric,      -- the number that was looked at, and the last good one
  remedy text,                         -- with the command that fixes it
  details jsonb
);

-- The first schema error found: its path, what was expected there and what was found there. `depth` shows
-- which of several variants was meant: the one that fits to the greatest depth. A null path means that the
-- value fits. `steps` is the number of schemas that were compared with values to find out.
create type jobs.schema_error as (path text, expected text, found text, depth integer, steps integer);
