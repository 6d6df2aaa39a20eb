-- The tables of schema `jobs`, and the migration of a database that the Python package 0.2.1 made.
--
--   worker start --register_tasks--> jobs.task --+--> jobs.task_signature  (each signature in use)
--                                                +--> jobs.publish_check   (what publish reads of a task)
--
--   publish --> jobs.pending --claim--> jobs.batch --settle--> jobs.job
--               (waiting)               (running)              (ended: history)
--                   ^                       |
--                   +-----------------------+
--                     retry, snooze, release, sweep
--
--   jobs.worker       live workers, one row each; heartbeats extend their leases
--   jobs.topic_grant  the tasks that restricted roles may publish and consume
--   jobs.config       settings, one row
--   sequences         job_number; sleeping_until and waiting_until: whether NOTIFY is of use
--
-- Clients call functions and read views, never these tables, so that a later migration may store jobs
-- differently. Each column is documented here and nowhere else.

-- `create schema if not exists` demands the privilege to create it even where it exists.
do $$
begin
  if pg_catalog.to_regnamespace('jobs') is null then
    create schema jobs;
  end if;
end $$;

-- The Python package 0.2.1 (below: the original) kept its jobs in tables of these names. Its functions and
-- views are dropped; its tables are renamed until the end of this file has copied their rows. Nothing is
-- dropped with cascade: if one of your views depends on the original, the migration stops with an error that
-- names the view, and nothing is lost.
do $$
begin
  if pg_catalog.to_regclass('jobs.migrations') is not null then
    drop function if exists jobs.consume(varchar, integer), jobs.consume(integer), jobs.clean_timeout(),
      jobs.nack(varchar, text, timestamp, boolean), jobs.ack(varchar, jsonb),
      jobs.publish_bulk(jobs.bulk_job[]),
      jobs.publish(varchar, jsonb, timestamp, numeric, integer, integer);
    drop type if exists jobs.bulk_job;
    drop view if exists jobs."all", jobs.running, jobs.expired;
    drop sequence if exists jobs.job_number;
    alter table jobs.job_queue rename to original_job_queue;
    alter table jobs.job rename to original_job;
    alter table jobs.original_job_queue rename constraint job_queue_pkey to original_job_queue_pkey;
    alter table jobs.original_job rename constraint job_pkey to original_job_pkey;
    alter type jobs.job_status rename to original_job_status;
    drop table jobs.migrations;
  end if;
end $$;

-- The original's client reads this table; with this row its migrator finds nothing to do.
create table jobs.migrations (migration integer primary key);
insert into jobs.migrations (migration) values (1);

create type jobs.job_status as enum ('success', 'failed', 'cancelled');

-- Settings of this installation; one row.
create table jobs.config (
  only_row boolean primary key default true check (only_row),
  -- Days to keep history; null: for ever.
  history_days integer constraint history_days_is_1_to_36500 check (history_days between 1 and 36500),
  -- Sizes are bytes of JSON text. publish accepts a body of up to 512 bytes without reading its limit.
  max_body_bytes integer not null default 1048576 constraint max_body_bytes_is_512_to_134217728 check (max_body_bytes between 512 and 134217728),
  max_result_bytes integer not null default 67108864 constraint max_result_bytes_is_1_to_134217728 check (max_result_bytes between 1 and 134217728),
  -- Jobs in one call, and the bytes of their bodies: PostgreSQL accepts no message longer than 1 GiB.
  max_bulk integer not null default 100000 constraint max_bulk_is_1_to_10000000 check (max_bulk between 1 and 10000000),
  max_bulk_bytes integer not null default 67108864 constraint max_bulk_bytes_is_512_to_1073741823 check (max_bulk_bytes between 512 and 1073741823),
  notify boolean not null default true,             -- false: workers poll, publishers never notify
  unknown_task text not null default 'accept'       -- what publish does with an undeclared task
    constraint unknown_task_is_known check (unknown_task in ('accept', 'reject'))
);
insert into jobs.config (history_days) values (14);

-- Numbers jobs and orders them: job numbers and ready_seq are drawn from this one sequence.
create sequence jobs.job_number as bigint;

-- Two flags: the value is the time, in milliseconds, until which somebody listens. A publisher notifies only
-- while a worker sleeps, and whoever ends a job notifies only while somebody waits for a result. They are
-- sequences because a change is visible at once, outside transactions, and leaves no dead rows.
create sequence jobs.sleeping_until as bigint minvalue 0 start 0;
create sequence jobs.waiting_until as bigint minvalue 0 start 0;

-- The order of a queue, ascending: the greater priority first, and within one priority the jobs that were
-- released (their ready_seq is below zero) before the others. Inlined wherever it is used.
create function jobs._rank(i_priority integer, i_ready_seq bigint) returns bigint
language sql immutable parallel safe
return (~i_priority)::bigint * 2 + (i_ready_seq > 0)::integer;

-- The size of a large value as JSON text, in bytes. If its longest numbers alone take more than i_enough, it
-- returns their size without writing the text; 256 MB stands for everything larger. The length of a number
-- follows from its binary form: the second field is the weight, in units of four digits, the fourth is the
-- scale.
create function jobs._large_text_size(i_value jsonb, i_enough bigint default 268435456) returns bigint
language plpgsql stable strict parallel unsafe set search_path = pg_catalog, pg_temp as $$
declare
  v_size bigint := (
    select coalesce(sum(4 * greatest((get_byte(b, 2) << 8 | get_byte(b, 3)) - 65536 * (get_byte(b, 2) >> 7), 0) + (get_byte(b, 6) << 8 | get_byte(b, 7))), 0)
    from jsonb_path_query(i_value, 'strict $.** ? (@.type() == "number" && (@ > 1e300 || @ < -1e300 || @ > -1e-300 && @ < 1e-300 && @ != 0))') n,
      numeric_send(n::numeric) b);
begin
  return least(case when v_size > i_enough then v_size else octet_length(i_value::text) end, 268435456);
exception when program_limit_exceeded or out_of_memory then
  return 268435456;
end $$;

-- The size of a value as JSON text, in bytes, because values are sent as text. The stored size says little:
-- PostgreSQL stores a number of 131,000 digits in 12 bytes. Inlined wherever it is used.
create function jobs._text_size(i_value jsonb) returns bigint
language sql stable parallel unsafe
return coalesce(case
  when pg_catalog.pg_column_size(i_value) <= 8192 and pg_catalog.pg_column_compression(i_value) is null
    then pg_catalog.octet_length(i_value::text)
  else jobs._large_text_size(i_value) end, 0);

-- The value of jobs.pending.returned for a requeued job: sets it apart from others with its id. Random, so
-- that nobody can collide with it on purpose.
create function jobs._any_key() returns smallint
language sql volatile parallel safe
return (1 + pg_catalog.floor(32767 * pg_catalog.random()))::smallint;

-- A job that has not ended, as it was while pending.
create type jobs.open_job as (
  id bigint,
  job_id varchar collate "C",
  task varchar collate "C",
  body jsonb,
  retries integer,
  max_retries integer,
  priority integer,
  timeout numeric(9, 2),
  created_at timestamptz,
  scheduled_at timestamptz,
  ready_seq bigint,
  attempt integer,
  traceback text
);

-- Pending jobs: one in a row, or up to 64 that were published together (a packed row). A packed row has the
-- id, number and ready_seq of its first job, and is never updated: when one of its jobs must be treated by
-- itself, it is unpacked (jobs._unpack; docs/decisions/0011).
create table jobs.pending (
  id bigint not null,
  job_id varchar(32) collate "C" not null,
  task varchar collate "C" not null,
  body jsonb,                                  -- {"args": [...], "kwargs": {...}}, or what clients agreed on
  retries integer not null default 0,          -- failed runs that another one followed
  max_retries integer not null default 3,      -- runs in all: 3 means at most three
  priority integer not null default 0,         -- greater runs first
  timeout numeric(9, 2) not null default 60,   -- seconds that one run may take
  created_at timestamptz not null,
  scheduled_at timestamptz,                    -- not before this time
  ready_seq bigint,                            -- position in the queue; null: not due yet
  attempt integer not null default 0,          -- runs started so far, counted or not; only ever grows
  traceback text,                              -- why the last run failed
  size integer not null default 1,             -- jobs in this row
  bytes integer not null default 0,            -- size of the bodies as text, because they are sent as text
  last_job varchar(32) collate "C",            -- packed row: the greatest job id; job_id is the least
  jobs jobs.open_job[],                        -- packed row: the jobs, in order
  -- 0 for a job as it was published, so that no two are published with one id. A random other number once it
  -- was requeued or unpacked: its key then equals no other, so requeueing it never waits for another
  -- transaction. Negative when its worker died and the run did not count as an attempt, because it had not
  -- begun as far as was known. Two bytes, because the entry in the primary key has room for them.
  returned smallint not null default 0,
  constraint pending_by_job_id primary key (job_id, returned)
) with (
  -- Rows live for milliseconds. So autovacuum starts at a number of rows, not at a share of the table, and
  -- does not truncate, which takes an exclusive lock.
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, vacuum_truncate = off,
  toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 20000, toast.autovacuum_vacuum_cost_delay = 0,
  toast.vacuum_truncate = off
);
alter table jobs.pending alter column jobs set storage external;   -- compressing costs more than writing it
-- Claims read this from the head of each task, so that they never read jobs of other tasks or jobs that are
-- not due.
create index pending_ready on jobs.pending (task, jobs._rank(priority, ready_seq), ready_seq) where ready_seq is not null;
create index pending_future on jobs.pending (scheduled_at) where ready_seq is null;
-- To find the packed row of a job.
create index pending_of_many on jobs.pending (job_id, last_job) where size > 1;

-- Running jobs, up to 64 in a row: a claim moves them here from jobs.pending as an array, and a bit for each
-- shows whether it still runs. So a run costs a share of a row, instead of two new row versions with their
-- index entries (docs/decisions/0009).
create table jobs.batch (
  lease uuid not null,                         -- the key to settle these runs; never shown in a view
  part integer not null,                       -- the nth batch of a claim; below zero: an own batch (one job)
  worker uuid,                                 -- the worker that claimed them; null: a plain client
  run_at timestamptz not null,                 -- when they were claimed
  counted_from timestamptz not null,           -- the timeouts of the jobs count from here
  margin interval not null,                    -- by which a lease outlasts the job's timeout
  expires_at timestamptz not null,             -- when the first lease of these jobs ends
  open bigint not null,                        -- bit n set: jobs[n + 1] still runs
  -- Bit n set: the worker may have begun jobs[n + 1], so that the run counts as an attempt if the worker
  -- dies.
  started bigint not null,
  first_job varchar(32) collate "C" not null,  -- least and greatest job id: to find a job's batch
  last_job varchar(32) collate "C" not null,
  jobs jobs.open_job[] not null,               -- as they were when claimed
  constraint batch_by_lease primary key (lease, part)
) with (
  fillfactor = 80,                             -- room to update the bits in place
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000, vacuum_truncate = off,
  toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 20000, toast.autovacuum_vacuum_cost_delay = 0,
  toast.vacuum_truncate = off
);
alter table jobs.batch alter column jobs set storage external;
create index batch_by_expiry on jobs.batch (expires_at);
create index batch_by_worker on jobs.batch (worker) where worker is not null;
-- To find a job's batch: its own batch, or the few batches of many jobs.
create index batch_by_first_job on jobs.batch (first_job);
create index batch_of_many on jobs.batch (first_job, last_job) where part >= 0;

-- Ended jobs (history): one partition for each day, dropped whole instead of deleted by row
-- (jobs.maintain_partitions).
create table jobs.job (
  id bigint not null,
  job_id varchar(32) collate "C" not null,
  task varchar collate "C" not null,
  body jsonb,
  retries integer not null,
  max_retries integer not null,
  priority integer not null,
  timeout numeric(9, 2) not null,
  status jobs.job_status not null,
  created_at timestamptz not null,
  run_at timestamptz,                          -- when the last run was claimed; null: never ran
  scheduled_at timestamptz,
  complete_on timestamptz not null,
  result jsonb,
  traceback text,                              -- the last error, even if a later run succeeded
  attempt integer not null,
  lease uuid,                                  -- of the run that ended it: makes its ack repeatable
  worker uuid
) partition by range (complete_on);
alter table jobs.job replica identity full;    -- otherwise a publication of all tables stops deletes
-- Takes rows that no daily partition takes; normally empty.
create table jobs.job_default partition of jobs.job default;
alter table jobs.job_default replica identity full;
create index on jobs.job_default (complete_on);
-- The only query that must be fast asks for one job. No unique index can span partitions; a job ends only
-- once because it has one row in jobs.batch and leaves it when it ends.
create index job_by_job_id on jobs.job (job_id);
create index job_not_success on jobs.job (job_id) where status <> 'success';

-- Tasks as workers declare them.
create table jobs.task (
  name varchar collate "C" primary key,
  aliases text[] not null default '{}',
  doc text not null default '',
  args_schema jsonb not null,
  result_schema jsonb not null,
  retries integer not null,
  timeout numeric(9, 2) not null,
  priority integer not null,
  -- Which ended jobs go to history.
  keep text not null default 'all' constraint keep_is_known check (keep in ('all', 'failed', 'none')),
  params jsonb,                        -- [{name, type, required}] in order; null: bodies are not validated
  extra_kwargs boolean not null default false, -- accepts keywords of any name
  validation text not null default 'strict' constraint validation_is_known check (validation in ('off', 'warn', 'strict')),
  -- An operator's setting, which overrides the worker's in `validation`.
  validation_set text constraint validation_set_is_known check (validation_set in ('off', 'warn', 'strict')),
  -- args_schema compiled: true for a body that fits; null: only jobs._schema_error, which walks schema and
  -- body, can decide.
  fits jsonpath,
  declared_at timestamptz not null,
  -- The role that declared it first or got it later, and may change it (0008_registry.sql).
  owner oid not null,
  -- The name of that role then. It is no longer the name of this oid if the role was renamed, or if the oid
  -- is from another server.
  owner_name name not null
);
create index task_of_owner on jobs.task (owner);
create index task_with_aliases on jobs.task (name) where aliases <> '{}';

-- The signatures that workers have declared for a task, the current one among them. While versions of a
-- program run side by side, a body may fit any signature in use (docs/decisions/0013).
create table jobs.task_signature (
  task varchar collate "C" not null,
  params jsonb,
  extra_kwargs boolean not null,
  args_schema jsonb not null,
  fits jsonpath,                       -- as in jobs.task
  declared_at timestamptz not null     -- when last declared, to within ten minutes
);
create index task_signature_by_task on jobs.task_signature (task);
alter table jobs.task_signature replica identity full;

-- What publish reads about a task, under its name and each alias; derived from jobs.task.
create table jobs.publish_check (
  name varchar collate "C" primary key,
  task varchar collate "C" not null,
  mode text not null,
  keep text not null,
  names text[],                        -- the only keywords allowed; null: any
  fits jsonpath
) with (toast_tuple_target = 8160);    -- `fits` stays in the row if it fits on a page: fetching it from TOAST
-- costs more than evaluating it. So does decompressing it, hence the three `external` below: a compressed
-- value would be copied as it is.
create index publish_check_unkept on jobs.publish_check (keep, name) where keep <> 'all';
alter table jobs.task alter column fits set storage external;
alter table jobs.task_signature alter column fits set storage external;
alter table jobs.publish_check alter column fits set storage external;

-- The patterns of the tasks that a caller may publish, or consume: those of the session user, and those of
-- the role that is set. Null: no limit. A caller with neither is not restricted.
create type jobs.limits as (login text[], role text[]);

-- Topic grants: a role that has any is restricted to these topics (0017_topics.sql, which also explains when
-- the oid of the role counts and when its name).
create table jobs.topic_grant (
  role oid not null,
  name name not null,                  -- of the role, when the grant was made
  -- The cluster where the role has this oid: roles belong to a cluster, and a dump may be restored in
  -- another.
  cluster bigint not null,
  topic text not null,
  pattern text not null,               -- the topic as a LIKE pattern
  publish boolean not null,
  consume boolean not null,
  primary key (role, topic)
);

-- Workers that are alive, or were until lost_at.
create table jobs.worker (
  id uuid primary key,
  role oid not null,                   -- registered the worker and may act for it: the role that was set,
  login oid not null,                  -- and the session user
  host text not null,
  pid integer not null,
  version text not null,
  topics text[] not null,
  tasks text[] not null,               -- every task name it claims
  slots integer not null,
  started_at timestamptz not null,
  heartbeat_at timestamptz not null,
  lease_seconds numeric(9, 2) not null,
  expires_at timestamptz not null,     -- heartbeats extend it; past it the worker counts as dead
  lost_at timestamptz,                 -- set by the sweep that found it dead; it must register anew
  -- Leases of claims that were released (jobs.release): such a claim may not commit any more.
  void_leases uuid[] not null default '{}'
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);

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
  scheduled_at timestamptz, attempt integer
);
create type jobs.claimed as (
  id bigint, job_id varchar, task varchar, body jsonb, retries integer, max_retries integer,
  priority integer, timeout numeric, created_at timestamptz, run_at timestamptz,
  scheduled_at timestamptz, attempt integer, expires_at timestamptz, lease uuid
);
create type jobs.ended as (
  id bigint, job_id varchar, task varchar, body jsonb, retries integer, max_retries integer,
  priority integer, timeout numeric, status jobs.job_status, created_at timestamptz,
  run_at timestamptz, scheduled_at timestamptz, complete_on timestamptz, result jsonb,
  traceback text, attempt integer
);

-- Whether every client can represent this time: Python's times end with the year 9999, in whatever zone they
-- are shown, PostgreSQL's with the year 294276.
create function jobs._is_reachable(i_at timestamptz) returns boolean
language sql immutable parallel safe
return pg_catalog.tstzrange('0001-01-02 00:00:00+00', '9999-12-30 00:00:00+00') @> i_at;

-- A time of the original, read as UTC, or the nearest time that every client can represent.
create function jobs._reachable(i_at timestamp) returns timestamptz
language sql immutable parallel safe
return least(greatest(i_at at time zone 'utc', '0001-01-02 00:00:00+00'::timestamptz), '9999-12-30 00:00:00+00'::timestamptz);

-- A number of failed runs from the original's table, which others may have written too, limited so that
-- counting can go on from it.
create function jobs._sane_retries(i_retries integer) returns integer
language sql immutable parallel safe
return least(greatest(coalesce(i_retries, 0), 0), 1000);

-- Copies the original's jobs, in their order and with their ids. The original stored times without a zone and
-- its client sends UTC, so they are read as UTC. NULL meant "no limit" in its bulk jobs, so that they ran for
-- ever: here it becomes the default. A time that not every client can represent becomes the nearest that they
-- can. Running jobs become pending, and the run counts as an attempt, because nobody will finish them under a
-- lease.
do $$
begin
  if pg_catalog.to_regclass('jobs.original_job_queue') is null then
    return;
  end if;
  perform pg_catalog.setval('jobs.job_number', greatest(
    (select coalesce(max(q.id), 0) from jobs.original_job_queue q),
    (select coalesce(max(h.id), 0) from jobs.original_job h), 1));
  insert into jobs.pending (id, job_id, task, body, retries, max_retries, priority, timeout,
                            created_at, scheduled_at, ready_seq, attempt, traceback, bytes)
  select q.id, q.job_id, q.task, q.body,
    least(jobs._sane_retries(q.retries) + (q.run_at is not null)::integer, greatest(coalesce(q.max_retries, 3), 1) - 1),
    greatest(coalesce(q.max_retries, 3), 1), coalesce(q.priority, 0),
    least(greatest(coalesce(q.timeout, 60), 0.01), 604800), jobs._reachable(coalesce(q.created_at, now() at time zone 'utc')),
    jobs._reachable(q.scheduled_at),
    case when q.scheduled_at is null or q.scheduled_at at time zone 'utc' <= now() then q.id end,
    jobs._sane_retries(q.retries) + (q.run_at is not null)::integer,
    case when q.run_at is not null then 'was running when the database was migrated' end, jobs._text_size(q.body)
  from jobs.original_job_queue q where jobs._text_size(q.body) < 268435456 and length(q.task) <= 200;
  -- A job whose body is too large to send, or whose name no task can have, ends here.
  insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status,
                        created_at, complete_on, traceback, attempt)
  select q.id, q.job_id, left(q.task, 200), q.body, jobs._sane_retries(q.retries), greatest(coalesce(q.max_retries, 3), 1), coalesce(q.priority, 0),
    least(greatest(coalesce(q.timeout, 60), 0.01), 604800), 'failed', jobs._reachable(coalesce(q.created_at, now() at time zone 'utc')),
    now(), case when length(q.task) <= 200 then 'its arguments are too large to be sent to a worker' else 'no task has a name of more than 200 characters' end, jobs._sane_retries(q.retries)
  from jobs.original_job_queue q where (jobs._text_size(q.body) < 268435456 and length(q.task) <= 200) is not true;
  insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status,
                        created_at, run_at, scheduled_at, complete_on, result, traceback, attempt)
  select h.id, h.job_id, left(h.task, 200), h.body, jobs._sane_retries(h.retries), greatest(coalesce(h.max_retries, 3), 1),
    coalesce(h.priority, 0), least(greatest(coalesce(h.timeout, 60), 0.01), 604800), h.status::text::jobs.job_status,
    jobs._reachable(coalesce(h.created_at, h.complete_on, now() at time zone 'utc')), jobs._reachable(h.run_at),
    jobs._reachable(h.scheduled_at), jobs._reachable(coalesce(h.complete_on, now() at time zone 'utc')),
    -- A result that cannot be sent would make every listing that reaches its row fail.
    case when m.fits then h.result end,
    case when m.fits then left(h.traceback, 16000) else concat_ws(E'\n', left(h.traceback, 16000), 'its result was too large to be sent to anybody, and was left out') end,
    jobs._sane_retries(h.retries) + 1
  from jobs.original_job h, lateral (select jobs._text_size(h.result) < 268435456 as fits offset 0) m;
  drop table jobs.original_job_queue, jobs.original_job;
  drop type jobs.original_job_status;
end $$;
