-- Schedules: jobs that are published at set times. Nothing reads these tables until the first schedule is made.

-- A cron line, read. Numbers are in order.
create type jobs.cron as (
  minutes integer[], hours integer[], months integer[],
  days integer[],           -- of the month
  workdays integer[],       -- the workday (monday to friday) nearest to this day; 0: the last of the month
  last_day boolean,         -- the last day of the month
  weekdays integer[],       -- 0 is sunday
  nth_weekdays integer[],   -- n * 10 + weekday: the nth of the month; n = 6: the last
  any_day boolean, any_weekday boolean, any_hour boolean   -- the field is a star; any_hour: begins with one
);

create table jobs.schedule (
  name varchar collate "C" primary key,
  task varchar collate "C" not null,
  body jsonb, meta jsonb, timeout numeric(9, 2), priority integer, max_retries integer,   -- of each job, as jobs.publish takes them
  -- When it is due: exactly one of these.
  cron text, every interval, at timestamptz,
  zone text not null default 'UTC',
  gap text constraint gap_is_known check (gap in ('shift', 'skip')),              -- null: by the hour field
  fold text constraint fold_is_known check (fold in ('first', 'second', 'both')),
  jitter interval not null default '0',
  -- What happens to ticks that came late, or while the job of the one before is open.
  catch_up text not null default 'last' constraint catch_up_is_known check (catch_up in ('skip', 'last', 'all')),
  catch_up_limit integer not null default 100 constraint catch_up_limit_is_1_to_1000 check (catch_up_limit between 1 and 1000),
  overlap text not null default 'allow' constraint overlap_is_known check (overlap in ('allow', 'skip')),
  next_at timestamptz,                 -- the next tick; null: none will come
  due_at timestamptz,                  -- when that tick publishes: with its jitter, or later after an error
  last_at timestamptz, last_job varchar(32) collate "C",   -- the last tick that published, and its job
  paused_at timestamptz, paused_by name, pause_note text,
  entries bigint not null default 0,   -- numbers of its log given out
  declared jsonb,                      -- what the code says; null: made by hand
  edited boolean not null default false,   -- declared, and changed by hand since
  undeclared_at timestamptz,           -- the code stopped saying so; live workers of older code may still
  created_at timestamptz not null, changed_at timestamptz not null, changed_by name not null,
  constraint one_kind_of_time check (num_nonnulls(cron, every, at) = 1)
);
create index schedule_due on jobs.schedule (due_at) where paused_at is null;
create index schedule_of_task on jobs.schedule (task);

-- What became of each tick, and who changed the schedule; the last 200 entries of each.
create table jobs.schedule_entry (
  schedule varchar collate "C" not null,
  number bigint not null,
  tick timestamptz,                    -- the time it stands for; of several the last
  at timestamptz not null,
  outcome text not null,               -- published, caught_up, skipped, missed, failed, delayed, run, backfilled, paused, resumed, set
  job_id varchar(32) collate "C",      -- what it published; of a skipped tick, the job in its way
  reason text,
  primary key (schedule, number)
);

-- Has a value once a schedule was made: until then workers do not look for due ones.
create sequence jobs.schedules_made as bigint;

-- A schedule without what its jobs get as arguments, for everybody who lists schedules.
create type jobs.schedule_info as (
  name varchar, task varchar, cron text, every interval, at timestamptz, zone text, gap text, fold text, jitter interval,
  catch_up text, catch_up_limit integer, overlap text, timeout numeric, priority integer, max_retries integer, meta jsonb,
  next_at timestamptz, due_at timestamptz, last_at timestamptz, last_job varchar,
  paused_at timestamptz, paused_by name, pause_note text,
  declared boolean, edited boolean, undeclared_at timestamptz, created_at timestamptz, changed_at timestamptz, changed_by name
);
