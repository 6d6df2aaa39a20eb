-- What people did: one row for each call of an operator's command, kept for a year.
create table jobs.audit (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  who name not null,        -- the session user
  role name,                -- the role that was set; null: none
  person text,              -- who of the users of that program, as it says itself; null: it does not say
  action text not null,     -- cancel, retry, purge, edit, ...: the function that was called
  target text,              -- what it was done to: a job, a topic, a worker
  jobs bigint,              -- how many jobs it changed; null: it changes none
  reason text,              -- in the words of who did it
  details jsonb             -- what else there is to know, by action
);
create index audit_by_target on jobs.audit (target, id);
