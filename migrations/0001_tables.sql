-- The tables of schema `jobs`, and the take-over of a database that the original made.
--
-- Storage is private: clients call functions and read views, so that a later migration may store
-- jobs otherwise. What a column means is said here, once.

-- `if not exists` would ask for the right to make it even where it exists.
do $$
begin
  if pg_catalog.to_regnamespace('jobs') is null then
    create schema jobs;
  end if;
end $$;

-- The original (the Python package 0.2.1) kept its jobs in tables of these names. Its functions
-- and views go, its tables step aside until their rows are taken over at the end of this file.
-- Nothing is dropped with cascade: a view of yours that leans on the original stops the migration
-- with an error that names it, and nothing is lost.
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

-- Read by the original's client, whose migrator then finds nothing to do.
create table jobs.migrations (migration integer primary key);
insert into jobs.migrations (migration) values (1);

create type jobs.job_status as enum ('success', 'failed', 'cancelled');

-- Settings of this installation; one row.
create table jobs.config (
  only_row boolean primary key default true check (only_row),
  history_days integer constraint history_days_is_1_to_36500 check (history_days between 1 and 36500),   -- null keeps history for ever
  -- Sizes are those of JSON text. A body of 512 bytes is published without a look at its limit.
  max_body_bytes integer not null default 1048576 constraint max_body_bytes_is_512_to_134217728 check (max_body_bytes between 512 and 134217728),
  max_result_bytes integer not null default 67108864 constraint max_result_bytes_is_1_to_134217728 check (max_result_bytes between 1 and 134217728),
  -- Jobs in one call, and the bytes of their bodies: no message to the server is longer than 1 GiB.
  max_bulk integer not null default 100000 constraint max_bulk_is_1_to_10000000 check (max_bulk between 1 and 10000000),
  max_bulk_bytes integer not null default 67108864 constraint max_bulk_bytes_is_512_to_1073741823 check (max_bulk_bytes between 512 and 1073741823),
  notify boolean not null default true,             -- false: workers poll, publishers never notify
  unknown_task text not null default 'accept'       -- what publishing does with a task that nobody has declared
    constraint unknown_task_is_known check (unknown_task in ('accept', 'reject'))
);
insert into jobs.config (history_days) values (14);

-- Numbers jobs, and orders them: a job takes its place in line from the same sequence.
create sequence jobs.job_number as bigint;

-- Two flags that must be seen at once, outside transactions, and cost no dead rows: the value is
-- the millisecond until which someone listens. A publisher notifies only while a worker sleeps,
-- a finisher only while someone waits for a result.
create sequence jobs.sleeping_until as bigint minvalue 0 start 0;
create sequence jobs.waiting_until as bigint minvalue 0 start 0;

-- The order of a line, ascending: the greater priority first, and within one priority the jobs that
-- were given back (their place is below zero) before the others. Inlined wherever it is used.
create function jobs._rank(i_priority integer, i_ready_seq bigint) returns bigint
language sql immutable parallel safe
return (~i_priority)::bigint * 2 + (i_ready_seq > 0)::integer;

-- The bytes of a large value as JSON text, without writing down what its longest numbers alone make too large: more than i_enough (or
-- 256 MB, which stand for all that is larger). How long a number is tells its weight, the second field of its binary form, in
-- units of four digits, and its scale, the fourth.
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

-- The bytes of a value as JSON text, which is how it is sent: what is stored says little, since PostgreSQL keeps
-- a number of 131,000 digits in 12 bytes. Inlined wherever it is used.
create function jobs._text_size(i_value jsonb) returns bigint
language sql stable parallel unsafe
return coalesce(case
  when pg_catalog.pg_column_size(i_value) <= 8192 and pg_catalog.pg_column_compression(i_value) is null
    then pg_catalog.octet_length(i_value::text)
  else jobs._large_text_size(i_value) end, 0);

-- What tells a job that came back from others of its id; drawn, so that nobody can aim at it.
create function jobs._any_key() returns smallint
language sql volatile parallel safe
return (1 + pg_catalog.floor(32767 * pg_catalog.random()))::smallint;

-- A job that has not ended, as it waits.
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

-- Pending jobs: a row for each, or one for up to 64 that were published together. Such a row has the
-- id, number and place of its first job, and comes apart when one of them must be treated by itself
-- (jobs._unpack); nothing ever changes in it (docs/decisions/0011).
create table jobs.pending (
  id bigint not null,
  job_id varchar(32) collate "C" not null,
  task varchar collate "C" not null,
  body jsonb,                                  -- {"args": [...], "kwargs": {...}}, or whatever a client agreed on
  retries integer not null default 0,          -- failed runs that another one followed
  max_retries integer not null default 3,      -- runs in all: 3 means at most three
  priority integer not null default 0,         -- greater first
  timeout numeric(9, 2) not null default 60,   -- seconds that one run may take
  created_at timestamptz not null,
  scheduled_at timestamptz,                    -- not before this
  ready_seq bigint,                            -- place in line; null: its time has not come
  attempt integer not null default 0,          -- starts so far, counted or not; only ever grows
  traceback text,                              -- why the last run failed
  size integer not null default 1,             -- jobs in this row
  bytes integer not null default 0,            -- of the bodies as text, which is how they are sent
  last_job varchar(32) collate "C",            -- of several: the greatest job id; job_id is the least
  jobs jobs.open_job[],                        -- of several: the jobs, in order
  -- 0 of a job as it was published, so that no two are published with one id. Any other number of one that came back or came apart
  -- from others: then its key meets nobody's, and whoever brings it back waits for nobody. Below zero when it came from a worker
  -- that died, uncharged: it had not begun as far as was known. Two bytes, for which the key's entry has room.
  returned smallint not null default 0,
  constraint pending_by_job_id primary key (job_id, returned)
) with (
  -- Rows live for milliseconds: vacuum by their number, not by a share of the table, and do not
  -- take the exclusive lock that truncation needs.
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, vacuum_truncate = off,
  toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 20000, toast.autovacuum_vacuum_cost_delay = 0,
  toast.vacuum_truncate = off
);
alter table jobs.pending alter column jobs set storage external;   -- to compress it costs more than to write it
-- Claims walk this from the head of each task: jobs of other tasks and future jobs are not in the way.
create index pending_ready on jobs.pending (task, jobs._rank(priority, ready_seq), ready_seq) where ready_seq is not null;
create index pending_future on jobs.pending (scheduled_at) where ready_seq is null;
-- To find the row of a job that was published with others.
create index pending_of_many on jobs.pending (job_id, last_job) where size > 1;

-- Running jobs, up to 64 in a row: a claim moves them here from jobs.pending as an array, and bits
-- tell which still run. What a run costs the database is then a share of a row, and not two new
-- versions of its own with their index entries (docs/decisions/0009).
create table jobs.batch (
  lease uuid not null,                         -- the key to settle these runs; never shown in a view
  part integer not null,                       -- a claim takes several batches; below zero: a batch for one job alone
  worker uuid,                                 -- the holder, when it is a registered worker
  run_at timestamptz not null,                 -- when they were claimed
  counted_from timestamptz not null,           -- their time to run counts from here
  margin interval not null,                    -- by which the lease outlasts a job's timeout
  expires_at timestamptz not null,             -- the first lease of these ends here
  open bigint not null,                        -- bit n set: jobs[n + 1] still runs
  started bigint not null,                     -- bit n set: its worker may have begun it, so that the worker's death is charged
  first_job varchar(32) collate "C" not null,  -- least and greatest job id: to find a job's batch
  last_job varchar(32) collate "C" not null,
  jobs jobs.open_job[] not null,               -- as they were when they were claimed
  constraint batch_by_lease primary key (lease, part)
) with (
  fillfactor = 80,                             -- room for the bits to change in place
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000, vacuum_truncate = off,
  toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 20000, toast.autovacuum_vacuum_cost_delay = 0,
  toast.vacuum_truncate = off
);
alter table jobs.batch alter column jobs set storage external;
create index batch_by_expiry on jobs.batch (expires_at);
create index batch_by_worker on jobs.batch (worker) where worker is not null;
-- To find a job's batch: its own, or the few that hold many.
create index batch_by_first_job on jobs.batch (first_job);
create index batch_of_many on jobs.batch (first_job, last_job) where part >= 0;

-- Ended jobs, one partition a day, dropped and not deleted (jobs.maintain_partitions).
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
  traceback text,                              -- the last error, also of a job that then succeeded
  attempt integer not null,
  lease uuid,                                  -- of the attempt that ended it: makes its ack repeatable
  worker uuid
) partition by range (complete_on);
alter table jobs.job replica identity full;    -- so that a publication of all tables does not stop deletes
-- Takes what no daily partition takes; normally empty.
create table jobs.job_default partition of jobs.job default;
alter table jobs.job_default replica identity full;
create index on jobs.job_default (complete_on);
-- The only reader that must be fast asks for one job. No unique index can span partitions: that a
-- job ends once follows from its one place in jobs.batch, which is given up when it ends.
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
  keep text not null default 'all' constraint keep_is_known check (keep in ('all', 'failed', 'none')),  -- which ended jobs go to history
  params jsonb,                        -- [{name, type, required}] in order; null: bodies are not checked
  extra_kwargs boolean not null default false, -- takes keywords of any name
  validation text not null default 'strict' constraint validation_is_known check (validation in ('off', 'warn', 'strict')),
  validation_set text constraint validation_set_is_known check (validation_set in ('off', 'warn', 'strict')),  -- an operator's word, before the worker's
  fits jsonpath,                       -- args_schema compiled: true of a body that fits; null: only the walk can tell
  declared_at timestamptz not null,
  owner oid not null,                  -- the role that declared it first, or was given it; who may change it (0008_registry.sql)
  owner_name name not null             -- its name then: of a role that was renamed, or of another server, it is not the owner's any more
);
create index task_of_owner on jobs.task (owner);
create index task_with_aliases on jobs.task (name) where aliases <> '{}';

-- What workers have declared a task to take, the present form among them. While versions of a program
-- run side by side, a body may fit any form in use (docs/decisions/0013).
create table jobs.task_signature (
  task varchar collate "C" not null,
  params jsonb,
  extra_kwargs boolean not null,
  args_schema jsonb not null,
  fits jsonpath,                       -- as in jobs.task
  declared_at timestamptz not null     -- last, to within ten minutes
);
create index task_signature_by_task on jobs.task_signature (task);
alter table jobs.task_signature replica identity full;

-- What publishing looks up, under each name and alias of a task: made from jobs.task.
create table jobs.publish_check (
  name varchar collate "C" primary key,
  task varchar collate "C" not null,
  mode text not null,
  keep text not null,
  names text[],                        -- the only keywords that there are; null: any
  fits jsonpath
) with (toast_tuple_target = 8160);    -- in the row while it fits on a page: to fetch it costs more than to evaluate it,
-- and so does to decompress it; a compressed one would be copied as it is.
create index publish_check_unkept on jobs.publish_check (keep, name) where keep <> 'all';
alter table jobs.task alter column fits set storage external;
alter table jobs.task_signature alter column fits set storage external;
alter table jobs.publish_check alter column fits set storage external;

-- The patterns of the tasks that a caller may publish, or consume: those of the session's user, and those of the role that is set.
-- Null: no limit. A caller without either is not narrowed.
create type jobs.limits as (login text[], role text[]);

-- To which topics roles are narrowed (0017_topics.sql, which says when the role counts and when its name).
create table jobs.topic_grant (
  role oid not null,
  name name not null,                  -- of the role, when the grant was made
  cluster bigint not null,             -- in which the role has this oid: roles belong to a cluster, and a dump goes elsewhere
  topic text not null,
  pattern text not null,               -- the topic, for LIKE
  publish boolean not null,
  consume boolean not null,
  primary key (role, topic)
);

-- Workers that are alive, or were until lost_at.
create table jobs.worker (
  id uuid primary key,
  role oid not null,                   -- who registered it, and may speak for it: the role that was set,
  login oid not null,                  -- and the user of the session
  host text not null,
  pid integer not null,
  version text not null,
  topics text[] not null,
  tasks text[] not null,               -- every name it claims
  slots integer not null,
  started_at timestamptz not null,
  heartbeat_at timestamptz not null,
  lease_seconds numeric(9, 2) not null,
  expires_at timestamptz not null,     -- heartbeats push it on; past it the worker counts as dead
  lost_at timestamptz,                 -- set by the sweep that found it dead; it must register anew
  void_leases uuid[] not null default '{}'   -- of claims that were given back (jobs.release): those may not commit any more
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);

create type jobs.bulk_job as (
  task varchar,
  body jsonb,
  scheduled_at timestamptz,
  timeout numeric,
  priority integer,
  max_retries integer
);

-- What functions return: types of their own, so that a new column in a table never changes the
-- result of a statement that some client has prepared.
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

-- The times that every client can hold: Python's end with the year 9999, in whatever zone they are shown. PostgreSQL's
-- own go on to the year 294276.
create function jobs._is_reachable(i_at timestamptz) returns boolean
language sql immutable parallel safe
return pg_catalog.tstzrange('0001-01-02 00:00:00+00', '9999-12-30 00:00:00+00') @> i_at;

-- A time of the original, in UTC, or the nearest that every client can hold.
create function jobs._reachable(i_at timestamp) returns timestamptz
language sql immutable parallel safe
return least(greatest(i_at at time zone 'utc', '0001-01-02 00:00:00+00'::timestamptz), '9999-12-30 00:00:00+00'::timestamptz);

-- A number of failed runs that the original wrote, or somebody else into its table, as one that can still be counted on from.
create function jobs._sane_retries(i_retries integer) returns integer
language sql immutable parallel safe
return least(greatest(coalesce(i_retries, 0), 0), 1000);

-- The original's jobs, in their order and with their ids. It stored times without a zone; its
-- client sends UTC, so they are read as UTC. NULL stood for "no limit" in its bulk jobs, which
-- left them running for ever: here they get the defaults. Times that not every client can hold come nearer. Running jobs are put back as pending
-- with this run charged, because nobody will finish them under a lease.
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
  -- What is too large to be sent to anybody ends here, and what no task can be called.
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
    -- A result that cannot be sent would end every listing that comes to its row.
    case when m.fits then h.result end,
    case when m.fits then left(h.traceback, 16000) else concat_ws(E'\n', left(h.traceback, 16000), 'its result was too large to be sent to anybody, and was left out') end,
    jobs._sane_retries(h.retries) + 1
  from jobs.original_job h, lateral (select jobs._text_size(h.result) < 268435456 as fits offset 0) m;
  drop table jobs.original_job_queue, jobs.original_job;
  drop type jobs.original_job_status;
end $$;
