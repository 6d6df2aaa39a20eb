-- Settings and sequences.

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
    constraint unknown_task_is_known check (unknown_task in ('accept', 'reject')),
  event_hours integer not null default 48 constraint event_hours_is_1_to_8760 check (event_hours between 1 and 8760)   -- to keep events
);
insert into jobs.config (history_days) values (14);

-- Numbers jobs and orders them: job numbers and ready_seq are drawn from this one sequence.
create sequence jobs.job_number as bigint;

-- Two flags: the value is the time, in milliseconds, until which somebody listens. A publisher notifies only
-- while a worker sleeps, and whoever ends a job notifies only while somebody waits for a result. They are
-- sequences because a change is visible at once, outside transactions, and leaves no dead rows.
create sequence jobs.sleeping_until as bigint minvalue 0 start 0;
create sequence jobs.waiting_until as bigint minvalue 0 start 0;

-- A flag of the same kind: until when jobs that are published in bulk get a row each, because a plain client has
-- claimed lately, which may keep its claim uncommitted while it works (jobs._packs).
create sequence jobs.plain_clients_until as bigint minvalue 0 start 0;
