-- Workflows: jobs that wait for the ends of others, and get their results. Nothing reads these tables until the
-- first workflow is published.
--
-- A workflow has nodes and edges. A node is one job, or a group of jobs of one task. While it waits it is no job
-- but a row here, which says what it will publish; once its parents are done it becomes jobs, whose on_end names
-- it. Who ends such jobs does not wait for the workflow: it leaves a delta, which a trigger applies when the
-- transaction commits (functions/37_advance.sql).

create type jobs.workflow_state as enum ('running', 'compensating', 'success', 'failed', 'cancelled', 'compensated');
create type jobs.node_state as enum ('waiting', 'running', 'success', 'failed', 'skipped', 'cancelled');

-- A node as its publisher gave it, once it has been read.
create type jobs.node_spec as (
  name varchar, task varchar, bodies jsonb[], options jsonb, each_of jsonb, binds jsonb, undo jsonb,
  after jsonb,                                 -- [{"node", "when", "on_failure", "condition"}], also those that binds and each_of mean
  is_group boolean, keeps_results boolean,
  is_checked boolean                           -- its bodies were made from the task's own types
);

-- Jobs of nodes that are about to be published, as parallel arrays; or why they cannot be.
create type jobs.node_jobs as (nodes bigint[], tasks text[], bodies jsonb[], nths integer[], options jsonb[], flaw text);

-- The end of a job of a node.
create type jobs.node_end as (node bigint, nth integer, job_id varchar, is_failed boolean, is_cancelled boolean, result jsonb, error text);

-- The ends of jobs of one node at one time.
create type jobs.node_sum as (node bigint, workflow bigint, ended integer, failed integer, is_group boolean, keeps_results boolean);

-- What a workflow learns at one time: nodes that are ready, and those that have ended without a job.
create type jobs.node_change as (ready bigint[], ended bigint[]);

create table jobs.workflow (
  id bigint generated always as identity primary key,
  name varchar collate "C",                    -- as its publisher calls it; several may have one name
  state jobs.workflow_state not null default 'running',
  reason text,                                 -- why it is in this state
  on_failure text not null default 'hold'      -- what the failure of a node does to those that wait for it
    constraint on_failure_is_known check (on_failure in ('hold', 'cancel', 'cancel_all', 'continue', 'compensate')),
  result_of varchar collate "C",               -- the node whose result is the workflow's; null: the only one without children, or all of these
  meta jsonb,
  deadline timestamptz,                        -- what has not ended then is cancelled
  created_at timestamptz not null,
  ended_at timestamptz,                        -- since when nothing can go on by itself
  nodes integer not null,
  open integer not null,                       -- nodes that wait or run
  running integer not null default 0,          -- nodes that run
  failed integer not null default 0,           -- nodes that failed and that no edge continues
  published_by name not null
) with (
  fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, vacuum_truncate = off
);
create index workflow_by_state on jobs.workflow (state, id);
create index workflow_not_over on jobs.workflow (id) where state in ('running', 'compensating', 'failed');
create index workflow_stopping on jobs.workflow (id) where state = 'failed' and ended_at is null;
create index workflow_deadline on jobs.workflow (deadline) where deadline is not null and ended_at is null;
create index workflow_ended on jobs.workflow (ended_at) where ended_at is not null;
create index workflow_by_name on jobs.workflow (name, id) where name is not null;

-- How often a workflow was published, and thereby whether one ever was.
create sequence jobs.workflows_made as bigint;

-- When somebody last left deltas to jobs.maintain, in milliseconds.
create sequence jobs.deltas_left as bigint minvalue 0 start 0;

create table jobs.node (
  id bigint generated always as identity primary key,
  workflow bigint not null,
  name varchar collate "C" not null,
  state jobs.node_state not null default 'waiting',
  reason text,                                 -- why it was skipped or cancelled, or failed without a job
  task varchar collate "C" not null,
  -- What it will publish: a body for each job, without the arguments that come from parents; null once it has.
  bodies jsonb[],
  options jsonb,                               -- priority, timeout, max_retries, delay, scheduled_at, meta
  each_of jsonb,                               -- {"node", "param", "chunk"}: a job for each element of the result of this parent
  binds jsonb,                                 -- {param: {"node", "as"}}: arguments that are results of parents
  undo jsonb,                                  -- {"task", "body", "bind"}: what compensates it
  undoes bigint,                               -- the node that it compensates
  is_group boolean not null,                   -- its result is an array
  keeps_results boolean not null,              -- of a group: somebody wants the results of its jobs
  waits integer not null,                      -- edges from parents that are not decided
  jobs integer not null default 0,             -- jobs that it has published
  open integer not null default 0,             -- of these, those that have not ended
  failed integer not null default 0,           -- of these, those that failed or were cancelled
  job_id varchar(32) collate "C",              -- of one job
  job_ids varchar[],                           -- of a group, in order
  result jsonb,                                -- of one job
  started_at timestamptz,
  ended_at timestamptz,
  constraint node_by_name unique (workflow, name)
) with (
  fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, vacuum_truncate = off
);

alter table jobs.node alter column job_ids set storage external;   -- compressing ids costs more than it saves

create table jobs.edge (
  parent bigint not null,
  child bigint not null,
  "when" text not null default 'success' constraint when_is_known check ("when" in ('success', 'failure', 'ended')),
  on_failure text constraint on_failure_is_known check (on_failure in ('hold', 'cancel', 'continue')),   -- null: as the workflow says
  condition jsonb,                             -- what the result of the parent contains; null: anything
  is_met boolean,                              -- null: not decided
  constraint edge_by_parent primary key (parent, child)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
create index edge_by_child on jobs.edge (child);

-- Results of the jobs of groups that keep them, in the order in which they ended: a row for each settle.
create table jobs.node_result (
  node bigint not null,
  nths integer[] not null,                     -- positions of these jobs
  results jsonb[] not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
alter table jobs.node_result replica identity full;    -- otherwise a publication of all tables stops deletes
create index node_result_by_node on jobs.node_result (node);

-- Jobs of nodes that failed or were cancelled. A retry of such a job takes its row away.
create table jobs.node_failure (
  node bigint not null,
  nth integer not null,
  job_id varchar(32) collate "C" not null,
  is_cancelled boolean not null,
  error text,                                  -- as in history, shortened
  constraint node_failure_by_node primary key (node, nth)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

-- Ends of jobs of nodes that the workflow does not know of yet.
create table jobs.node_delta (
  workflow bigint not null,
  node bigint not null,
  ended integer not null,
  failed integer not null,
  result jsonb                                 -- of a node of one job
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
alter table jobs.node_delta replica identity full;
create index node_delta_by_workflow on jobs.node_delta (workflow);

-- Applies it when the transaction commits.
create function jobs._advance_at_commit() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform jobs._advance(new.workflow);
  return null;
end $$;
create constraint trigger advance after insert on jobs.node_delta deferrable initially deferred
  for each row execute function jobs._advance_at_commit();
