-- Where jobs are stored: pending, running, ended (schema.sql has a picture). Clients call functions and read
-- views, never these tables, so that a later version may store jobs differently. Each column is documented
-- here and nowhere else.

-- The order of a queue, ascending: the greater priority first, and within one priority the jobs that were
-- released (their ready_seq is below zero) before the others. Jobs that a limit has blocked come after all
-- others (above 2^40), where no claim reads. Inlined wherever it is used.
create function jobs._rank(i_priority integer, i_ready_seq bigint, i_bucket bigint default null) returns bigint
language sql immutable parallel safe
return (~i_priority)::bigint * 2 + (i_ready_seq > 0)::integer + case when i_bucket is null then 0 else 2199023255552 end;

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

-- What follows from the end of a job, besides its row in history; null: nothing. A kind of consequence is an
-- attribute or more. Of the jobs that have it only those of a node are packed; any other is treated by itself.
create type jobs.on_end as (
  unique_name varchar collate "C",             -- the unique key that the job holds (jobs.unique_key)
  unique_key text collate "C",
  until_started boolean,                       -- gives the key up when it is claimed, and not when it ends
  kept bigint[],                               -- buckets of limits in order whose slots it keeps between its runs
  node bigint,                                 -- the node of a workflow that it is a job of (jobs.node)
  nth integer,                                 -- its position among the jobs of the node, from 0
  steps boolean                                -- it has recorded steps, which go when it has ended
);

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
  traceback text,
  meta jsonb,
  on_end jobs.on_end
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
  meta jsonb,                                  -- what the publisher notes beside the arguments; null: nothing
  on_end jobs.on_end,                          -- what follows from its end; null: nothing
  size integer not null default 1,             -- jobs in this row
  bytes integer not null default 0,            -- size of the bodies as text, because they are sent as text
  last_job varchar(32) collate "C",            -- packed row: the greatest job id; job_id is the least
  jobs jobs.open_job[],                        -- packed row: the jobs, in order
  bucket bigint,                               -- it is due, but waits for a slot of this bucket (jobs.bucket)
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
create index pending_ready on jobs.pending (task, jobs._rank(priority, ready_seq, bucket), ready_seq) where ready_seq is not null;
create index pending_future on jobs.pending (scheduled_at) where ready_seq is null;

-- The jobs that wait for a slot of a bucket, in the order of their queue.
create index pending_blocked on jobs.pending (bucket, jobs._rank(priority, ready_seq), ready_seq) where bucket is not null;

-- To find the packed row of a job.
create index pending_of_many on jobs.pending (job_id, last_job) where size > 1;

-- Running jobs, up to 64 in a row: a claim moves them here from jobs.pending as an array, and a bit for each
-- shows whether it still runs. So a run costs a share of a row, instead of two new row versions with their
-- index entries (docs/decisions/0009).
create table jobs.batch (
  lease uuid not null,                         -- the key to settle these runs; never shown in a view
  part integer not null,                       -- the nth batch of a claim; below zero: an own batch (one job)
  worker uuid,                                 -- the worker that claimed them; null: a plain client
  on_end boolean not null default false,       -- some of these jobs have an on_end; here, where it takes no space
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
  -- The slots that these runs hold: slots_each buckets for each job, filled up with nulls; null: none. And what
  -- each slot costs; null: 1.
  buckets bigint[],
  costs integer[],
  slots_each integer,
  -- All of these jobs are of this node of a workflow, and the first has this position there; null: not known.
  node bigint,
  node_from integer,
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
  worker uuid,
  meta jsonb,
  on_end jobs.on_end                           -- of a job that did not succeed, for jobs.retry; else null
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

-- Unique keys that jobs hold: while a row is here, no other job is published under its key
-- (functions/14_publish_unique.sql). Claims, settles and operators delete it together with what ends the
-- hold, in one transaction, so that the key of a job is here exactly while it is held.
create table jobs.unique_key (
  name varchar collate "C" not null,           -- the task, or a name that several tasks share
  key text collate "C" not null,               -- the values as a JSON array, or `sha256:` and a hash of a long one
  job_id varchar(32) collate "C" not null,     -- the job that holds it
  until timestamptz,                           -- when it ends by itself; null: with the start or end of the job
  constraint unique_key_by_name primary key (name, key)
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, vacuum_truncate = off
);
create index unique_key_until on jobs.unique_key (until) where until is not null;
-- For jobs.explain; other keys are found from their jobs.
create index unique_key_for_a_time on jobs.unique_key (job_id) where until is not null;

-- The state of jobs.maintain_partitions: one row. The caller that locks it does the work; the others return.
create table jobs.retention (
  only_row boolean primary key default true check (only_row),
  looked_at timestamptz not null,             -- the last call
  jumped_at timestamptz,                      -- the first call after a gap of two days: the clock may be wrong
  gave_way integer not null default 0,        -- how many consecutive calls did not get their lock
  gave_way_at timestamptz                     -- when the last of them was
);
insert into jobs.retention (looked_at) values (now());

-- The number of consecutive calls that found that row locked. A sequence, because these calls cannot write
-- the row.
create sequence jobs.retentions_turned_away as bigint minvalue 0 start 1;
