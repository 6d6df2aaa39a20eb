-- The task registry.

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
  -- Which ended jobs go to history.
  keep text not null default 'all' constraint keep_is_known check (keep in ('all', 'failed', 'none')),
  params jsonb,                        -- [{name, type, required}] in order; null: bodies are not validated
  extra_kwargs boolean not null default false, -- accepts keywords of any name
  -- What makes its jobs one of a kind (functions/13_unique_key.sql); null: nothing.
  unique_by jsonb,
  validation text not null default 'strict' constraint validation_is_known check (validation in ('off', 'warn', 'strict')),
  -- An operator's setting, which overrides the worker's in `validation`.
  validation_set text constraint validation_set_is_known check (validation_set in ('off', 'warn', 'strict')),
  -- args_schema compiled: true for a body that fits; null: only jobs._schema_error, which walks schema and
  -- body, can decide.
  fits jsonpath,
  declared_at timestamptz not null,
  -- The role that declared it first or got it later, and may change it (functions/51_task_owner.sql).
  owner oid not null,
  -- The name of that role then. It is no longer the name of this oid if the role was renamed, or if the oid
  -- is from another server.
  owner_name name not null
);
create index task_of_owner on jobs.task (owner);
create index task_with_aliases on jobs.task (name) where aliases <> '{}';

-- The signatures that workers have declared for a task, the current one among them. While versions of a
-- program run side by side, a body may fit any signature in use (docs/decisions/0013).
create table jobs.task_signature (
  task varchar collate "C" not null,
  params jsonb,
  extra_kwargs boolean not null,
  args_schema jsonb not null,
  fits jsonpath,                       -- as in jobs.task
  declared_at timestamptz not null     -- when last declared, to within ten minutes
);
create index task_signature_by_task on jobs.task_signature (task);
alter table jobs.task_signature replica identity full;

-- What publish reads about a task, under its name and each alias; derived from jobs.task.
create table jobs.publish_check (
  name varchar collate "C" primary key,
  task varchar collate "C" not null,
  validation text not null,
  keep text not null,
  is_plain boolean not null,           -- its jobs are not unique, and have the next three as nobody declared them
  timeout numeric(9, 2) not null,      -- of a job whose publisher leaves them to the task
  priority integer not null,
  max_retries integer not null,
  names text[],                        -- the only keywords allowed; null: any
  unique_by jsonb,                     -- as in jobs.task
  fits jsonpath
) with (toast_tuple_target = 8160);    -- `fits` stays in the row if it fits on a page: fetching it from TOAST

-- costs more than evaluating it. So does decompressing it, hence the three `external` below: a compressed
-- value would be copied as it is.
create index publish_check_unkept on jobs.publish_check (keep, name) where keep <> 'all';
alter table jobs.task alter column fits set storage external;
alter table jobs.task_signature alter column fits set storage external;
alter table jobs.publish_check alter column fits set storage external;
