-- Commands to workers, each with what became of it. Nothing reads this table until the first command is sent.

-- Numbers of commands. Without a last value there has never been one.
create sequence jobs.commands_made as bigint;

create table jobs.command (
  id bigint primary key default nextval('jobs.commands_made'),
  worker uuid not null,                        -- no reference: a command outlives its worker
  kind text not null,                          -- cancel, pause, resume, drain, slots, stop, log, ping
  details jsonb,                               -- by kind; of a cancel the leases of the runs, which are never shown
  who name not null,                           -- who sent it: the role that was set, else the session user
  reason text,                                 -- in the words of who sent it
  sent_at timestamptz not null,
  expires_at timestamptz not null,             -- the worker does not begin it after this time
  state text not null default 'sent' constraint command_state_is_known check (state in ('sent', 'applied', 'refused', 'expired')),
  answer text,                                 -- what was done, or why nothing was
  answered_at timestamptz
);
create index command_waiting on jobs.command (worker, id) where state = 'sent';

-- Runs that jobs.cancel has ended, as parallel arrays.
create type jobs.cancelled_runs as (leases uuid[], batch_indexes integer[], workers uuid[], jobs text[]);

-- Jobs that were cancelled, and how many of them ran.
create type jobs.cancelled as (jobs text[], running integer);
