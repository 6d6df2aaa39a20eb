-- Events: what becomes of jobs, for those who watch. Nothing reads or writes these tables until the first
-- topic is watched.

-- The topics whose events are written.
create table jobs.watch (
  topic varchar collate "C" not null,
  is_declared boolean not null,        -- by the code of the task that the topic names; false: by jobs.watch
  likes text[] not null,               -- the topic as a LIKE pattern, and all names of tasks that it covers under one of their names
  kinds text[],                        -- null: all
  watched_at timestamptz not null,
  watched_by name not null,
  primary key (topic, is_declared)
);

-- A row for the jobs of one task to which the same happened in one statement. Rows never change. Their
-- order is that of `number` among what became visible together; what became visible when is said by
-- `xact`, because transactions do not commit in the order of any number (functions/37_events_after.sql).
create table jobs.event (
  at timestamptz not null,
  xact xid8 not null default pg_current_xact_id(),
  number bigint not null,
  kind text not null,
  task varchar collate "C" not null,
  jobs integer not null,               -- how many
  ids text not null,                   -- their ids, a line for each: to pack them into bytes would cost more than to store them
  attempts integer[],                  -- null: 0 where they were queued, else 1
  details jsonb[],                     -- null: none has any
  constraint event_by_xact primary key (xact, number, at)
) partition by range (at);
alter table jobs.event alter column ids set storage external;   -- random bytes: trying to compress them is a waste
create table jobs.event_default partition of jobs.event default;
create index on jobs.event_default (at);
create sequence jobs.event_number as bigint;

-- One event that is about to be written.
create type jobs.new_event as (job_id varchar, attempt integer, task varchar, meta jsonb, details jsonb);

-- A row of jobs.event that is about to be written; the ids as lines of a text.
create type jobs.event_group as (kind text, task varchar, jobs integer, ids text, attempts integer[], details jsonb[]);

-- The last transaction whose events are not kept any more; null: all are.
alter table jobs.retention add events_dropped_to xid8;

-- Has a value once a topic was watched: until then nobody looks for watches.
create sequence jobs.watches_made as bigint;

-- A flag as jobs.waiting_until: until when somebody listens for events.
create sequence jobs.subscribed_until as bigint minvalue 0 start 0;
