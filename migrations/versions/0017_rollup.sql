-- Statistics: what ended, counted by task and minute, so that charts of a month need not read history.
-- Nothing reads or writes these tables until jobs.keep_statistics(true).
create table jobs.rollup (
  task varchar collate "C" not null,           -- empty: all tasks together
  at timestamptz not null,                     -- the start of the time that this row counts
  seconds integer not null,                    -- its length: 60, later folded to 600, then to 3600
  success integer not null,
  failed integer not null,
  cancelled integer not null,
  -- Histograms of the last run of each job. Element n counts what took up to 2 ^ ((n - 1) / 4) milliseconds
  -- and more than the element before: steps of 19 %, from 1 ms to 41 days. Elements after the last that is
  -- not 0 are left out.
  wait integer[] not null,                     -- from when it could run to when it was claimed
  run integer[] not null,                      -- from the claim to the end
  constraint rollup_by_task primary key (task, at, seconds)
) with (
  fillfactor = 70,                             -- the row of the current minute is updated again and again
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000
);
create index rollup_by_time on jobs.rollup (at);

-- How far each day of history is counted. Whoever locks a row counts its day.
create table jobs.rollup_day (
  day date primary key,                        -- UTC, as the partitions
  counted pg_snapshot,                         -- the jobs that this snapshot sees are counted; null: none is
  counting pg_snapshot,                        -- the pass that is on counts those that this one sees; null: none is on
  block bigint not null default 0,             -- where the pass goes on
  blocks bigint not null default 0,            -- where it ends
  blocks_before bigint not null default 0,     -- where the pass before it ended
  begun_at timestamptz not null default '-infinity',   -- when the last pass began
  folded_to timestamptz not null,              -- minutes before this time are folded
  is_by_hour boolean not null default false    -- the whole day is folded to hours
);

-- 1 while statistics are kept, 0 when they no longer are; no value: they never were.
create sequence jobs.statistics_kept as bigint minvalue 0 start 1;
