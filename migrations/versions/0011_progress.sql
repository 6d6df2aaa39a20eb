-- Progress and log of runs. Nothing reads these tables until the first run reports something, and no table of
-- jobs names them. Both have a row for a run (job and attempt), whose partition is the day on which the run
-- was claimed: all that a run writes is in one partition, and a day is dropped whole.

-- How far each run is: its newest report.
create table jobs.progress (
  job_id varchar(32) collate "C" not null,
  attempt integer not null,
  run_at timestamptz not null,                 -- when the run was claimed
  task varchar collate "C" not null,
  worker uuid,                                 -- null: a plain client
  version integer not null,                    -- which report of the run this is: an older one never replaces it
  at timestamptz not null,                     -- when it arrived
  done double precision not null,
  total double precision,                      -- null: not known
  note text,
  constraint progress_by_run primary key (job_id, attempt, run_at)
) partition by range (run_at);

-- What runs logged. A row has the lines that were sent together, because a row for each costs more to write.
create table jobs.log (
  job_id varchar(32) collate "C" not null,
  attempt integer not null,
  run_at timestamptz not null,
  task varchar collate "C" not null,
  line integer not null,                       -- number of the first of these lines in its run, from 1
  lines jsonb not null,                        -- of each an array: time, level, target, message, fields
  constraint log_by_run primary key (job_id, attempt, run_at, line)
) partition by range (run_at);

-- These take rows of days without a partition: normally those of the moment before the first were made.
create table jobs.progress_default partition of jobs.progress default;
create table jobs.log_default partition of jobs.log default;
create index on jobs.progress_default (run_at);
create index on jobs.log_default (run_at);

-- What the run that made a job a success has said, where that was sent with its outcome: an object of `done`,
-- `total`, `note` and `logs`, as in jobs._note_progress (functions/34_progress.sql). Most runs are short and
-- say all of it at once: so it costs no row and no index entry of its own. Null: it said nothing, or it is in
-- the tables above. Text, because settles are not to take it apart (jobs._said reads it).
alter table jobs.job add column said text;

-- Has a value once a run reported something: until then nobody looks for progress.
create sequence jobs.progress_made as bigint;
