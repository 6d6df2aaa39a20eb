-- Schema `jobs` as it is installed: generated, to be read and never applied. A test keeps it true
-- (`cargo test --test it schema_file`; BLESS=1 writes it anew). The sources are versions/ (types and tables,
-- where each column is explained) and functions/ (everything else).
--
--  worker start --register_tasks--> task --+--> task_signature  (each signature in use)
--                                          +--> publish_check   (what publishing reads of a task)
--
--  publish --> pending ----claim----> batch ----settle----> job, partitioned by day
--              waiting                running               ended: history
--              1 job a row, or        up to 64 a row,         |
--              up to 64 (packed)      a bit for each          |
--                 ^                      |                    |
--                 +-- retry, snooze, ----+                    |
--                 |   release, sweep                          |
--                 +------------------ jobs.retry() -----------+
--
--  worker       a row per worker: its lease, which heartbeats extend     holder of its batches
--  topic_grant  the tasks that a restricted role may publish and consume
--  config       settings, one row               retention  the state of maintain_partitions, one row
--  sequences    job_number (ids and ready_seq); sleeping_until and waiting_until (whether NOTIFY is of use);
--               plain_clients_until (whether bulk publishers leave a row to each job)

create sequence jobs.audit_id_seq;

create sequence jobs.bucket_versions;

create sequence jobs.commands_made;

create sequence jobs.deltas_left;

create sequence jobs.event_number;

create sequence jobs.job_number;

create sequence jobs.keep_rules_made;

create sequence jobs.limit_turns;

create sequence jobs.limits_checked;

create sequence jobs.limits_made;

create sequence jobs.node_id_seq;

create sequence jobs.operation_id_seq;

create sequence jobs.operations_made;

create sequence jobs.plain_clients_until;

create sequence jobs.progress_made;

create sequence jobs.restrictions_made;

create sequence jobs.retentions_turned_away;

create sequence jobs.schedules_made;

create sequence jobs.signals_made;

create sequence jobs.sleeping_until;

create sequence jobs.statistics_kept;

create sequence jobs.steps_made;

create sequence jobs.subscribed_until;

create sequence jobs.waiting_until;

create sequence jobs.watches_made;

create sequence jobs.workflow_id_seq;

create sequence jobs.workflows_made;

create type jobs.job_status as enum ('success', 'failed', 'cancelled');

create type jobs.node_state as enum ('waiting', 'running', 'success', 'failed', 'skipped', 'cancelled');

create type jobs.workflow_state as enum ('running', 'compensating', 'success', 'failed', 'cancelled', 'compensated');

create type jobs.accepted_runs as (
  leases uuid[],
  parts integer[],
  bits bigint[],
  number bigint,
  on_end boolean,
  watched boolean
);

create type jobs.admission as (
  rows jobs.locked_rows,
  jobs integer,
  slot_jobs text[],
  slot_sizes integer[],
  slot_buckets bigint[],
  slot_costs integer[],
  blocked tid[],
  blocked_at bigint[]
);

create type jobs.ask as (
  at tid,
  rank bigint,
  seq bigint,
  size integer,
  bytes integer,
  job_id character varying,
  task character varying,
  has_on_end boolean,
  from_bucket bigint,
  bucket bigint,
  key jsonb,
  price integer,
  is_keyless boolean,
  is_kept boolean,
  holds_dead boolean
);

create type jobs.bucket_state as (
  id bigint,
  key jsonb,
  held integer,
  waits boolean,
  first_rank bigint,
  first_seq bigint,
  tats timestamp with time zone[],
  timer timestamp with time zone,
  turn double precision,
  closed_until timestamp with time zone,
  closed_by character varying,
  reason text,
  at tid,
  stored_held integer,
  stored_waits boolean,
  is_changed boolean
);

create type jobs.bulk_job as (
  task character varying,
  body jsonb,
  scheduled_at timestamp with time zone,
  timeout numeric,
  priority integer,
  max_retries integer
);

create type jobs.cancelled as (
  jobs text[],
  running integer
);

create type jobs.cancelled_runs as (
  leases uuid[],
  batch_indexes integer[],
  workers uuid[],
  jobs text[]
);

create type jobs.change as (
  declared jobs.declaration,
  differs boolean,
  is_allowed boolean,
  owner_name name,
  others text[],
  old_aliases text[]
);

create type jobs.claim_plan as (
  ranges jobs.key_range[],
  rows integer[],
  jobs integer,
  is_cut boolean,
  weight integer,
  large jobs.key_range[]
);

create type jobs.claimed as (
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  priority integer,
  timeout numeric,
  created_at timestamp with time zone,
  run_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  attempt integer,
  expires_at timestamp with time zone,
  lease uuid,
  meta jsonb
);

create type jobs.cron as (
  minutes integer[],
  hours integer[],
  months integer[],
  days integer[],
  workdays integer[],
  last_day boolean,
  weekdays integer[],
  nth_weekdays integer[],
  any_day boolean,
  any_weekday boolean,
  any_hour boolean
);

create type jobs.declaration as (
  name character varying,
  aliases text[],
  doc text,
  args_schema jsonb,
  result_schema jsonb,
  retries integer,
  timeout numeric(9,2),
  priority integer,
  keep text,
  params jsonb,
  extra_kwargs boolean,
  unique_by jsonb,
  validation text,
  slo numeric(9,2)
);

create type jobs.ended as (
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  priority integer,
  timeout numeric,
  status jobs.job_status,
  created_at timestamp with time zone,
  run_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  complete_on timestamp with time zone,
  result jsonb,
  traceback text,
  attempt integer,
  meta jsonb
);

create type jobs.event_group as (
  kind text,
  task character varying,
  jobs integer,
  ids text,
  attempts integer[],
  details jsonb[]
);

create type jobs.found as (
  job_id character varying,
  task character varying,
  state text,
  retries integer,
  max_retries integer,
  attempt integer,
  priority integer,
  created_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  run_at timestamp with time zone,
  complete_on timestamp with time zone,
  worker uuid,
  meta jsonb,
  arguments text,
  error text,
  looked bigint,
  further text
);

create type jobs.job_options as (
  timeouts numeric[],
  priorities integer[],
  max_retries integer[]
);

create type jobs.key_range as (
  task character varying,
  from_rank bigint,
  from_seq bigint,
  to_rank bigint
);

create type jobs.limits as (
  login text[],
  role text[]
);

create type jobs.locked_rows as (
  rows tid[],
  bytes bigint,
  packed integer,
  is_too_large boolean,
  unseen bigint,
  on_end boolean
);

create type jobs.new_event as (
  job_id character varying,
  attempt integer,
  task character varying,
  meta jsonb,
  details jsonb
);

create type jobs.node_change as (
  ready bigint[],
  ended bigint[]
);

create type jobs.node_end as (
  node bigint,
  nth integer,
  job_id character varying,
  is_failed boolean,
  is_cancelled boolean,
  result jsonb,
  error text
);

create type jobs.node_jobs as (
  nodes bigint[],
  tasks text[],
  bodies jsonb[],
  nths integer[],
  options jsonb[],
  flaw text
);

create type jobs.node_spec as (
  name character varying,
  task character varying,
  bodies jsonb[],
  options jsonb,
  each_of jsonb,
  binds jsonb,
  undo jsonb,
  after jsonb,
  is_group boolean,
  keeps_results boolean,
  is_checked boolean
);

create type jobs.node_sum as (
  node bigint,
  workflow bigint,
  ended integer,
  failed integer,
  is_group boolean,
  keeps_results boolean
);

create type jobs.on_end as (
  unique_name character varying,
  unique_key text,
  until_started boolean,
  kept bigint[],
  node bigint,
  nth integer,
  steps boolean
);

create type jobs.open_job as (
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  priority integer,
  timeout numeric(9,2),
  created_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  ready_seq bigint,
  attempt integer,
  traceback text,
  meta jsonb,
  on_end jobs.on_end
);

create type jobs.operation_info as (
  id bigint,
  kind text,
  topic text,
  job_state text,
  error text,
  since timestamp with time zone,
  until timestamp with time zone,
  rate double precision,
  who name,
  role name,
  reason text,
  state text,
  matched bigint,
  matched_exactly boolean,
  done bigint,
  skipped bigint,
  skips jsonb,
  left_out jsonb,
  last_error text,
  started_at timestamp with time zone,
  stepped_at timestamp with time zone,
  ended_at timestamp with time zone,
  grace_seconds double precision
);

create type jobs.problem as (
  code text,
  severity text,
  message text,
  found numeric,
  allowed numeric,
  remedy text,
  details jsonb
);

create type jobs.published as (
  ids bigint[],
  job_ids character varying[],
  outcomes text[],
  options jobs.job_options
);

create type jobs.queued as (
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  priority integer,
  timeout numeric,
  created_at timestamp with time zone,
  run_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  attempt integer,
  meta jsonb
);

create type jobs.rate as (
  count integer,
  seconds double precision,
  burst integer
);

create type jobs.reason as (
  code text,
  message text,
  until timestamp with time zone,
  details jsonb
);

create type jobs.redriven as (
  job_id character varying,
  part integer,
  task character varying,
  skip text,
  is_suspect boolean,
  unique_name character varying,
  unique_key text,
  id bigint,
  new_job character varying
);

create type jobs.schedule_info as (
  name character varying,
  task character varying,
  cron text,
  every interval,
  at timestamp with time zone,
  zone text,
  gap text,
  fold text,
  jitter interval,
  catch_up text,
  catch_up_limit integer,
  overlap text,
  timeout numeric,
  priority integer,
  max_retries integer,
  meta jsonb,
  next_at timestamp with time zone,
  due_at timestamp with time zone,
  last_at timestamp with time zone,
  last_job character varying,
  paused_at timestamp with time zone,
  paused_by name,
  pause_note text,
  declared boolean,
  edited boolean,
  undeclared_at timestamp with time zone,
  created_at timestamp with time zone,
  changed_at timestamp with time zone,
  changed_by name
);

create type jobs.schema_error as (
  path text,
  expected text,
  found text,
  depth integer,
  steps integer
);

create type jobs.search_part as (
  found jobs.found[],
  looked bigint,
  floor text
);

create type jobs.task_limit as (
  task character varying,
  limit_id integer,
  key text[],
  positions integer[],
  defaults jsonb[],
  cost text,
  cost_position integer,
  cost_default jsonb
);

create type jobs.unique_rule as (
  name character varying,
  key text,
  until_started boolean,
  until interval,
  on_conflict text,
  wait interval,
  max_wait interval
);

create type jobs.wanted_key as (
  name character varying,
  key text,
  first_at integer,
  new_at integer,
  change_at integer,
  refuse_at integer,
  holder character varying,
  holder_task character varying,
  holder_state character varying
);

create table jobs.audit (
  id bigint not null,
  at timestamp with time zone not null,
  who name not null,
  role name,
  person text,
  action text not null,
  target text,
  jobs bigint,
  reason text,
  details jsonb,
  constraint audit_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_by_target ON jobs.audit USING btree (target, id);

create table jobs.batch (
  lease uuid not null,
  part integer not null,
  worker uuid,
  on_end boolean not null default false,
  run_at timestamp with time zone not null,
  counted_from timestamp with time zone not null,
  margin interval not null,
  expires_at timestamp with time zone not null,
  open bigint not null,
  started bigint not null,
  first_job character varying(32) not null,
  last_job character varying(32) not null,
  jobs jobs.open_job[] not null,
  buckets bigint[],
  costs integer[],
  slots_each integer,
  node bigint,
  node_from integer,
  constraint batch_by_lease PRIMARY KEY (lease, part)
);
CREATE INDEX batch_by_expiry ON jobs.batch USING btree (expires_at);
CREATE INDEX batch_by_first_job ON jobs.batch USING btree (first_job);
CREATE INDEX batch_by_worker ON jobs.batch USING btree (worker) WHERE (worker IS NOT NULL);
CREATE INDEX batch_of_many ON jobs.batch USING btree (first_job, last_job) WHERE (part >= 0);

create table jobs.bucket (
  id bigint not null,
  version bigint not null,
  key jsonb not null,
  held integer not null default 0,
  waits boolean not null default false,
  first_rank bigint,
  first_seq bigint,
  tats timestamp with time zone[],
  timer timestamp with time zone,
  turn double precision not null default 0,
  closed_until timestamp with time zone,
  closed_by character varying(32),
  reason text,
  constraint bucket_by_id PRIMARY KEY (id, version)
);
CREATE INDEX bucket_by_turn ON jobs.bucket USING btree (((id & (16383)::bigint)), turn) WHERE waits;

create table jobs.bucket_delta (
  limit_id integer not null,
  xid xid8 not null default pg_current_xact_id(),
  buckets bigint[] not null,
  slots integer[] not null,
  seconds double precision[],
  closed_until timestamp with time zone,
  closed_by character varying(32),
  reason text,
  keys jsonb[]
);
CREATE INDEX bucket_delta_in_order ON jobs.bucket_delta USING btree (limit_id, xid);

create table jobs.bucket_timer (
  limit_id integer not null,
  at timestamp with time zone not null,
  bucket bigint not null
);
CREATE INDEX bucket_timer_in_order ON jobs.bucket_timer USING btree (limit_id, at);

create table jobs.checkpoint (
  job_id character varying(32) not null,
  name text not null,
  kind text not null,
  task character varying not null,
  inputs_hash bytea,
  value jsonb,
  until timestamp with time zone,
  waits boolean not null default false,
  attempt integer not null,
  saved_at timestamp with time zone not null,
  constraint checkpoint_by_name PRIMARY KEY (job_id, name),
  constraint kind_is_known CHECK ((kind = ANY (ARRAY['step'::text, 'sleep'::text, 'signal'::text])))
);
CREATE INDEX checkpoint_waiting ON jobs.checkpoint USING btree (job_id) WHERE waits;

create table jobs.command (
  id bigint not null default nextval('jobs.commands_made'::regclass),
  worker uuid not null,
  kind text not null,
  details jsonb,
  who name not null,
  reason text,
  sent_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  state text not null default 'sent'::text,
  answer text,
  answered_at timestamp with time zone,
  constraint command_pkey PRIMARY KEY (id),
  constraint command_state_is_known CHECK ((state = ANY (ARRAY['sent'::text, 'applied'::text, 'refused'::text, 'expired'::text])))
);
CREATE INDEX command_waiting ON jobs.command USING btree (worker, id) WHERE (state = 'sent'::text);

create table jobs.config (
  only_row boolean not null default true,
  history_days integer,
  max_body_bytes integer not null default 1048576,
  max_result_bytes integer not null default 67108864,
  max_bulk integer not null default 100000,
  max_bulk_bytes integer not null default 67108864,
  notify boolean not null default true,
  unknown_task text not null default 'accept'::text,
  event_hours integer not null default 48,
  max_step_bytes integer not null default 1048576,
  signal_days integer not null default 14,
  constraint config_pkey PRIMARY KEY (only_row),
  constraint config_only_row_check CHECK (only_row),
  constraint event_hours_is_1_to_8760 CHECK (((event_hours >= 1) AND (event_hours <= 8760))),
  constraint history_days_is_1_to_36500 CHECK (((history_days >= 1) AND (history_days <= 36500))),
  constraint max_body_bytes_is_512_to_134217728 CHECK (((max_body_bytes >= 512) AND (max_body_bytes <= 134217728))),
  constraint max_bulk_bytes_is_512_to_1073741823 CHECK (((max_bulk_bytes >= 512) AND (max_bulk_bytes <= 1073741823))),
  constraint max_bulk_is_1_to_10000000 CHECK (((max_bulk >= 1) AND (max_bulk <= 10000000))),
  constraint max_result_bytes_is_1_to_134217728 CHECK (((max_result_bytes >= 1) AND (max_result_bytes <= 134217728))),
  constraint max_step_bytes_is_1_to_134217728 CHECK (((max_step_bytes >= 1) AND (max_step_bytes <= 134217728))),
  constraint signal_days_is_1_to_36500 CHECK (((signal_days >= 1) AND (signal_days <= 36500))),
  constraint unknown_task_is_known CHECK ((unknown_task = ANY (ARRAY['accept'::text, 'reject'::text])))
);

create table jobs.edge (
  parent bigint not null,
  child bigint not null,
  when text not null default 'success'::text,
  on_failure text,
  condition jsonb,
  is_met boolean,
  constraint edge_by_parent PRIMARY KEY (parent, child),
  constraint on_failure_is_known CHECK ((on_failure = ANY (ARRAY['hold'::text, 'cancel'::text, 'continue'::text]))),
  constraint when_is_known CHECK (("when" = ANY (ARRAY['success'::text, 'failure'::text, 'ended'::text])))
);
CREATE INDEX edge_by_child ON jobs.edge USING btree (child);

create table jobs.event (
  at timestamp with time zone not null,
  xact xid8 not null default pg_current_xact_id(),
  number bigint not null,
  kind text not null,
  task character varying not null,
  jobs integer not null,
  ids text not null,
  attempts integer[],
  details jsonb[],
  constraint event_by_xact PRIMARY KEY (xact, number, at)
) partition by RANGE (at);

create table jobs.job (
  id bigint not null,
  job_id character varying(32) not null,
  task character varying not null,
  body jsonb,
  retries integer not null,
  max_retries integer not null,
  priority integer not null,
  timeout numeric(9,2) not null,
  status jobs.job_status not null,
  created_at timestamp with time zone not null,
  run_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  complete_on timestamp with time zone not null,
  result jsonb,
  traceback text,
  attempt integer not null,
  lease uuid,
  worker uuid,
  meta jsonb,
  on_end jobs.on_end,
  said text,
  redriven_as character varying(32)
) partition by RANGE (complete_on);
CREATE INDEX job_by_job_id ON ONLY jobs.job USING btree (job_id);
CREATE INDEX job_not_success ON ONLY jobs.job USING btree (job_id) WHERE (status <> 'success'::jobs.job_status);

create table jobs.job_limit (
  id integer not null,
  name character varying not null,
  topic character varying not null,
  pattern text not null,
  key text[],
  max integer,
  rates jobs.rate[],
  cost text,
  in_order boolean not null default false,
  on_dead text not null default 'skip'::text,
  fair boolean not null default false,
  weights jsonb,
  declared_by character varying,
  declared jsonb,
  edited boolean not null default false,
  undeclared_at timestamp with time zone,
  dropped_at timestamp with time zone,
  created_at timestamp with time zone not null,
  changed_at timestamp with time zone not null,
  changed_by name not null,
  constraint job_limit_by_name UNIQUE (name),
  constraint job_limit_pkey PRIMARY KEY (id),
  constraint id_fits_into_a_bucket CHECK (((id >= 1) AND (id <= 16383))),
  constraint max_is_0_or_more CHECK ((max >= 0)),
  constraint on_dead_is_known CHECK ((on_dead = ANY (ARRAY['skip'::text, 'hold'::text, 'pause'::text])))
);
CREATE UNIQUE INDEX job_limit_by_name ON jobs.job_limit USING btree (name);

create table jobs.keep_rule (
  topic text not null,
  status text not null default '*'::text,
  days integer not null,
  set_at timestamp with time zone not null,
  set_by name not null,
  clean_until date not null default '-infinity'::date,
  blocks bigint not null default 0,
  blocks_of date,
  constraint keep_rule_pkey PRIMARY KEY (topic, status),
  constraint days_is_0_to_36500 CHECK (((days >= 0) AND (days <= 36500))),
  constraint status_is_known CHECK ((status = ANY (ARRAY['*'::text, 'success'::text, 'failed'::text, 'cancelled'::text])))
);

create table jobs.limit_state (
  limit_id integer not null,
  version bigint not null,
  heard pg_snapshot,
  timers_to timestamp with time zone,
  run_seconds double precision not null default 0,
  turn double precision not null default 0,
  constraint limit_state_by_id PRIMARY KEY (limit_id, version)
);

create table jobs.log (
  job_id character varying(32) not null,
  attempt integer not null,
  run_at timestamp with time zone not null,
  task character varying not null,
  line integer not null,
  lines jsonb not null,
  constraint log_by_run PRIMARY KEY (job_id, attempt, run_at, line)
) partition by RANGE (run_at);

create table jobs.migrations (
  migration integer not null,
  constraint migrations_pkey PRIMARY KEY (migration)
);

create table jobs.node (
  id bigint not null,
  workflow bigint not null,
  name character varying not null,
  state jobs.node_state not null default 'waiting'::jobs.node_state,
  reason text,
  task character varying not null,
  bodies jsonb[],
  options jsonb,
  each_of jsonb,
  binds jsonb,
  undo jsonb,
  undoes bigint,
  is_group boolean not null,
  keeps_results boolean not null,
  waits integer not null,
  jobs integer not null default 0,
  open integer not null default 0,
  failed integer not null default 0,
  job_id character varying(32),
  job_ids character varying[],
  result jsonb,
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  stopped_to integer,
  constraint node_by_name UNIQUE (workflow, name),
  constraint node_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX node_by_name ON jobs.node USING btree (workflow, name);

create table jobs.node_delta (
  workflow bigint not null,
  node bigint not null,
  ended integer not null,
  failed integer not null,
  result jsonb,
  is_first boolean
);
CREATE INDEX node_delta_by_workflow ON jobs.node_delta USING btree (workflow);

create table jobs.node_failure (
  node bigint not null,
  nth integer not null,
  job_id character varying(32) not null,
  is_cancelled boolean not null,
  error text,
  constraint node_failure_by_node PRIMARY KEY (node, nth)
);

create table jobs.node_result (
  node bigint not null,
  nths integer[] not null,
  results jsonb[] not null
);
CREATE INDEX node_result_by_node ON jobs.node_result USING btree (node);

create table jobs.operation (
  id bigint not null,
  kind text not null,
  topic text not null,
  job_state text,
  error text,
  since timestamp with time zone,
  until timestamp with time zone not null,
  odd_after timestamp with time zone not null,
  number bigint not null,
  rate double precision,
  grace_seconds double precision,
  who name not null,
  role name,
  reason text,
  state text not null default 'running'::text,
  matched bigint not null,
  matched_exactly boolean not null,
  done bigint not null default 0,
  skipped bigint not null default 0,
  skips jsonb not null default '{}'::jsonb,
  left_out jsonb not null default '[]'::jsonb,
  phase text not null,
  range_from timestamp with time zone not null,
  range_until timestamp with time zone not null,
  after_job text not null default ''::text,
  paced_at timestamp with time zone not null,
  errors integer not null default 0,
  waits integer not null default 0,
  last_error text,
  retry_at timestamp with time zone,
  started_at timestamp with time zone not null,
  stepped_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  constraint operation_pkey PRIMARY KEY (id),
  constraint kind_is_known CHECK ((kind = ANY (ARRAY['retry'::text, 'redrive'::text, 'cancel'::text, 'purge'::text]))),
  constraint state_is_known CHECK ((state = ANY (ARRAY['running'::text, 'paused'::text, 'cancelled'::text, 'done'::text, 'failed'::text])))
);
CREATE INDEX operation_running ON jobs.operation USING btree (stepped_at) WHERE (state = 'running'::text);

create table jobs.pause (
  topic character varying not null,
  pattern text not null,
  paused_at timestamp with time zone not null,
  paused_by name not null,
  until timestamp with time zone,
  note text,
  constraint pause_pkey PRIMARY KEY (topic)
);

create table jobs.pending (
  id bigint not null,
  job_id character varying(32) not null,
  task character varying not null,
  body jsonb,
  retries integer not null default 0,
  max_retries integer not null default 3,
  priority integer not null default 0,
  timeout numeric(9,2) not null default 60,
  created_at timestamp with time zone not null,
  scheduled_at timestamp with time zone,
  ready_seq bigint,
  attempt integer not null default 0,
  traceback text,
  meta jsonb,
  on_end jobs.on_end,
  size integer not null default 1,
  bytes integer not null default 0,
  last_job character varying(32),
  jobs jobs.open_job[],
  bucket bigint,
  returned smallint not null default 0,
  constraint pending_by_job_id PRIMARY KEY (job_id, returned)
);
CREATE INDEX pending_blocked ON jobs.pending USING btree (bucket, jobs._rank(priority, ready_seq), ready_seq) WHERE (bucket IS NOT NULL);
CREATE INDEX pending_future ON jobs.pending USING btree (scheduled_at) WHERE (ready_seq IS NULL);
CREATE INDEX pending_kept ON jobs.pending USING btree (job_id) WHERE ((on_end).kept IS NOT NULL);
CREATE INDEX pending_of_many ON jobs.pending USING btree (job_id, last_job) WHERE (size > 1);
CREATE INDEX pending_ready ON jobs.pending USING btree (task, jobs._rank(priority, ready_seq, bucket), ready_seq) WHERE (ready_seq IS NOT NULL);

create table jobs.progress (
  job_id character varying(32) not null,
  attempt integer not null,
  run_at timestamp with time zone not null,
  task character varying not null,
  worker uuid,
  version integer not null,
  at timestamp with time zone not null,
  done double precision not null,
  total double precision,
  note text,
  constraint progress_by_run PRIMARY KEY (job_id, attempt, run_at)
) partition by RANGE (run_at);

create table jobs.publish_check (
  name character varying not null,
  task character varying not null,
  validation text not null,
  keep text not null,
  is_plain boolean not null,
  timeout numeric(9,2) not null,
  priority integer not null,
  max_retries integer not null,
  names text[],
  unique_by jsonb,
  fits jsonpath,
  constraint publish_check_pkey PRIMARY KEY (name)
);
CREATE INDEX publish_check_unkept ON jobs.publish_check USING btree (keep, name) WHERE (keep <> 'all'::text);

create table jobs.resumable (
  job_id character varying(32) not null,
  ended_at timestamp with time zone not null,
  constraint resumable_pkey PRIMARY KEY (job_id)
);
CREATE INDEX resumable_by_end ON jobs.resumable USING btree (ended_at);

create table jobs.retention (
  only_row boolean not null default true,
  looked_at timestamp with time zone not null,
  jumped_at timestamp with time zone,
  gave_way integer not null default 0,
  gave_way_at timestamp with time zone,
  events_dropped_to xid8,
  constraint retention_pkey PRIMARY KEY (only_row),
  constraint retention_only_row_check CHECK (only_row)
);

create table jobs.rollup (
  task character varying not null,
  at timestamp with time zone not null,
  seconds integer not null,
  success integer not null,
  failed integer not null,
  cancelled integer not null,
  wait integer[] not null,
  run integer[] not null,
  constraint rollup_by_task PRIMARY KEY (task, at, seconds)
);
CREATE INDEX rollup_by_time ON jobs.rollup USING btree (at);

create table jobs.rollup_day (
  day date not null,
  counted pg_snapshot,
  counting pg_snapshot,
  block bigint not null default 0,
  blocks bigint not null default 0,
  blocks_before bigint not null default 0,
  begun_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  folded_to timestamp with time zone not null,
  is_by_hour boolean not null default false,
  constraint rollup_day_pkey PRIMARY KEY (day)
);

create table jobs.schedule (
  name character varying not null,
  task character varying not null,
  body jsonb,
  meta jsonb,
  timeout numeric(9,2),
  priority integer,
  max_retries integer,
  cron text,
  every interval,
  at timestamp with time zone,
  zone text not null default 'UTC'::text,
  gap text,
  fold text,
  jitter interval not null default '00:00:00'::interval,
  catch_up text not null default 'last'::text,
  catch_up_limit integer not null default 100,
  overlap text not null default 'allow'::text,
  next_at timestamp with time zone,
  due_at timestamp with time zone,
  last_at timestamp with time zone,
  last_job character varying(32),
  paused_at timestamp with time zone,
  paused_by name,
  pause_note text,
  entries bigint not null default 0,
  declared jsonb,
  edited boolean not null default false,
  undeclared_at timestamp with time zone,
  created_at timestamp with time zone not null,
  changed_at timestamp with time zone not null,
  changed_by name not null,
  constraint schedule_pkey PRIMARY KEY (name),
  constraint catch_up_is_known CHECK ((catch_up = ANY (ARRAY['skip'::text, 'last'::text, 'all'::text]))),
  constraint catch_up_limit_is_1_to_1000 CHECK (((catch_up_limit >= 1) AND (catch_up_limit <= 1000))),
  constraint fold_is_known CHECK ((fold = ANY (ARRAY['first'::text, 'second'::text, 'both'::text]))),
  constraint gap_is_known CHECK ((gap = ANY (ARRAY['shift'::text, 'skip'::text]))),
  constraint one_kind_of_time CHECK ((num_nonnulls(cron, every, at) = 1)),
  constraint overlap_is_known CHECK ((overlap = ANY (ARRAY['allow'::text, 'skip'::text])))
);
CREATE INDEX schedule_due ON jobs.schedule USING btree (due_at) WHERE (paused_at IS NULL);
CREATE INDEX schedule_of_task ON jobs.schedule USING btree (task);

create table jobs.schedule_entry (
  schedule character varying not null,
  number bigint not null,
  tick timestamp with time zone,
  at timestamp with time zone not null,
  outcome text not null,
  job_id character varying(32),
  reason text,
  constraint schedule_entry_pkey PRIMARY KEY (schedule, number)
);

create table jobs.schema_functions (
  only_row boolean not null default true,
  release text not null,
  checksum bytea not null,
  views bytea not null,
  served_roles name[] not null,
  installed_on timestamp with time zone not null default now(),
  constraint schema_functions_pkey PRIMARY KEY (only_row),
  constraint schema_functions_only_row_check CHECK (only_row)
);

create table jobs.schema_migrations (
  version bigint not null,
  description text not null,
  installed_on timestamp with time zone not null default now(),
  success boolean not null,
  checksum bytea not null,
  execution_time bigint not null,
  constraint schema_migrations_pkey PRIMARY KEY (version)
);

create table jobs.server_state (
  only_row boolean not null default true,
  draining_since timestamp with time zone not null,
  draining_by name not null,
  note text,
  constraint server_state_pkey PRIMARY KEY (only_row),
  constraint server_state_only_row_check CHECK (only_row)
);

create table jobs.signal (
  name text not null,
  payload jsonb,
  made_at timestamp with time zone not null,
  sent_at timestamp with time zone,
  sent_by name,
  is_left boolean not null default false,
  constraint signal_pkey PRIMARY KEY (name)
);
CREATE INDEX signal_by_age ON jobs.signal USING btree (COALESCE(sent_at, made_at));
CREATE INDEX signal_left ON jobs.signal USING btree (name) WHERE is_left;

create table jobs.signal_waiter (
  name text not null,
  job_id character varying(32) not null,
  attempt integer not null,
  constraint signal_waiter_by_name PRIMARY KEY (name, job_id)
);
CREATE INDEX signal_waiter_by_job ON jobs.signal_waiter USING btree (job_id);

create table jobs.task (
  name character varying not null,
  aliases text[] not null default '{}'::text[],
  doc text not null default ''::text,
  args_schema jsonb not null,
  result_schema jsonb not null,
  retries integer not null,
  timeout numeric(9,2) not null,
  priority integer not null,
  keep text not null default 'all'::text,
  params jsonb,
  extra_kwargs boolean not null default false,
  unique_by jsonb,
  validation text not null default 'strict'::text,
  validation_set text,
  fits jsonpath,
  declared_at timestamp with time zone not null,
  owner oid not null,
  owner_name name not null,
  slo numeric(9,2),
  constraint task_pkey PRIMARY KEY (name),
  constraint keep_is_known CHECK ((keep = ANY (ARRAY['all'::text, 'failed'::text, 'none'::text]))),
  constraint validation_is_known CHECK ((validation = ANY (ARRAY['off'::text, 'warn'::text, 'strict'::text]))),
  constraint validation_set_is_known CHECK ((validation_set = ANY (ARRAY['off'::text, 'warn'::text, 'strict'::text])))
);
CREATE INDEX task_of_owner ON jobs.task USING btree (owner);
CREATE INDEX task_with_aliases ON jobs.task USING btree (name) WHERE (aliases <> '{}'::text[]);
CREATE INDEX task_with_slo ON jobs.task USING btree (name) WHERE (slo IS NOT NULL);

create table jobs.task_signature (
  task character varying not null,
  params jsonb,
  extra_kwargs boolean not null,
  args_schema jsonb not null,
  fits jsonpath,
  declared_at timestamp with time zone not null
);
CREATE INDEX task_signature_by_task ON jobs.task_signature USING btree (task);

create table jobs.topic_grant (
  role oid not null,
  name name not null,
  cluster bigint not null,
  topic text not null,
  pattern text not null,
  publish boolean not null,
  consume boolean not null,
  constraint topic_grant_pkey PRIMARY KEY (role, topic)
);

create table jobs.unique_key (
  name character varying not null,
  key text not null,
  job_id character varying(32) not null,
  until timestamp with time zone,
  constraint unique_key_by_name PRIMARY KEY (name, key)
);
CREATE INDEX unique_key_for_a_time ON jobs.unique_key USING btree (job_id) WHERE (until IS NOT NULL);
CREATE INDEX unique_key_until ON jobs.unique_key USING btree (until) WHERE (until IS NOT NULL);

create table jobs.watch (
  topic character varying not null,
  is_declared boolean not null,
  likes text[] not null,
  kinds text[],
  watched_at timestamp with time zone not null,
  watched_by name not null,
  constraint watch_pkey PRIMARY KEY (topic, is_declared)
);

create table jobs.worker (
  id uuid not null,
  role oid not null,
  login oid not null,
  host text not null,
  pid integer not null,
  version text not null,
  topics text[] not null,
  tasks text[] not null,
  slots integer not null,
  commands text[] not null default '{}'::text[],
  paused_at timestamp with time zone,
  started_at timestamp with time zone not null,
  heartbeat_at timestamp with time zone not null,
  lease_seconds numeric(9,2) not null,
  expires_at timestamp with time zone not null,
  lost_at timestamp with time zone,
  void_leases uuid[] not null default '{}'::uuid[],
  constraint worker_pkey PRIMARY KEY (id)
);

create table jobs.workflow (
  id bigint not null,
  name character varying,
  state jobs.workflow_state not null default 'running'::jobs.workflow_state,
  reason text,
  on_failure text not null default 'hold'::text,
  result_of character varying,
  meta jsonb,
  deadline timestamp with time zone,
  created_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  nodes integer not null,
  open integer not null,
  running integer not null default 0,
  failed integer not null default 0,
  published_by name not null,
  constraint workflow_pkey PRIMARY KEY (id),
  constraint on_failure_is_known CHECK ((on_failure = ANY (ARRAY['hold'::text, 'cancel'::text, 'cancel_all'::text, 'continue'::text, 'compensate'::text])))
);
CREATE INDEX workflow_by_name ON jobs.workflow USING btree (name, id) WHERE (name IS NOT NULL);
CREATE INDEX workflow_by_state ON jobs.workflow USING btree (state, id);
CREATE INDEX workflow_deadline ON jobs.workflow USING btree (deadline) WHERE ((deadline IS NOT NULL) AND (ended_at IS NULL));
CREATE INDEX workflow_ended ON jobs.workflow USING btree (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX workflow_not_over ON jobs.workflow USING btree (id) WHERE (state = ANY (ARRAY['running'::jobs.workflow_state, 'compensating'::jobs.workflow_state, 'failed'::jobs.workflow_state]));
CREATE INDEX workflow_stopping ON jobs.workflow USING btree (id) WHERE ((state = 'failed'::jobs.workflow_state) AND (ended_at IS NULL));

-- view jobs._ended:
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  status character varying,
  priority integer,
  timeout numeric,
  created_at timestamp with time zone,
  run_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  complete_on timestamp with time zone,
  result jsonb,
  traceback text,
  attempt integer,
  worker uuid,
  meta jsonb

-- view jobs._open:
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  status character varying,
  priority integer,
  timeout numeric,
  created_at timestamp with time zone,
  run_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  complete_on timestamp with time zone,
  result jsonb,
  traceback text,
  attempt integer,
  worker uuid,
  meta jsonb

-- view jobs._ready:
  at tid,
  task character varying,
  rank bigint,
  ready_seq bigint,
  size integer,
  bytes integer,
  on_end boolean

-- view jobs._runs:
  lease uuid,
  part integer,
  batch_index integer,
  worker uuid,
  run_at timestamp with time zone,
  expires_at timestamp with time zone,
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  priority integer,
  timeout numeric,
  created_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  attempt integer,
  traceback text,
  meta jsonb,
  on_end jobs.on_end

-- view jobs._seen_ended:
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  status character varying,
  priority integer,
  timeout numeric,
  created_at timestamp with time zone,
  run_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  complete_on timestamp with time zone,
  result jsonb,
  traceback text,
  attempt integer,
  worker uuid,
  meta jsonb

-- view jobs._seen_open:
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  status character varying,
  priority integer,
  timeout numeric,
  created_at timestamp with time zone,
  run_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  complete_on timestamp with time zone,
  result jsonb,
  traceback text,
  attempt integer,
  worker uuid,
  meta jsonb

-- view jobs._waiting:
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  priority integer,
  timeout numeric,
  created_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  ready_seq bigint,
  attempt integer,
  traceback text,
  meta jsonb

-- view jobs.all:
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  status character varying,
  priority integer,
  timeout numeric,
  created_at timestamp with time zone,
  run_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  complete_on timestamp with time zone,
  result jsonb,
  traceback text,
  attempt integer,
  worker uuid,
  meta jsonb

-- view jobs.expired:
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  priority integer,
  timeout numeric,
  created_at timestamp with time zone,
  run_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  attempt integer,
  expires_at timestamp with time zone,
  worker uuid,
  meta jsonb

-- view jobs.job_queue:
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  priority integer,
  timeout numeric,
  created_at timestamp with time zone,
  run_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  attempt integer,
  expires_at timestamp with time zone,
  worker uuid,
  traceback text,
  meta jsonb

-- view jobs.running:
  id bigint,
  job_id character varying,
  task character varying,
  body jsonb,
  retries integer,
  max_retries integer,
  priority integer,
  timeout numeric,
  created_at timestamp with time zone,
  run_at timestamp with time zone,
  scheduled_at timestamp with time zone,
  attempt integer,
  expires_at timestamp with time zone,
  worker uuid,
  meta jsonb

-- function jobs.ack(i_job character varying, i_result jsonb DEFAULT NULL::jsonb, i_lease uuid DEFAULT NULL::uuid) returns jobs.ended
-- function jobs.acquire(i_name text, i_key jsonb DEFAULT NULL::jsonb, i_cost integer DEFAULT 1) returns double precision
-- function jobs.add_nodes(i_job text, i_lease uuid, i_nodes jsonb, i_before text[] DEFAULT NULL::text[]) returns void
-- function jobs.announce_events() returns boolean
-- function jobs.audit_log(i_target text DEFAULT NULL::text, i_action text DEFAULT NULL::text, i_before bigint DEFAULT NULL::bigint, i_num integer DEFAULT 50) returns TABLE(id bigint, at timestamp with time zone, who name, role name, action text, target text, jobs bigint, reason text, details jsonb, person text)
-- function jobs.await_events(i_seconds double precision) returns void
-- function jobs.await_results(i_seconds double precision) returns void
-- function jobs.await_signal(i_job character varying, i_lease uuid, i_name text, i_seconds double precision, OUT state text, OUT payload jsonb, OUT seconds double precision) returns record
-- function jobs.backfill_schedule(i_name text, i_from timestamp with time zone, i_to timestamp with time zone) returns TABLE(tick timestamp with time zone, job_id character varying)
-- function jobs.beat(i_worker uuid, i_late_leases uuid[] DEFAULT '{}'::uuid[], i_late_batch_indexes integer[] DEFAULT '{}'::integer[], i_started_leases uuid[] DEFAULT '{}'::uuid[], i_started_batch_indexes integer[] DEFAULT '{}'::integer[], i_progress jsonb DEFAULT NULL::jsonb, i_receipts jsonb DEFAULT NULL::jsonb, i_status jsonb DEFAULT NULL::jsonb, OUT alive boolean, OUT commands jsonb, OUT polls boolean) returns record
-- function jobs.begin_steps(i_job character varying, i_lease uuid) returns TABLE(name text, kind text, value jsonb, is_large boolean, is_over boolean)
-- function jobs.block_key(i_name text, i_key jsonb, i_until timestamp with time zone, i_reason text DEFAULT NULL::text) returns void
-- function jobs.blocked_keys(i_topic text DEFAULT NULL::text, i_limit integer DEFAULT 100) returns TABLE(name character varying, key jsonb, closed_by character varying, reason text, closed_until timestamp with time zone, blocked bigint, oldest timestamp with time zone)
-- function jobs.cancel_operation(i_operation bigint, i_reason text DEFAULT NULL::text) returns jobs.operation_info
-- function jobs.cancel_workflow(i_workflow bigint, i_node text DEFAULT NULL::text, i_reason text DEFAULT NULL::text, i_grace_seconds double precision DEFAULT jobs._grace()) returns bigint
-- function jobs.cancel(i_jobs text[], i_grace_seconds double precision DEFAULT jobs._grace(), i_reason text DEFAULT NULL::text) returns SETOF text
-- function jobs.check_limits() returns bigint
-- function jobs.claim(i_worker uuid, i_tasks text[], i_num integer, i_lease uuid, i_margin double precision DEFAULT 0, i_sleep_seconds double precision DEFAULT NULL::double precision, i_own_batch text[] DEFAULT NULL::text[], i_watermark_tasks text[] DEFAULT NULL::text[], i_watermark_priorities integer[] DEFAULT NULL::integer[], i_watermarks bigint[] DEFAULT NULL::bigint[], i_ahead integer DEFAULT 0) returns TABLE(part integer, run_at timestamp with time zone, unseen bigint, next bigint, started bigint, jobs jobs.open_job[])
-- function jobs.commands(i_worker uuid DEFAULT NULL::uuid, i_commands bigint[] DEFAULT NULL::bigint[], i_before bigint DEFAULT NULL::bigint, i_num integer DEFAULT 100) returns TABLE(id bigint, worker uuid, host text, kind text, details jsonb, who name, reason text, sent_at timestamp with time zone, expires_at timestamp with time zone, state text, answer text, answered_at timestamp with time zone)
-- function jobs.consume_topic(topic character varying, num integer DEFAULT 1) returns SETOF jobs.claimed
-- function jobs.consume(topic character varying, num integer) returns SETOF jobs.claimed
-- function jobs.consume(num integer DEFAULT 1) returns SETOF jobs.claimed
-- function jobs.control(i_kind text, i_workers uuid[] DEFAULT NULL::uuid[], i_topic text DEFAULT NULL::text, i_details jsonb DEFAULT NULL::jsonb, i_reason text DEFAULT NULL::text, i_expires_seconds double precision DEFAULT 60) returns TABLE(command bigint, worker uuid)
-- function jobs.count_lost(i_tasks text[], i_since timestamp with time zone) returns bigint
-- function jobs.count_workers(i_worker uuid) returns TABLE(alive integer, idle integer)
-- function jobs.count(i_state text, i_topic text DEFAULT '*'::text, i_cap bigint DEFAULT 1000000) returns bigint
-- function jobs.draining() returns TABLE(since timestamp with time zone, note text, actor text)
-- function jobs.drop_keep(i_topic text, i_status text DEFAULT NULL::text) returns boolean
-- function jobs.drop_limit(i_name text) returns boolean
-- function jobs.drop_schedule(i_name text) returns boolean
-- function jobs.edit(i_job text, i_body jsonb DEFAULT NULL::jsonb, i_priority integer DEFAULT NULL::integer, i_scheduled_at timestamp with time zone DEFAULT NULL::timestamp with time zone, i_timeout numeric DEFAULT NULL::numeric, i_max_retries integer DEFAULT NULL::integer, i_meta jsonb DEFAULT NULL::jsonb, i_reason text DEFAULT NULL::text) returns SETOF jobs."all"
-- function jobs.ended_lately(i_seconds integer DEFAULT 10) returns TABLE(task character varying, success bigint, failed bigint, cancelled bigint, seconds double precision)
-- function jobs.errors(i_topic text DEFAULT NULL::text, i_since timestamp with time zone DEFAULT NULL::timestamp with time zone, i_limit integer DEFAULT 50, i_window integer DEFAULT 100000) returns TABLE(task character varying, error text, jobs bigint, first_at timestamp with time zone, last_at timestamp with time zone, example character varying, exact boolean)
-- function jobs.event_position() returns text
-- function jobs.events_after(i_position text DEFAULT NULL::text, i_topic text DEFAULT '*'::text, i_num integer DEFAULT 1000, i_until text DEFAULT NULL::text) returns TABLE("position" text, at timestamp with time zone, kind text, task character varying, job_id character varying, attempt integer, details jsonb)
-- function jobs.explain_schedule(i_name text) returns SETOF jobs.reason
-- function jobs.explain_workflow(i_workflow bigint, i_node text DEFAULT NULL::text) returns SETOF jobs.reason
-- function jobs.explain(i_job character varying) returns SETOF jobs.reason
-- function jobs.fail_next(i_worker uuid, i_tasks text[], i_lease uuid, i_reason text) returns text
-- function jobs.fetch(i_worker uuid, i_lease uuid, i_part integer DEFAULT NULL::integer) returns TABLE(part integer, jobs jobs.open_job[])
-- function jobs.find_step(i_job character varying, i_lease uuid, i_name text, i_inputs jsonb DEFAULT NULL::jsonb) returns TABLE(value jsonb, kind text, is_same boolean)
-- function jobs.find(i_state text DEFAULT NULL::text, i_topic text DEFAULT NULL::text, i_before character varying DEFAULT NULL::character varying, i_num integer DEFAULT 50) returns SETOF jobs."all"
-- function jobs.flow(i_cap integer DEFAULT 10000) returns TABLE(ended bigint, failed bigint, failed_exactly boolean, backoff bigint, backoff_exactly boolean)
-- function jobs.get_operation(i_operation bigint) returns jobs.operation_info
-- function jobs.get_schedule(i_name text) returns jobs.schedule_info
-- function jobs.get(i_job character varying) returns SETOF jobs."all"
-- function jobs.grant_topic(i_role name, i_topic text, i_publish boolean DEFAULT true, i_consume boolean DEFAULT true) returns void
-- function jobs.heartbeat(i_job character varying, i_lease uuid, i_seconds numeric DEFAULT 30) returns timestamp with time zone
-- function jobs.held_by(i_worker uuid) returns TABLE(job_id character varying, lease uuid, batch_index integer)
-- function jobs.job_log(i_job character varying, i_position bigint DEFAULT 0, i_num integer DEFAULT 1000) returns TABLE("position" bigint, attempt integer, at timestamp with time zone, level text, target text, message text, fields jsonb)
-- function jobs.keep_rules() returns TABLE(topic text, status text, days integer, set_at timestamp with time zone, set_by name, clean_until date)
-- function jobs.keep_statistics(i_on boolean DEFAULT true) returns boolean
-- function jobs.keep(i_topic text, i_status text DEFAULT NULL::text, i_days integer DEFAULT NULL::integer) returns void
-- function jobs.limit_keys(i_name text, i_limit integer DEFAULT 50) returns TABLE(key jsonb, held integer, blocked bigint, closed_until timestamp with time zone, closed_by character varying, reason text, next_at timestamp with time zone)
-- function jobs.limits(i_topic text DEFAULT NULL::text) returns TABLE(name character varying, topic character varying, key text[], max integer, rates text[], cost text, in_order boolean, on_dead text, fair boolean, weights jsonb, declared_by character varying, held bigint, blocked bigint, keys bigint, closed bigint, changed_at timestamp with time zone, changed_by name)
-- procedure jobs.maintain_partitions_and_commit()
-- function jobs.maintain_partitions() returns SETOF text
-- function jobs.maintain(i_limit integer DEFAULT 1000) returns double precision
-- function jobs.metrics(i_group text DEFAULT NULL::text) returns TABLE(name text, kind text, labels jsonb, value double precision)
-- function jobs.nack(i_job character varying, i_traceback text DEFAULT NULL::text, i_scheduled_at timestamp with time zone DEFAULT NULL::timestamp with time zone, ensure_running boolean DEFAULT true, i_lease uuid DEFAULT NULL::uuid) returns void
-- function jobs.next_ticks(i_cron text, i_zone text DEFAULT 'UTC'::text, i_num integer DEFAULT 5, i_after timestamp with time zone DEFAULT NULL::timestamp with time zone, i_gap text DEFAULT NULL::text, i_fold text DEFAULT NULL::text) returns SETOF timestamp with time zone
-- function jobs.node_results(i_workflow bigint, i_node text, i_after integer DEFAULT '-1'::integer, i_limit integer DEFAULT 1000) returns TABLE(nth integer, job_id character varying, result jsonb, error text, state text)
-- function jobs.note_progress(i_worker uuid, i_progress jsonb) returns void
-- function jobs.now() returns timestamp with time zone
-- function jobs.open_bodies(i_jobs text[]) returns TABLE(job_id character varying, body jsonb)
-- function jobs.open_counts(i_cap integer DEFAULT 10000) returns TABLE(task character varying, ready bigint, scheduled bigint, running bigint, oldest_ready timestamp with time zone, exact boolean)
-- function jobs.operations(i_before bigint DEFAULT NULL::bigint, i_num integer DEFAULT 50) returns SETOF jobs.operation_info
-- function jobs.overview(i_cap integer DEFAULT 100000) returns TABLE(task character varying, ready bigint, scheduled bigint, running bigint, success bigint, failed bigint, cancelled bigint, oldest_ready timestamp with time zone, exact boolean)
-- function jobs.own_task(i_task text, i_role name) returns bigint
-- function jobs.pause_operation(i_operation bigint, i_reason text DEFAULT NULL::text) returns jobs.operation_info
-- function jobs.pause_schedule(i_name text, i_note text DEFAULT NULL::text) returns jobs.schedule_info
-- function jobs.pause_topic(i_topic text, i_until timestamp with time zone DEFAULT NULL::timestamp with time zone, i_note text DEFAULT NULL::text) returns void
-- function jobs.pauses() returns TABLE(topic character varying, paused_at timestamp with time zone, paused_by name, until timestamp with time zone, note text)
-- function jobs.preview_operation(i_kind text, i_topic text, i_state text DEFAULT NULL::text, i_error text DEFAULT NULL::text, i_since timestamp with time zone DEFAULT NULL::timestamp with time zone, i_until timestamp with time zone DEFAULT NULL::timestamp with time zone, i_limit bigint DEFAULT 1000000) returns TABLE(jobs bigint, exact boolean, examples jsonb)
-- function jobs.problems() returns SETOF jobs.problem
-- function jobs.progress_of(i_jobs text[]) returns TABLE(job_id character varying, attempt integer, at timestamp with time zone, done double precision, total double precision, note text)
-- function jobs.promote(i_limit integer DEFAULT 1000, i_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone) returns integer
-- function jobs.publish_arrays(i_tasks text[], i_bodies jsonb[], i_scheduled_at timestamp with time zone[], i_delays double precision[], i_timeouts double precision[], i_priorities integer[], i_max_retries integer[], i_job_ids text[] DEFAULT NULL::text[], i_pack boolean DEFAULT NULL::boolean, i_checked boolean[] DEFAULT NULL::boolean[], i_metas jsonb[] DEFAULT NULL::jsonb[], i_uniques jsonb[] DEFAULT NULL::jsonb[]) returns character varying[]
-- function jobs.publish_bulk(i_jobs jobs.bulk_job[]) returns SETOF jobs.queued
-- function jobs.publish_json(i_jobs jsonb) returns SETOF jobs.queued
-- function jobs.publish_unique(i_tasks text[], i_bodies jsonb[], i_uniques jsonb[] DEFAULT NULL::jsonb[], i_scheduled_at timestamp with time zone[] DEFAULT NULL::timestamp with time zone[], i_delays double precision[] DEFAULT NULL::double precision[], i_timeouts double precision[] DEFAULT NULL::double precision[], i_priorities integer[] DEFAULT NULL::integer[], i_max_retries integer[] DEFAULT NULL::integer[], i_job_ids text[] DEFAULT NULL::text[], i_checked boolean[] DEFAULT NULL::boolean[], i_metas jsonb[] DEFAULT NULL::jsonb[]) returns TABLE(job_id character varying, outcome text)
-- function jobs.publish_workflow(i_nodes jsonb, i_name text DEFAULT NULL::text, i_options jsonb DEFAULT '{}'::jsonb) returns bigint
-- function jobs.publish(i_task character varying, i_body jsonb DEFAULT NULL::jsonb, i_scheduled_at timestamp with time zone DEFAULT NULL::timestamp with time zone, i_timeout numeric DEFAULT NULL::numeric, i_priority integer DEFAULT NULL::integer, i_max_retries integer DEFAULT NULL::integer, i_checked boolean DEFAULT false, i_job_id text DEFAULT NULL::text, i_meta jsonb DEFAULT NULL::jsonb, i_unique jsonb DEFAULT NULL::jsonb) returns jobs.queued
-- function jobs.purge(i_topic text, i_limit integer DEFAULT 10000, i_reason text DEFAULT NULL::text) returns bigint
-- function jobs.read_ready(i_task character varying, i_rank bigint DEFAULT NULL::bigint, i_seq bigint DEFAULT NULL::bigint, i_num integer DEFAULT 100) returns TABLE(job_id character varying, body jsonb, rank bigint, seq bigint)
-- function jobs.redrive(i_jobs text[], i_reason text DEFAULT NULL::text) returns TABLE(job_id character varying, new_job_id character varying, skipped text)
-- function jobs.register_tasks(i_tasks jsonb) returns void
-- function jobs.register_worker(i_worker uuid, i_host text, i_pid integer, i_version text, i_topics text[], i_tasks text[], i_slots integer, i_lease_seconds double precision, i_commands text[] DEFAULT NULL::text[]) returns void
-- function jobs.release_key(i_name text, i_key jsonb DEFAULT NULL::jsonb) returns boolean
-- function jobs.release_unique_key(i_name text, i_key text) returns character varying
-- function jobs.release(i_worker uuid, i_lease uuid) returns integer
-- function jobs.result(i_job character varying) returns TABLE(status character varying, result jsonb, traceback text)
-- function jobs.results(i_jobs text[], i_only_ended boolean DEFAULT false) returns TABLE(job_id character varying, status character varying, result jsonb, traceback text)
-- function jobs.resume_operation(i_operation bigint, i_reason text DEFAULT NULL::text) returns jobs.operation_info
-- function jobs.resume_schedule(i_name text, i_catch_up boolean DEFAULT true) returns jobs.schedule_info
-- function jobs.resume_topic(i_topic text) returns boolean
-- function jobs.retry_workflow(i_workflow bigint, i_node text DEFAULT NULL::text, i_reason text DEFAULT NULL::text) returns SETOF text
-- function jobs.retry(i_jobs text[], i_reason text DEFAULT NULL::text) returns SETOF text
-- function jobs.revoke_topic(i_role name, i_topic text) returns boolean
-- function jobs.run_schedule(i_name text) returns character varying
-- function jobs.sample_keys(i_task character varying, i_num integer, i_each integer) returns TABLE(rank bigint, seq bigint)
-- function jobs.sample_not_ready(i_task character varying, i_num integer, i_cap integer DEFAULT 10000) returns SETOF character varying
-- function jobs.save_step(i_job character varying, i_lease uuid, i_name text, i_value jsonb DEFAULT NULL::jsonb, i_inputs jsonb DEFAULT NULL::jsonb) returns jsonb
-- function jobs.schedule_body(i_name text) returns jsonb
-- function jobs.schedule_log(i_name text, i_limit integer DEFAULT 20) returns TABLE(number bigint, tick timestamp with time zone, at timestamp with time zone, outcome text, job_id character varying, reason text)
-- function jobs.schedule_ticks(i_name text, i_num integer DEFAULT 5, i_after timestamp with time zone DEFAULT NULL::timestamp with time zone) returns SETOF timestamp with time zone
-- function jobs.schedules(i_name text DEFAULT '*'::text, i_after text DEFAULT ''::text, i_limit integer DEFAULT 1000) returns SETOF jobs.schedule_info
-- function jobs.search(i_state text DEFAULT 'open'::text, i_topic text DEFAULT NULL::text, i_tag text DEFAULT NULL::text, i_meta jsonb DEFAULT NULL::jsonb, i_key text DEFAULT NULL::text, i_since timestamp with time zone DEFAULT NULL::timestamp with time zone, i_until timestamp with time zone DEFAULT NULL::timestamp with time zone, i_text text DEFAULT NULL::text, i_error text DEFAULT NULL::text, i_before text DEFAULT NULL::text, i_num integer DEFAULT 50, i_look integer DEFAULT 20000, i_seconds double precision DEFAULT 0.1) returns SETOF jobs.found
-- function jobs.sees_task(i_task character varying DEFAULT NULL::character varying) returns boolean
-- function jobs.server_health() returns jsonb
-- function jobs.set_draining(i_draining boolean, i_note text DEFAULT NULL::text) returns boolean
-- function jobs.set_limit(i_name text, i_topic text DEFAULT NULL::text, i_options jsonb DEFAULT '{}'::jsonb) returns void
-- function jobs.set_progress(i_job character varying, i_done double precision, i_total double precision DEFAULT NULL::double precision, i_note text DEFAULT NULL::text, i_lease uuid DEFAULT NULL::uuid) returns void
-- function jobs.set_schedule(i_name text, i_task text, i_body jsonb DEFAULT NULL::jsonb, i_cron text DEFAULT NULL::text, i_every interval DEFAULT NULL::interval, i_at timestamp with time zone DEFAULT NULL::timestamp with time zone, i_zone text DEFAULT 'UTC'::text, i_catch_up text DEFAULT 'last'::text, i_catch_up_limit integer DEFAULT 100, i_overlap text DEFAULT 'allow'::text, i_jitter interval DEFAULT '00:00:00'::interval, i_gap text DEFAULT NULL::text, i_fold text DEFAULT NULL::text, i_timeout numeric DEFAULT NULL::numeric, i_priority integer DEFAULT NULL::integer, i_max_retries integer DEFAULT NULL::integer, i_meta jsonb DEFAULT NULL::jsonb) returns jobs.schedule_info
-- function jobs.set_validation(i_task character varying, i_mode text) returns void
-- function jobs.settle(i_job_ids text[], i_leases uuid[], i_outcomes text[] DEFAULT NULL::text[], i_results jsonb[] DEFAULT NULL::jsonb[], i_errors text[] DEFAULT NULL::text[], i_delays double precision[] DEFAULT NULL::double precision[], i_batch_indexes integer[] DEFAULT NULL::integer[], i_said text[] DEFAULT NULL::text[]) returns TABLE(at integer, job_id text, reason text)
-- function jobs.shown_node_results(i_workflow bigint, i_node text, i_after integer DEFAULT '-1'::integer, i_limit integer DEFAULT 1000) returns TABLE(nth integer, job_id character varying, result jsonb, error text, state text)
-- function jobs.shown(i_job character varying) returns SETOF jobs."all"
-- function jobs.signal(i_name text, i_payload jsonb DEFAULT NULL::jsonb) returns boolean
-- function jobs.sleep(i_job character varying, i_lease uuid, i_name text, i_seconds double precision) returns double precision
-- function jobs.standby() returns jsonb
-- function jobs.start_operation(i_kind text, i_topic text, i_state text DEFAULT NULL::text, i_error text DEFAULT NULL::text, i_since timestamp with time zone DEFAULT NULL::timestamp with time zone, i_until timestamp with time zone DEFAULT NULL::timestamp with time zone, i_rate double precision DEFAULT NULL::double precision, i_reason text DEFAULT NULL::text, i_matched bigint DEFAULT NULL::bigint, i_grace_seconds double precision DEFAULT NULL::double precision) returns jobs.operation_info
-- function jobs.start(i_worker uuid, i_leases uuid[], i_batch_indexes integer[]) returns SETOF integer
-- function jobs.statistics(i_topic text DEFAULT NULL::text, i_from timestamp with time zone DEFAULT NULL::timestamp with time zone, i_to timestamp with time zone DEFAULT NULL::timestamp with time zone, i_step interval DEFAULT NULL::interval) returns TABLE(at timestamp with time zone, success bigint, failed bigint, cancelled bigint, wait_p50 double precision, wait_p95 double precision, wait_p99 double precision, run_p50 double precision, run_p95 double precision, run_p99 double precision)
-- function jobs.step_operation(i_operation bigint, i_seconds double precision DEFAULT 0.3) returns jobs.operation_info
-- function jobs.step_value(i_job character varying, i_name text) returns jsonb
-- function jobs.steps(i_job character varying) returns TABLE(name text, kind text, state text, bytes bigint, until timestamp with time zone, attempt integer, saved_at timestamp with time zone)
-- function jobs.sweep(i_limit integer DEFAULT 100) returns integer
-- function jobs.task_statistics(i_topic text DEFAULT NULL::text, i_from timestamp with time zone DEFAULT NULL::timestamp with time zone, i_to timestamp with time zone DEFAULT NULL::timestamp with time zone) returns TABLE(task character varying, success bigint, failed bigint, cancelled bigint, wait_p50 double precision, wait_p95 double precision, wait_p99 double precision, run_p50 double precision, run_p95 double precision, run_p99 double precision, ended bigint[])
-- function jobs.tasks_in_use(i_topics text[] DEFAULT NULL::text[], i_known text[] DEFAULT '{}'::text[], i_cap integer DEFAULT 100000) returns TABLE(task character varying, ready bigint, scheduled bigint, running bigint, exact boolean, workers bigint, others bigint, signatures jsonb)
-- function jobs.tasks() returns TABLE(name character varying, aliases text[], doc text, args_schema jsonb, result_schema jsonb, retries integer, timeout numeric, priority integer, keep text, declared boolean, workers bigint, validation text, params jsonb, extra_kwargs boolean, owner name, unique_by jsonb, paused boolean, slo numeric)
-- function jobs.tick(i_limit integer DEFAULT 200, i_seconds double precision DEFAULT NULL::double precision) returns integer
-- function jobs.topic_grants() returns TABLE(role name, topic text, publish boolean, consume boolean, known boolean)
-- function jobs.unique_keys(i_topic text DEFAULT '*'::text, i_num integer DEFAULT 100) returns TABLE(name character varying, key text, job_id character varying, state character varying, until timestamp with time zone)
-- function jobs.unknown_steps(i_tasks text[], i_steps text[], i_limit integer DEFAULT 100) returns TABLE(task character varying, name text, jobs bigint, job_id character varying)
-- function jobs.unregister_worker(i_worker uuid) returns void
-- function jobs.unusable() returns SETOF text
-- function jobs.unwatch(i_topic text) returns boolean
-- function jobs.watches() returns TABLE(topic character varying, kinds text[], watched_at timestamp with time zone, watched_by name, is_declared boolean)
-- function jobs.watch(i_topic text, i_kinds text[] DEFAULT NULL::text[]) returns void
-- function jobs.workers() returns TABLE(id uuid, host text, pid integer, version text, topics text[], tasks text[], slots integer, held bigint, started_at timestamp with time zone, heartbeat_at timestamp with time zone, alive boolean, paused_at timestamp with time zone)
-- function jobs.workflow_nodes(i_workflow bigint, i_names text[] DEFAULT NULL::text[]) returns TABLE(id bigint, name character varying, task character varying, state text, reason text, jobs integer, open integer, failed integer, is_group boolean, job_id character varying, started_at timestamp with time zone, ended_at timestamp with time zone, after jsonb)
-- function jobs.workflow_result(i_workflow bigint) returns TABLE(state text, result jsonb, reason text)
-- function jobs.workflow(i_workflow bigint) returns TABLE(id bigint, name character varying, state text, reason text, on_failure text, meta jsonb, created_at timestamp with time zone, ended_at timestamp with time zone, deadline timestamp with time zone, nodes integer, open integer, failed integer, running integer)
-- function jobs.workflows(i_state text DEFAULT NULL::text, i_name text DEFAULT NULL::text, i_before bigint DEFAULT NULL::bigint, i_limit integer DEFAULT 50) returns TABLE(id bigint, name character varying, state text, reason text, on_failure text, meta jsonb, created_at timestamp with time zone, ended_at timestamp with time zone, deadline timestamp with time zone, nodes integer, open integer, failed integer, running integer)
-- function jobs._able_workers(i_task character varying) returns TABLE(workers bigint, slots bigint, held bigint, paused bigint)
-- function jobs._absent(i_at text) returns text
-- function jobs._accept(i_leases uuid[], i_batch_indexes integer[]) returns jobs.accepted_runs
-- function jobs._act(i_op jobs.operation, i_jobs text[], i_part text) returns jobs.operation
-- function jobs._acts_as(i_role oid, i_login oid) returns boolean
-- function jobs._add_edges_before(i_workflow jobs.workflow, i_new bigint[], i_before text[]) returns void
-- function jobs._add_histograms(i_one integer[], i_other integer[]) returns integer[]
-- function jobs._admission(i_asks jobs.ask[], i_going tid[], i_blocked tid[], i_blocked_at bigint[]) returns jobs.admission
-- function jobs._admit(i_limits jobs.task_limit[], i_shut bigint[], i_states jobs.bucket_state[], i_num integer, i_looked integer, i_now timestamp with time zone, i_own_batch text[], i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_jobs_per_mib bigint, OUT admission jobs.admission, OUT states jobs.bucket_state[], OUT looked integer, OUT shut_tasks text[], OUT shut_buckets bigint[]) returns record
-- function jobs._adopt_grants(i_role name) returns void
-- function jobs._advance_at_commit() returns trigger
-- function jobs._advance(i_workflow bigint) returns void
-- function jobs._after_caps(i_states jobs.bucket_state[], i_taken integer, i_waits boolean, i_now timestamp with time zone) returns jobs.bucket_state[]
-- function jobs._after_end(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_results jsonb[], i_errors text[]) returns void
-- function jobs._after_flaw(i_after jsonb) returns text
-- function jobs._after_open(i_state jobs.bucket_state, i_is_left boolean, i_taken integer, i_rank bigint, i_seq bigint, i_rates jobs.rate[], i_fair boolean, i_weight double precision, i_turn double precision, i_run_seconds double precision, i_now timestamp with time zone) returns jobs.bucket_state
-- function jobs._after_start(i_lease uuid) returns void
-- function jobs._after_starts(i_rates jobs.rate[], i_tats timestamp with time zone[], i_starts bigint, i_now timestamp with time zone) returns timestamp with time zone[]
-- function jobs._age(i_now timestamp with time zone, i_at timestamp with time zone) returns double precision
-- function jobs._allowed(i_publish boolean, i_tasks text[]) returns text[]
-- function jobs._any_key() returns smallint
-- function jobs._applied(i_limit jobs.job_limit, i_said jobs.bucket_delta[], i_due bigint[], i_run_seconds double precision) returns jobs.bucket_state[]
-- function jobs._apply_deltas(i_workflow bigint, OUT ended bigint[], OUT ready bigint[]) returns record
-- function jobs._apply_left_deltas() returns void
-- function jobs._are_apart(i_one jsonb, i_other jsonb) returns boolean
-- function jobs._are_disjoint(i_one jsonb, i_other jsonb) returns boolean
-- function jobs._are_few(i_state text, i_look bigint) returns boolean
-- function jobs._are_jobs(i_tasks text[], i_bodies jsonb[], i_priorities integer[], i_job_ids text[]) returns boolean
-- function jobs._are_null(i_options anyarray) returns boolean
-- function jobs._are_unique(i_tasks text[]) returns boolean
-- function jobs._are_watched() returns boolean
-- function jobs._as_array(i_value jsonb) returns jsonb
-- function jobs._as_limit(i_name text, i_topic text, i_options jsonb) returns jobs.job_limit
-- function jobs._as_operation(i_kind text, i_topic text, i_state text, i_error text, i_since timestamp with time zone, i_until timestamp with time zone, i_rate double precision, i_reason text, i_grace_seconds double precision DEFAULT NULL::double precision) returns jobs.operation
-- function jobs._as_rate(i_rate jsonb) returns jobs.rate
-- function jobs._as_rates(i_name text, i_rates jsonb, i_burst jsonb) returns jobs.rate[]
-- function jobs._as_schedule(i_name text, i_task text, i_when jsonb) returns jobs.schedule
-- function jobs._as_snapshot(i_text text) returns pg_snapshot
-- function jobs._asked(i_rows tid[], i_limits jobs.task_limit[]) returns TABLE(at tid, rank bigint, seq bigint, size integer, bytes integer, job_id character varying, task character varying, kept bigint[], has_on_end boolean, from_bucket bigint, limit_id integer, key jsonb, cost integer)
-- function jobs._asks(i_rows tid[], i_limits jobs.task_limit[]) returns jobs.ask[]
-- function jobs._at(i_template text, i_at text) returns text
-- function jobs._audit_jobs(i_action text, i_jobs text[], i_reason text DEFAULT NULL::text) returns void
-- function jobs._audit_schedule(i_action text, i_schedule jobs.schedule, i_reason text DEFAULT NULL::text, i_since timestamp with time zone DEFAULT NULL::timestamp with time zone) returns jobs.schedule_info
-- function jobs._audit(i_action text, i_target text, i_jobs bigint, i_reason text DEFAULT NULL::text, i_details jsonb DEFAULT NULL::jsonb) returns void
-- function jobs._await_signals(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[]) returns void
-- function jobs._backoff(i_retries integer) returns interval
-- function jobs._begin_claim(i_worker uuid, i_tasks text[], i_num integer, i_sleep_seconds double precision) returns timestamp with time zone
-- function jobs._begin_progress() returns void
-- function jobs._begin_rollup_days(i_now timestamp with time zone) returns void
-- function jobs._begin_watching() returns void
-- function jobs._bind_flaw(i_bind jsonb) returns text
-- function jobs._bit(i_run bigint) returns bigint
-- function jobs._blocked_since(i_bucket bigint) returns timestamp with time zone
-- function jobs._block(i_admission jobs.admission) returns void
-- function jobs._bodies_for_each(i_task text, i_body jsonb, i_each jsonb, i_elements jsonb) returns jsonb[]
-- function jobs._bound(i_args jsonb, i_kwargs jsonb, i_params jsonb) returns jsonb
-- function jobs._bucket_id(i_limit integer, i_key jsonb) returns bigint
-- function jobs._bucket(i_span interval) returns integer
-- function jobs._call_flaw(i_call jsonb) returns text
-- function jobs._caller() returns name
-- function jobs._cancel_nodes(i_workflow jobs.workflow, i_nodes bigint[], i_why text, i_reason text, i_grace_seconds double precision, i_who name) returns bigint
-- function jobs._cancel_note(i_who name, i_reason text) returns text
-- function jobs._cancel_runs(i_jobs text[], i_note text) returns jobs.cancelled_runs
-- function jobs._cancel_whole(i_workflow jobs.workflow, i_why text, i_reason text, i_grace_seconds double precision, i_who name) returns bigint
-- function jobs._cancel(i_jobs text[], i_grace_seconds double precision, i_who name, i_reason text) returns jobs.cancelled
-- function jobs._cancelled_by(i_traceback text) returns text
-- function jobs._change_event_partitions(i_today date, i_oldest date) returns text[]
-- function jobs._change_holders(i_met jobs.wanted_key[], i_new jobs.open_job[], i_bytes bigint[], i_rules jobs.unique_rule[]) returns boolean
-- function jobs._change_key(i_job text) returns void
-- function jobs._change_operation(i_operation bigint, i_action text, i_state text, i_reason text) returns jobs.operation_info
-- function jobs._change_partitions(i_today date, i_full boolean, i_make date[], i_drop text[]) returns text[]
-- function jobs._change_run_partitions(i_today date, i_oldest date) returns text[]
-- function jobs._changed_options(i_old jsonb, i_given jsonb) returns jsonb
-- function jobs._changes(i_tasks jobs.declaration[]) returns SETOF jobs.change
-- function jobs._check_acquire(i_limit jobs.job_limit, i_cost integer) returns void
-- function jobs._check_binds(i_specs jobs.node_spec[], i_workflow bigint) returns void
-- function jobs._check_bodies(i_tasks text[], i_bodies jsonb[], i_checked boolean[] DEFAULT NULL::boolean[]) returns boolean
-- function jobs._check_bulk_bytes(i_sizes bigint[], i_limit integer) returns void
-- function jobs._check_bulk(i_tasks text[], i_bodies jsonb[]) returns bigint[]
-- function jobs._check_choice(i_what text, i_word text, i_known text[]) returns void
-- function jobs._check_control(i_kind text, i_details jsonb, i_expires_seconds double precision) returns void
-- function jobs._check_declarations(i_tasks jsonb) returns void
-- function jobs._check_declared_limits(i_task jsonb) returns void
-- function jobs._check_declared_unique(i_task jsonb) returns void
-- function jobs._check_edit(i_task character varying, i_body jsonb, i_is_new_body boolean, i_meta jsonb, i_new jsonb) returns bigint
-- function jobs._check_graph(i_specs jobs.node_spec[], i_workflow bigint) returns void
-- function jobs._check_jitter(i_schedule jobs.schedule) returns void
-- function jobs._check_kind(i_name text, i_kind text, i_recorded text) returns void
-- function jobs._check_lease(i_lease uuid) returns void
-- function jobs._check_limit(i_name text, i_limit bigint) returns void
-- function jobs._check_limits_now_and_then() returns void
-- function jobs._check_meta(i_which text, i_meta jsonb) returns bigint
-- function jobs._check_new_ids(i_job_ids text[], i_now timestamp with time zone) returns void
-- function jobs._check_node_bodies(i_specs jobs.node_spec[]) returns void
-- function jobs._check_not_unique(i_specs jobs.node_spec[], i_nodes jsonb) returns void
-- function jobs._check_order(i_specs jobs.node_spec[]) returns void
-- function jobs._check_partial_body(i_node text, i_task text, i_body jsonb, i_binds jsonb, i_each jsonb) returns void
-- function jobs._check_period(i_from timestamp with time zone, i_to timestamp with time zone) returns void
-- function jobs._check_results(i_results jsonb[], i_code text) returns void
-- function jobs._check_schedule_job(i_schedule jobs.schedule) returns void
-- function jobs._check_schedule(i_schedule jobs.schedule) returns void
-- function jobs._check_search(i_state text, i_before text, i_num integer, i_look integer, i_seconds double precision, i_in_texts boolean) returns void
-- function jobs._check_sight(i_specs jobs.node_spec[], i_workflow bigint, i_before text[]) returns void
-- function jobs._check_sizes_of_nodes(i_specs jobs.node_spec[]) returns void
-- function jobs._check_sizes(i_changes jobs.declaration[]) returns void
-- function jobs._check_step(i_name text, i_value jsonb DEFAULT NULL::jsonb) returns void
-- function jobs._check_topics(i_publish boolean, i_tasks text[]) returns void
-- function jobs._check_worker(i_worker uuid, i_host text, i_pid integer, i_version text, i_topics text[], i_tasks text[], i_slots integer) returns void
-- function jobs._check_workflow_options(i_name text, i_options jsonb) returns void
-- function jobs._check_workflow(i_workflow bigint) returns void
-- function jobs._check_zone(i_zone text) returns void
-- function jobs._claim_again(i_ids integer[], i_states jobs.bucket_state[], i_is_more boolean, i_is_left boolean, i_is_busy boolean, i_now timestamp with time zone) returns timestamp with time zone
-- function jobs._claim_capped(i_worker uuid, i_tasks text[], i_limits jobs.task_limit[], i_num integer, i_lease uuid, i_now timestamp with time zone, i_margin double precision, i_own_batch text[], i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_ahead integer, i_jobs_per_mib bigint) returns TABLE(part integer, run_at timestamp with time zone, unseen bigint, next bigint, started bigint, jobs jobs.open_job[])
-- function jobs._claim_in_order(i_worker uuid, i_tasks text[], i_num integer, i_lease uuid, i_now timestamp with time zone, i_margin double precision, i_own_batch text[], i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_ahead integer, i_jobs_per_mib bigint, i_shared_part integer DEFAULT 0, i_own_part integer DEFAULT 0) returns TABLE(part integer, run_at timestamp with time zone, unseen bigint, next bigint, started bigint, jobs jobs.open_job[], size integer)
-- function jobs._claim_limited(i_worker uuid, i_tasks text[], i_limits jobs.task_limit[], i_num integer, i_lease uuid, i_now timestamp with time zone, i_margin double precision, i_own_batch text[], i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_ahead integer, i_jobs_per_mib bigint) returns TABLE(part integer, run_at timestamp with time zone, unseen bigint, next bigint, started bigint, jobs jobs.open_job[])
-- function jobs._clear_bits(i_runs jobs.accepted_runs) returns void
-- function jobs._clock_change(i_zone text, i_first timestamp with time zone, i_last timestamp with time zone) returns timestamp with time zone
-- function jobs._compiled(i_schema jsonb, i_params jsonb, i_extra_kwargs boolean) returns jsonpath
-- function jobs._conclude(i_workflow bigint, i_ended bigint[], i_is_left boolean) returns void
-- function jobs._contains(i_node jobs.node, i_condition jsonb) returns boolean
-- function jobs._correct_buckets(i_ids integer[]) returns jsonb
-- function jobs._correct_waiting(i_ids integer[]) returns jsonb
-- function jobs._cost_of(i_value jsonb) returns integer
-- function jobs._cost(i_body_bytes bigint, i_predicate_bytes integer) returns bigint
-- function jobs._count_blocked_at(i_bucket bigint) returns bigint
-- function jobs._count_blocked(i_limit integer) returns bigint
-- function jobs._count_blocks(i_table regclass, i_day jobs.rollup_day, i_from bigint) returns void
-- function jobs._count_day(i_day jobs.rollup_day, i_now timestamp with time zone, i_blocks integer) returns integer
-- function jobs._count_from_now(i_worker uuid, i_leases uuid[], i_batch_indexes integer[], i_now timestamp with time zone) returns void
-- function jobs._count(i_bits bigint) returns integer
-- function jobs._covers(i_snapshot pg_snapshot, i_other pg_snapshot) returns boolean
-- function jobs._cron_days(i_cron jobs.cron, i_month date) returns integer[]
-- function jobs._cron_fields(i_cron text) returns text[]
-- function jobs._cron_list(i_list text, i_field text, i_low integer, i_high integer, i_names text[] DEFAULT NULL::text[]) returns integer[]
-- function jobs._cron_nth(i_parts text[]) returns integer[]
-- function jobs._cron_number(i_word text, i_names text[], i_low integer) returns integer
-- function jobs._cron_numbers(i_part text, i_field text, i_low integer, i_high integer, i_names text[] DEFAULT NULL::text[]) returns integer[]
-- function jobs._cron_of(i_schedule jobs.schedule) returns jobs.cron
-- function jobs._cron_rest(i_parts text[], i_field text, i_low integer, i_high integer, i_names text[] DEFAULT NULL::text[]) returns integer[]
-- function jobs._cron_time(i_cron jobs.cron, i_hour integer, i_minute integer) returns integer
-- function jobs._decide(i_workflow bigint, i_ended bigint[]) returns jobs.node_change
-- function jobs._declare_changes(i_changes jobs.change[]) returns void
-- function jobs._declare_limit(i_name text, i_task text, i_declared jsonb, i_names text[]) returns void
-- function jobs._declare_limits(i_tasks jsonb, i_names text[]) returns void
-- function jobs._declare_one_by_one(i_changes jobs.change[]) returns void
-- function jobs._declare_schedule(i_name text, i_task text, i_declared jsonb, i_names text[]) returns void
-- function jobs._declare_schedules(i_tasks jsonb, i_names text[]) returns void
-- function jobs._declare_watches(i_tasks jsonb, i_names text[]) returns void
-- function jobs._declared_node_options(i_task text, i_options jsonb) returns jsonb
-- function jobs._declared_options(i_tasks text[], i_checked boolean[], i_jobs integer, i_options jobs.job_options) returns jobs.job_options
-- function jobs._declared(i_tasks jsonb) returns SETOF jobs.declaration
-- function jobs._declare(i_tasks jobs.declaration[]) returns void
-- function jobs._declarer() returns oid
-- function jobs._default_burst(i_count integer, i_seconds double precision) returns integer
-- function jobs._definition(i_root jsonb, i_ref text) returns jsonb
-- function jobs._delete_blocks(i_partition text, i_rule jobs.keep_rule, i_until timestamp with time zone) returns bigint
-- function jobs._delete_idle_buckets(i_ids integer[]) returns void
-- function jobs._delete_schedule(i_name text) returns void
-- function jobs._delete_unkept(i_today date, i_seconds double precision) returns void
-- function jobs._deliver_left() returns void
-- function jobs._deliver(i_name text, i_payload jsonb) returns boolean
-- function jobs._draw_numbers(i_jobs integer) returns bigint[]
-- function jobs._drop_steps_of_old_jobs(i_oldest timestamp with time zone) returns boolean
-- function jobs._drop_steps(i_jobs text[]) returns void
-- function jobs._drop_undeclared() returns void
-- function jobs._due_at(i_schedule jobs.schedule) returns timestamp with time zone
-- function jobs._due_ticks(i_schedule jobs.schedule, i_now timestamp with time zone, OUT o_ticks timestamp with time zone[], OUT o_next timestamp with time zone, OUT o_is_late boolean, OUT o_missed timestamp with time zone) returns record
-- function jobs._due(i_scheduled_at timestamp with time zone[], i_delays double precision[], i_jobs integer, i_now timestamp with time zone) returns timestamp with time zone[]
-- function jobs._each_flaw(i_each jsonb) returns text
-- function jobs._edges_to(i_node bigint, i_publishes jobs.limits, i_consumes jobs.limits, i_reads boolean) returns jsonb
-- function jobs._edit_ended(i_job text, i_new jsonb) returns jsonb
-- function jobs._edit_pending(i_job text, i_new jsonb) returns jsonb
-- function jobs._edited_key(i_job text, i_task text, i_old jsonb, i_new jsonb, i_on_end jobs.on_end, i_holds boolean) returns jobs.on_end
-- function jobs._end_steps(i_jobs text[], i_on_ends jobs.on_end[], i_are_over boolean[] DEFAULT NULL::boolean[]) returns void
-- function jobs._ended_counts(i_state text, i_pattern text, i_cap bigint) returns TABLE(task character varying, state text, jobs bigint)
-- function jobs._ended_in_blocks(i_table regclass, i_day jobs.rollup_day, i_from bigint) returns TABLE(task character varying, at timestamp with time zone, seconds integer, status jobs.job_status, wait integer, run integer, jobs bigint)
-- function jobs._ended_since(i_jobs text[]) returns timestamp with time zone
-- function jobs._ended_times(i_jobs text[], i_from timestamp with time zone, i_until timestamp with time zone) returns timestamp with time zone[]
-- function jobs._ends(i_outcome text, i_retries integer, i_max_retries integer) returns boolean
-- function jobs._error_class(i_error text) returns text
-- function jobs._error_pattern(i_error text) returns text
-- function jobs._escaped(i_text text) returns text
-- function jobs._event_details(i_meta jsonb, i_more jsonb) returns jsonb
-- function jobs._event_kinds() returns text[]
-- function jobs._event_partitions() returns TABLE(name text, day date)
-- function jobs._event_rows(i_from pg_snapshot, i_to pg_snapshot, i_number bigint, i_pattern text, i_rows integer) returns SETOF jobs.event
-- function jobs._event_system() returns text
-- function jobs._events_between(i_here text, i_from pg_snapshot, i_to pg_snapshot, i_number bigint, i_nth integer, i_pattern text, i_num integer) returns TABLE("position" text, at timestamp with time zone, kind text, task character varying, job_id character varying, attempt integer, details jsonb)
-- function jobs._example(i_job text, i_task text, i_error text) returns jsonb
-- function jobs._excludes(i_one jsonb, i_other jsonb) returns boolean
-- function jobs._expected_type(i_schema jsonb) returns text
-- function jobs._expected_value(i_list jsonb) returns text
-- function jobs._expire_commands(i_worker uuid, i_why text) returns void
-- function jobs._explain_absence(i_task character varying) returns SETOF jobs.reason
-- function jobs._explain_body(i_task character varying, i_body jsonb) returns SETOF jobs.reason
-- function jobs._explain_bucket(i_limit jobs.job_limit, i_bucket bigint, i_details jsonb) returns SETOF jobs.reason
-- function jobs._explain_closed(i_limit jobs.job_limit, i_state jobs.bucket_state, i_details jsonb) returns jobs.reason
-- function jobs._explain_ended(i_job character varying) returns SETOF jobs.reason
-- function jobs._explain_failed_nodes(i_workflow jobs.workflow) returns SETOF jobs.reason
-- function jobs._explain_held(i_limit jobs.job_limit, i_state jobs.bucket_state, i_details jsonb) returns jobs.reason
-- function jobs._explain_last_tick(i_schedule jobs.schedule) returns SETOF jobs.reason
-- function jobs._explain_limits(i_job character varying, i_task character varying, i_bucket bigint) returns SETOF jobs.reason
-- function jobs._explain_lock(i_holder xid) returns SETOF jobs.reason
-- function jobs._explain_membership(i_job character varying) returns SETOF jobs.reason
-- function jobs._explain_node(i_node jobs.node) returns SETOF jobs.reason
-- function jobs._explain_pause(i_task character varying) returns SETOF jobs.reason
-- function jobs._explain_pending(i_job character varying) returns SETOF jobs.reason
-- function jobs._explain_place(i_job character varying, i_limit jobs.job_limit, i_bucket bigint) returns jobs.reason
-- function jobs._explain_progress(i_job character varying) returns SETOF jobs.reason
-- function jobs._explain_queue(i_task character varying, i_rank bigint, i_ready_seq bigint, i_ahead bigint) returns SETOF jobs.reason
-- function jobs._explain_running(i_job character varying) returns SETOF jobs.reason
-- function jobs._explain_state(i_workflow jobs.workflow) returns jobs.reason
-- function jobs._explain_stop(i_schedule jobs.schedule) returns SETOF jobs.reason
-- function jobs._explain_tick(i_schedule jobs.schedule) returns SETOF jobs.reason
-- function jobs._explain_unique(i_job character varying) returns SETOF jobs.reason
-- function jobs._explain_waits(i_job character varying, i_attempt integer) returns SETOF jobs.reason
-- function jobs._explain_waits(i_node jobs.node) returns SETOF jobs.reason
-- function jobs._fail_node(i_node bigint, i_reason text) returns bigint
-- function jobs._fail_tick(i_schedule jobs.schedule, i_now timestamp with time zone, i_reason text) returns void
-- function jobs._failed_counts() returns TABLE(task text, state text, jobs bigint)
-- function jobs._failure_of(i_node jobs.node) returns jsonb
-- function jobs._failure(i_job character varying, i_is_cancelled boolean, i_error text) returns jsonb
-- function jobs._find_packed(i_job character varying) returns SETOF jobs.open_job
-- function jobs._find_run(i_job character varying) returns TABLE(lease uuid, batch_index integer)
-- function jobs._first_due(i_cron jobs.cron, i_zone text, i_gap text, i_fold text, i_after timestamp with time zone, i_local timestamp without time zone) returns timestamp with time zone
-- function jobs._first_tick(i_schedule jobs.schedule) returns timestamp with time zone
-- function jobs._fit_rates(i_limit jobs.job_limit) returns void
-- function jobs._fits(i_bytes bigint, i_limit integer, i_scheduled_at timestamp with time zone, i_timeout numeric, i_max_retries integer) returns boolean
-- function jobs._flaw(i_task jsonb) returns text
-- function jobs._fold_days(i_now timestamp with time zone) returns void
-- function jobs._fold(i_from timestamp with time zone, i_to timestamp with time zone, i_seconds integer) returns void
-- function jobs._for_each(i_values anyarray, i_jobs integer) returns anyarray
-- function jobs._forget_signals(i_names text[]) returns void
-- function jobs._forget_waits(i_jobs text[], i_name text DEFAULT NULL::text) returns void
-- function jobs._free_blocked(i_limit integer, i_num integer) returns integer
-- function jobs._free_dropped(i_num integer DEFAULT 10000) returns boolean
-- function jobs._gap_end(i_local timestamp without time zone, i_zone text) returns timestamp with time zone
-- function jobs._give_back_in_order(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[]) returns bigint[]
-- function jobs._give_back_kept(i_on_ends jobs.on_end[]) returns void
-- function jobs._give_back_slots(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[]) returns void
-- function jobs._give_up(i_workflow jobs.workflow) returns jobs.workflow
-- function jobs._given_over(i_given jsonb, i_checked boolean, i_declared jsonb) returns jsonb
-- function jobs._go_on(i_workflow bigint, i_ended bigint[], i_ready bigint[] DEFAULT '{}'::bigint[], i_is_new boolean DEFAULT false) returns void
-- function jobs._grace() returns double precision
-- function jobs._grantee(i_grant jobs.topic_grant) returns oid
-- function jobs._group_results(i_node bigint, i_after integer, i_limit integer) returns TABLE(nth integer, result jsonb)
-- function jobs._has_sensitive(i_schema jsonb) returns boolean
-- function jobs._has_type(i_types jsonb, i_value jsonb) returns boolean
-- function jobs._have_ended(i_jobs text[], i_least text) returns boolean
-- function jobs._heads(i_tasks text[], i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_ranges integer, i_num integer, i_own_batch text[], i_jobs_per_mib bigint) returns jobs.claim_plan
-- function jobs._hear(i_limit jobs.job_limit, i_now timestamp with time zone) returns jobs.bucket_state[]
-- function jobs._held_keys(i_job character varying, i_now timestamp with time zone) returns TABLE(name character varying, until_started boolean, until timestamp with time zone)
-- function jobs._history_of(i_jobs text[], i_everywhere boolean DEFAULT true) returns SETOF jobs.job
-- function jobs._hold_caps(i_lease uuid, i_parts integer[], i_ids integer[]) returns void
-- function jobs._hold_slots(i_lease uuid, i_admission jobs.admission) returns void
-- function jobs._holders_of_history() returns text
-- function jobs._holders_of(i_bucket bigint, i_num integer) returns TABLE(job_id character varying, scheduled_at timestamp with time zone)
-- function jobs._holders(i_names text[], i_keys text[], i_which integer[], i_now timestamp with time zone) returns TABLE(nth integer, holder character varying, task character varying, state character varying)
-- function jobs._hold(i_job character varying, i_lease uuid) returns jobs._runs
-- function jobs._id_time(i_now timestamp with time zone) returns bytea
-- function jobs._in_circles(i_nodes integer, i_parents integer[], i_children integer[]) returns integer[]
-- function jobs._in_range(i_rank bigint, i_ready_seq bigint, i_from_rank bigint, i_from_seq bigint, i_to_rank bigint) returns boolean
-- function jobs._in_sight(i_column text) returns text
-- function jobs._in_state(i_state text) returns text
-- function jobs._in_words(i_reason text) returns text
-- function jobs._info(s jobs.schedule) returns jobs.schedule_info
-- function jobs._inputs_hash(i_inputs jsonb) returns bytea
-- function jobs._insert_keys(i_job_ids character varying[], i_rules jobs.unique_rule[], i_now timestamp with time zone) returns bigint
-- function jobs._insert_new(i_new jobs.open_job[], i_bytes bigint[], i_first integer[], i_contents integer[]) returns void
-- function jobs._is_abandoned(i_schedule jobs.schedule) returns boolean
-- function jobs._is_administrator() returns boolean
-- function jobs._is_administrator(i_role name) returns boolean
-- function jobs._is_awaited(i_flag regclass) returns boolean
-- function jobs._is_clock_sure(i_now timestamp with time zone) returns boolean
-- function jobs._is_continued(i_node bigint, i_on_failure text) returns boolean
-- function jobs._is_due_alike(i_one jobs.schedule, i_other jobs.schedule) returns boolean
-- function jobs._is_fit(i_body jsonb, i_fits jsonpath, i_names text[]) returns boolean
-- function jobs._is_in_use(i_signature jobs.task_signature) returns boolean
-- function jobs._is_kept_by(i_rule jobs.keep_rule) returns text
-- function jobs._is_limit_used(i_limit jobs.job_limit) returns boolean
-- function jobs._is_listed(i_list jsonb, i_value jsonb) returns boolean
-- function jobs._is_met(i_parent jobs.node, i_edge jobs.edge, i_on_failure text) returns boolean
-- function jobs._is_misfit(i_form text, i_is_group boolean, i_is_chunked boolean, i_result jsonb, i_schema jsonb, i_root jsonb) returns boolean
-- function jobs._is_name(i_name text) returns boolean
-- function jobs._is_open(i_job character varying) returns boolean
-- function jobs._is_over(i_node bigint) returns boolean
-- function jobs._is_portable(i_pattern text) returns boolean
-- function jobs._is_reachable(i_at timestamp with time zone) returns boolean
-- function jobs._is_receipt(i_receipt jsonb) returns boolean
-- function jobs._is_same(i_one jobs.schedule, i_other jobs.schedule) returns boolean
-- function jobs._is_under(i_task text, i_limits jobs.limits) returns boolean
-- function jobs._is_undone(i_workflow bigint) returns boolean
-- function jobs._is_usual(i_kind text, i_attempt integer, i_details jsonb) returns boolean
-- function jobs._jitter(i_schedule jobs.schedule) returns interval
-- function jobs._jobs_of(i_node jobs.node) returns jobs.node_jobs
-- function jobs._joined(i_parts text[], i_by text) returns text
-- function jobs._join(i_workflow jobs.workflow, i_specs jobs.node_spec[], i_before text[]) returns void
-- function jobs._judge(i_rows tid[], i_num integer, i_limits jobs.task_limit[], i_states jobs.bucket_state[], i_now timestamp with time zone, OUT admission jobs.admission, OUT states jobs.bucket_state[], OUT shut_tasks text[], OUT shut_buckets bigint[]) returns record
-- function jobs._keep_results(i_workflow jobs.workflow, i_specs jobs.node_spec[], i_new bigint[]) returns void
-- function jobs._keep_slots(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[]) returns void
-- function jobs._keepers() returns TABLE(bucket bigint, job_id character varying, scheduled_at timestamp with time zone)
-- function jobs._key_outside(i_object jsonb, i_keys text[]) returns text
-- function jobs._key_part(i_value jsonb) returns text
-- function jobs._kind_of_end(i_outcome text, i_retries integer, i_max_retries integer) returns text
-- function jobs._kind(i_value jsonb) returns text
-- function jobs._known_definitions(i_root jsonb) returns jsonb
-- function jobs._known(i_template text, i_at text) returns text
-- function jobs._large_text_size(i_value jsonb, i_enough bigint DEFAULT 268435456) returns bigint
-- function jobs._last_ended(i_num integer, i_each integer) returns TABLE(task character varying, failed bigint)
-- function jobs._last_tick(i_schedule jobs.schedule, i_cron jobs.cron, i_known timestamp with time zone, i_now timestamp with time zone) returns timestamp with time zone
-- function jobs._last_ticks(i_schedule jobs.schedule, i_cron jobs.cron, i_last timestamp with time zone, i_num integer) returns timestamp with time zone[]
-- function jobs._least_room(i_states jobs.bucket_state[], i_now timestamp with time zone) returns integer
-- function jobs._leave_deltas() returns void
-- function jobs._leave_ends(i_ends jobs.node_end[]) returns void
-- function jobs._leave_ready(i_workflow bigint, i_nodes bigint[]) returns void
-- function jobs._likes_of(i_topic text, i_is_declared boolean) returns text[]
-- function jobs._limit_contradiction(i_options jsonb) returns text
-- function jobs._limit_flaw(i_options jsonb) returns text
-- function jobs._limit_key(i_limit jobs.job_limit, i_key jsonb) returns jsonb
-- function jobs._limit_named(i_name text) returns jobs.job_limit
-- function jobs._limit_options(i_limit jobs.job_limit) returns jsonb
-- function jobs._limit_the_rest() returns void
-- function jobs._limits_in_turn(i_limits jobs.task_limit[], i_ids integer[]) returns jobs.task_limit[]
-- function jobs._limits_of(i_role name, i_publish boolean, i_how text) returns text[]
-- function jobs._limits_of(i_tasks text[]) returns jobs.task_limit[]
-- function jobs._limits_under(i_topic text) returns SETOF jobs.job_limit
-- function jobs._limits_with_arguments(i_order text[], i_tasks text[], i_ids integer[]) returns jobs.task_limit[]
-- function jobs._limits(i_publish boolean) returns jobs.limits
-- function jobs._listed(i_names text[], i_number bigint) returns text
-- function jobs._listen_until(i_flag regclass, i_until timestamp with time zone) returns void
-- function jobs._literal(i_at timestamp with time zone) returns text
-- function jobs._literally(i_task text) returns text
-- function jobs._lock_failed(i_jobs text[], i_parts text[]) returns jobs.redriven[]
-- function jobs._lock_few(i_tasks text[], i_num integer, i_own_batch text[], i_jobs_per_mib bigint) returns jobs.locked_rows
-- function jobs._lock_operation(i_operation bigint) returns jobs.operation
-- function jobs._lock_rows(i_plan jobs.claim_plan, i_num integer, i_is_first boolean, i_largest integer, i_own_batch text[], i_jobs_per_mib bigint) returns jobs.locked_rows
-- function jobs._lock_schedule(i_name text) returns jobs.schedule
-- function jobs._lock_workflows_of(i_jobs text[], i_parts text[]) returns void
-- function jobs._log_missed(i_schedule jobs.schedule, i_last timestamp with time zone, i_why text) returns void
-- function jobs._log_schedule(i_name text, i_outcome text, i_ticks timestamp with time zone[], i_jobs character varying[], i_reason text) returns void
-- function jobs._look_again() returns void
-- function jobs._look_at_waiting(i_limit integer) returns void
-- function jobs._look_at(i_buckets bigint[]) returns void
-- function jobs._look_where_room(i_ids integer[]) returns void
-- function jobs._lowest_bits(i_number bigint) returns bigint
-- function jobs._maintain_event_partitions(i_now timestamp with time zone, i_clock_is_sure boolean) returns text[]
-- function jobs._maintain_partitions() returns SETOF text
-- function jobs._maintain_run_partitions(i_today date, i_oldest date, i_clock_is_sure boolean) returns text[]
-- function jobs._make_event_partition(i_name text, i_day date) returns boolean
-- function jobs._make_partition_of_default(i_today date) returns void
-- function jobs._make_partition(i_day date) returns boolean
-- function jobs._make_run_partition(i_parent text, i_name text, i_day date) returns boolean
-- function jobs._masked_field(i_name text, i_value jsonb, i_schema jsonb, i_root jsonb, i_depth integer) returns jsonb
-- function jobs._masked(i_value jsonb, i_schema jsonb, i_root jsonb, i_depth integer DEFAULT 0) returns jsonb
-- function jobs._matches_in_history(i_op jobs.operation, i_limit bigint) returns TABLE(jobs bigint, exact boolean, examples jsonb)
-- function jobs._matches(i_op jobs.operation, i_limit bigint) returns TABLE(jobs bigint, exact boolean, examples jsonb)
-- function jobs._match(i_op jobs.operation) returns text
-- function jobs._may_become(i_role name, i_other name) returns boolean
-- function jobs._may_change(i_owner oid, i_name name) returns boolean
-- function jobs._may_lock_history(i_context text) returns boolean
-- function jobs._may_notify() returns boolean
-- function jobs._meant(i_schema jsonb, i_root jsonb) returns jsonb
-- function jobs._measured_tasks() returns TABLE(task text, state text, number double precision)
-- function jobs._meet_holders(i_wanted jobs.wanted_key[], i_new jobs.open_job[], i_rules jobs.unique_rule[], i_now timestamp with time zone, i_in_turn boolean) returns jobs.wanted_key[]
-- function jobs._meta_of_tick(i_schedule jobs.schedule, i_tick timestamp with time zone) returns jsonb
-- function jobs._metrics_of_limits() returns TABLE(name text, labels jsonb, value double precision)
-- function jobs._metrics_of_problems() returns TABLE(name text, labels jsonb, value double precision)
-- function jobs._metrics_of_schedules() returns TABLE(name text, labels jsonb, value double precision)
-- function jobs._metrics_of_snapshots() returns TABLE(name text, labels jsonb, value double precision)
-- function jobs._metrics_of_standby() returns TABLE(name text, labels jsonb, value double precision)
-- function jobs._metrics_of_tables() returns TABLE(name text, labels jsonb, value double precision)
-- function jobs._metrics_of_tasks() returns TABLE(name text, labels jsonb, value double precision)
-- function jobs._metrics_of_workers() returns TABLE(name text, labels jsonb, value double precision)
-- function jobs._metrics_of_workflows() returns TABLE(name text, labels jsonb, value double precision)
-- function jobs._millis(i_at timestamp with time zone) returns bigint
-- function jobs._moment(i_at timestamp with time zone) returns text
-- function jobs._moments(i_local timestamp without time zone, i_zone text) returns timestamp with time zone[]
-- function jobs._move_admitted(i_admission jobs.admission, i_worker uuid, i_lease uuid, i_now timestamp with time zone, i_margin double precision, i_own_batch text[], i_begin integer, i_shared_part integer, i_own_part integer) returns TABLE(part integer, run_at timestamp with time zone, xid bigint, started bigint, jobs jobs.open_job[], size integer)
-- function jobs._move_many(i_rows jobs.locked_rows, i_worker uuid, i_lease uuid, i_now timestamp with time zone, i_margin double precision, i_own_batch text[], i_begin integer, i_shared_part integer, i_own_part integer) returns TABLE(part integer, run_at timestamp with time zone, xid bigint, started bigint, jobs jobs.open_job[], size integer)
-- function jobs._move_on(i_schedule jobs.schedule, i_next timestamp with time zone) returns void
-- function jobs._move_rows(i_rows jobs.locked_rows, i_worker uuid, i_lease uuid, i_now timestamp with time zone, i_margin double precision, i_own_batch text[], i_begin integer, i_shared_part integer, i_own_part integer) returns TABLE(part integer, run_at timestamp with time zone, xid bigint, started bigint, jobs jobs.open_job[], size integer)
-- function jobs._name_signal(i_name text, i_seconds double precision) returns double precision
-- function jobs._names_of_others(i_task character varying, i_aliases text[]) returns text[]
-- function jobs._names(i_params jsonb, i_extra_kwargs boolean) returns text[]
-- function jobs._new_job_id(i_time bytea, i_number bigint, i_random bytea DEFAULT substr(uuid_send(gen_random_uuid()), 11)) returns character varying
-- function jobs._new_job_ids(i_numbers bigint[], i_now timestamp with time zone) returns character varying[]
-- function jobs._new_jobs(i_ids bigint[], i_job_ids character varying[], i_tasks text[], i_bodies jsonb[], i_bytes bigint[], i_due timestamp with time zone[], i_timeouts numeric[], i_priorities integer[], i_max_retries integer[], i_metas jsonb[], i_rules jobs.unique_rule[], i_now timestamp with time zone) returns jobs.open_job[]
-- function jobs._new_limit_id() returns integer
-- function jobs._new_state(i_bucket bigint, i_key jsonb) returns jobs.bucket_state
-- function jobs._next_commands(i_worker uuid, i_now timestamp with time zone) returns jsonb
-- function jobs._next_cron(i_cron jobs.cron, i_zone text, i_gap text, i_fold text, i_after timestamp with time zone) returns timestamp with time zone
-- function jobs._next_ended(i_op jobs.operation, i_jobs integer, OUT o_jobs text[], OUT o_op jobs.operation) returns record
-- function jobs._next_local(i_cron jobs.cron, i_after timestamp without time zone) returns timestamp without time zone
-- function jobs._next_pending(i_op jobs.operation, i_jobs integer, OUT o_jobs text[], OUT o_op jobs.operation) returns record
-- function jobs._next_phase(i_op jobs.operation) returns jobs.operation
-- function jobs._next_running(i_op jobs.operation, i_jobs integer, OUT o_jobs text[], OUT o_op jobs.operation) returns record
-- function jobs._next_snapshot(i_from pg_snapshot, i_until pg_snapshot, i_rows integer) returns pg_snapshot
-- function jobs._next_states(i_states jobs.bucket_state[], i_taken integer[], i_starts integer[], i_refused boolean[], i_opened boolean[], i_ranks bigint[], i_seqs bigint[], i_now timestamp with time zone) returns jobs.bucket_state[]
-- function jobs._next_tick(i_schedule jobs.schedule, i_cron jobs.cron, i_after timestamp with time zone) returns timestamp with time zone
-- function jobs._node_flaw(i_node jsonb) returns text
-- function jobs._node_id(i_workflow bigint, i_node text) returns bigint
-- function jobs._node_keys() returns text[]
-- function jobs._node_named(i_workflow bigint, i_node text) returns jobs.node
-- function jobs._node_option_keys() returns text[]
-- function jobs._node_options_flaw(i_node jsonb) returns text
-- function jobs._node_value(i_node jobs.node, i_form text) returns jsonb
-- function jobs._nodes_from(i_nodes bigint[], i_also_ended boolean) returns bigint[]
-- function jobs._nodes_taken(i_specs jobs.node_spec[]) returns text[]
-- function jobs._not_expressible() returns text
-- function jobs._not_held(i_job character varying, i_lease uuid) returns void
-- function jobs._note_cancelled(i_jobs text[], i_tasks text[], i_attempts integer[], i_metas jsonb[]) returns void
-- function jobs._note_dropped_events(i_partition text, i_from timestamp with time zone, i_to timestamp with time zone) returns void
-- function jobs._note_each(i_kind text, i_events jobs.new_event[]) returns void
-- function jobs._note_ends(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_errors text[]) returns void
-- function jobs._note_group_successes(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_results jsonb[]) returns jobs.accepted_runs
-- function jobs._note_heard(i_limit integer, i_heard pg_snapshot, i_timers_to timestamp with time zone, i_run_seconds double precision, i_turn double precision) returns void
-- function jobs._note_nodes_gone(i_jobs text[], i_on_ends jobs.on_end[], i_note text) returns void
-- function jobs._note_picked(i_lease uuid) returns void
-- function jobs._note_plain_client() returns void
-- function jobs._note_progress(i_worker uuid, i_progress jsonb) returns void
-- function jobs._note_published(i_published jobs.published, i_tasks text[], i_metas jsonb[]) returns void
-- function jobs._note_purged(i_rows tid[]) returns void
-- function jobs._note_queued(i_jobs text[], i_tasks text[], i_metas jsonb[]) returns void
-- function jobs._note_receipts(i_worker uuid, i_receipts jsonb, i_now timestamp with time zone) returns void
-- function jobs._note_requeued(i_jobs text[]) returns void
-- function jobs._note_served(i_ids integer[], i_states jobs.bucket_state[]) returns void
-- function jobs._note_skips(i_op jobs.operation, i_jobs text[], i_skips text[]) returns jobs.operation
-- function jobs._note_started(i_worker uuid, i_leases uuid[], i_batch_indexes integer[], i_skip boolean) returns void
-- function jobs._note_status(i_worker uuid, i_status jsonb, i_now timestamp with time zone) returns void
-- function jobs._note_steps(i_run jobs._runs) returns void
-- function jobs._note_ticks(i_name text, i_outcome text, i_ticks timestamp with time zone[], i_published jobs.published, i_reason text) returns void
-- function jobs._note_turn() returns void
-- function jobs._note_workflow_end(i_workflow bigint, i_name text, i_state text) returns void
-- function jobs._nth_random(i_randoms bytea, i_nth integer) returns bytea
-- function jobs._offset(i_at timestamp with time zone, i_zone text) returns interval
-- function jobs._old_values(i_old jsonb, i_new jsonb) returns jsonb
-- function jobs._oldest_kept(i_day date) returns date
-- function jobs._oldest_kept(i_now pg_snapshot) returns pg_snapshot
-- function jobs._on_day(i_day timestamp with time zone) returns text
-- function jobs._open_blocked(i_states jobs.bucket_state[], i_limits jobs.task_limit[], i_shut bigint[], i_num integer, i_now timestamp with time zone, OUT admission jobs.admission, OUT rows tid[], OUT states jobs.bucket_state[]) returns record
-- function jobs._open_job(i_row jobs.pending) returns jobs.open_job
-- function jobs._open_of(i_jobs text[]) returns TABLE(job_id character varying, status character varying, task character varying)
-- function jobs._opened(i_leases uuid[], i_parts integer[], i_bits bigint[]) returns TABLE(lease uuid, batch_index integer, run_at timestamp with time zone, worker uuid, id bigint, job_id character varying, task character varying, body jsonb, retries integer, max_retries integer, priority integer, timeout numeric, created_at timestamp with time zone, scheduled_at timestamp with time zone, ready_seq bigint, attempt integer, traceback text, meta jsonb, on_end jobs.on_end)
-- function jobs._opens_at(i_max integer, i_rates jobs.rate[], i_held integer, i_tats timestamp with time zone[], i_closed_until timestamp with time zone, i_now timestamp with time zone) returns timestamp with time zone
-- function jobs._other_counts() returns TABLE(task text, state text, jobs bigint)
-- function jobs._outcomes(i_new jobs.open_job[], i_rules jobs.unique_rule[], i_met jobs.wanted_key[]) returns jobs.published
-- function jobs._own_schedule(i_name text) returns jobs.schedule
-- function jobs._paced(i_op jobs.operation, i_before jobs.operation, i_now timestamp with time zone) returns jobs.operation
-- function jobs._packs() returns boolean
-- function jobs._page_of_ended(i_state text, i_pattern text, i_before character varying, i_num integer) returns SETOF jobs."all"
-- function jobs._page_of_pending(i_pattern text, i_before character varying, i_num integer) returns SETOF jobs."all"
-- function jobs._part_of(i_op jobs.operation) returns text
-- function jobs._partitions_over(i_oldest date, i_clock_is_sure boolean) returns text[]
-- function jobs._partitions() returns TABLE(name text, day date)
-- function jobs._part(i_run integer) returns integer
-- function jobs._parts_of(i_jobs text[]) returns text[]
-- function jobs._parts_to_mask(i_schema jsonb, i_value jsonb) returns SETOF jsonb
-- function jobs._path(i_path text, i_further text) returns text
-- function jobs._pattern(i_topic text) returns text
-- function jobs._pause_of(i_task text) returns jobs.pause
-- function jobs._paused_likes() returns text[]
-- function jobs._paused_names(i_patterns text[]) returns text[]
-- function jobs._paused_patterns() returns text[]
-- function jobs._percentile(i_histogram bigint[], i_share double precision) returns double precision
-- function jobs._plan_claim(i_tasks text[], i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_num integer, i_own_batch text[], i_jobs_per_mib bigint) returns jobs.claim_plan
-- function jobs._plan_rest(i_tasks text[], i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_num integer, i_own_batch text[], i_jobs_per_mib bigint, i_is_enough boolean, i_unpack boolean) returns jobs.claim_plan
-- function jobs._predicate_of_body(i_schema jsonb, i_params jsonb, i_extra_kwargs boolean) returns text
-- function jobs._predicate_of_param(i_template text, i_is_required boolean, i_position text, i_keyword text) returns text
-- function jobs._predicate(i_schema jsonb, i_at text, i_root jsonb) returns text
-- function jobs._prefix(i_topic text) returns text
-- function jobs._prepare_partition(i_day date) returns void
-- function jobs._problem_codes() returns text[]
-- function jobs._problems_of_absence(i_tasks text[]) returns SETOF jobs.problem
-- function jobs._problems_of_bodies() returns SETOF jobs.problem
-- function jobs._problems_of_clock() returns SETOF jobs.problem
-- function jobs._problems_of_database() returns SETOF jobs.problem
-- function jobs._problems_of_history() returns SETOF jobs.problem
-- function jobs._problems_of_keys() returns SETOF jobs.problem
-- function jobs._problems_of_leases() returns SETOF jobs.problem
-- function jobs._problems_of_limits() returns SETOF jobs.problem
-- function jobs._problems_of_owners() returns SETOF jobs.problem
-- function jobs._problems_of_pauses() returns SETOF jobs.problem
-- function jobs._problems_of_queues() returns SETOF jobs.problem
-- function jobs._problems_of_runs() returns SETOF jobs.problem
-- function jobs._problems_of_schedules() returns SETOF jobs.problem
-- function jobs._problems_of_sessions() returns SETOF jobs.problem
-- function jobs._problems_of_settings() returns SETOF jobs.problem
-- function jobs._problems_of_slos() returns SETOF jobs.problem
-- function jobs._problems_of_snapshots() returns SETOF jobs.problem
-- function jobs._problems_of_standby() returns SETOF jobs.problem
-- function jobs._problems_of_tables() returns SETOF jobs.problem
-- function jobs._problems_of_waiting(i_waiting jsonb, i_now timestamp with time zone) returns SETOF jobs.problem
-- function jobs._problems_of_workers() returns SETOF jobs.problem
-- function jobs._problems_of_workflows() returns SETOF jobs.problem
-- function jobs._promote(i_pattern text, i_limit integer, i_since timestamp with time zone, i_except text[] DEFAULT NULL::text[]) returns integer
-- function jobs._publish_beside_holder(i_task text, i_body jsonb, i_due timestamp with time zone, i_timeout numeric, i_priority integer, i_max_retries integer, i_checked boolean, i_job_id text, i_meta jsonb, i_unique jsonb, i_now timestamp with time zone) returns jobs.queued
-- function jobs._publish_many(i_tasks text[], i_bodies jsonb[], i_due timestamp with time zone[], i_options jobs.job_options, i_job_ids text[], i_pack boolean, i_checked boolean[], i_metas jsonb[], i_uniques jsonb[], i_now timestamp with time zone) returns jobs.published
-- function jobs._publish_members(i_jobs jobs.node_jobs) returns void
-- function jobs._publish_nodes(i_nodes bigint[]) returns bigint[]
-- function jobs._publish_one_unique(i_id bigint, i_task text, i_body jsonb, i_bytes bigint, i_due timestamp with time zone, i_timeout numeric, i_priority integer, i_max_retries integer, i_checked boolean, i_job_id text, i_meta jsonb, i_unique jsonb, i_now timestamp with time zone) returns jobs.queued
-- function jobs._publish_packed(i_ids bigint[], i_job_ids character varying[], i_task character varying, i_bodies jsonb[], i_bytes bigint[], i_timeouts numeric[], i_priority integer, i_max_retries integer[], i_metas jsonb[], i_now timestamp with time zone, i_nodes bigint[], i_nths integer[]) returns void
-- function jobs._publish_rows(i_jobs jobs.bulk_job[], i_metas jsonb[], i_uniques jsonb[]) returns SETOF jobs.queued
-- function jobs._publish_singly(i_ids bigint[], i_job_ids character varying[], i_tasks text[], i_bodies jsonb[], i_bytes bigint[], i_due timestamp with time zone[], i_timeouts numeric[], i_priorities integer[], i_max_retries integer[], i_metas jsonb[], i_now timestamp with time zone, i_nodes bigint[], i_nths integer[]) returns void
-- function jobs._publish_ticks(i_schedule jobs.schedule, i_ticks timestamp with time zone[], i_now timestamp with time zone) returns jobs.published
-- function jobs._publishable(i_task character varying, i_bytes bigint, i_limit integer, i_scheduled_at timestamp with time zone, i_timeout numeric, i_max_retries integer) returns boolean
-- function jobs._published_rows(i_published jobs.published) returns SETOF jobs.queued
-- function jobs._purge_rows(i_rows tid[]) returns bigint
-- function jobs._queue_heads(OUT o_tasks text[], OUT o_jobs text[], OUT o_since timestamp with time zone[], OUT o_blocked boolean[]) returns record
-- function jobs._queues() returns TABLE(task character varying, job_id character varying, since timestamp with time zone, is_served boolean, is_paused boolean, is_blocked boolean, oldest timestamp with time zone)
-- function jobs._quota(i_op jobs.operation, i_now timestamp with time zone) returns integer
-- function jobs._quotas(i_ranges jobs.key_range[], i_num integer, i_own_batch text[]) returns TABLE(key_range jobs.key_range, rows integer, jobs integer, cut boolean)
-- function jobs._quoted(i_text text) returns text
-- function jobs._randoms(i_ids integer) returns bytea
-- function jobs._range_end(i_from timestamp with time zone, i_until timestamp with time zone) returns timestamp with time zone
-- function jobs._rank(i_priority integer, i_ready_seq bigint, i_bucket bigint DEFAULT NULL::bigint) returns bigint
-- function jobs._ranks_between(i_task text, i_blocked bigint) returns bigint[]
-- function jobs._rate_text(i_rate jobs.rate) returns text
-- function jobs._read_after(i_after jsonb, i_binds jsonb, i_each jsonb) returns jsonb
-- function jobs._read_binds(i_binds jsonb, i_after jsonb, i_on_failure text) returns jsonb
-- function jobs._read_cron(i_cron text) returns jobs.cron
-- function jobs._read_node_options(i_object jsonb) returns jsonb
-- function jobs._read_node(i_which text, i_node jsonb, i_on_failure text) returns jobs.node_spec
-- function jobs._read_nodes(i_nodes jsonb, i_on_failure text) returns jobs.node_spec[]
-- function jobs._read_position(i_position text, i_now pg_snapshot, OUT o_before pg_snapshot, OUT o_read pg_snapshot, OUT o_number bigint, OUT o_nth integer, OUT o_flaw text) returns record
-- function jobs._read_undo(i_undo jsonb) returns jsonb
-- function jobs._read_unique(i_which text, i_unique jsonb, i_task text) returns jobs.unique_rule
-- function jobs._reads_arguments() returns boolean
-- function jobs._ready_counts(i_tasks text[]) returns TABLE(task text, state text, jobs bigint)
-- function jobs._ready_rows(i_tasks text[], i_limits jobs.task_limit[], i_states jobs.bucket_state[], i_now timestamp with time zone, i_num integer, i_look integer, i_own_batch text[], i_watermark_tasks text[], i_watermark_priorities integer[], i_watermarks bigint[], i_jobs_per_mib bigint) returns tid[]
-- function jobs._ready_tasks(i_topic text) returns text[]
-- function jobs._redrive(i_jobs text[], i_parts text[]) returns jobs.redriven[]
-- function jobs._refresh_publish_checks(i_names text[] DEFAULT NULL::text[]) returns void
-- function jobs._refuse_cron(i_field text, i_part text, i_why text) returns void
-- function jobs._refuse_dead() returns void
-- function jobs._refuse_held(i_met jobs.wanted_key[], i_jobs integer) returns void
-- function jobs._refuse_operation(i_operation bigint) returns void
-- function jobs._refuse_race() returns void
-- function jobs._refuse_schedule(i_name text) returns void
-- function jobs._refuse_signal(i_verb text, i_name text) returns void
-- function jobs._refuse_unfit(i_tasks text[], i_bodies jsonb[], i_suspects integer[]) returns void
-- function jobs._refuse_unknown(i_tasks text[]) returns void
-- function jobs._refuse(i_which text, i_task character varying, i_bytes bigint, i_scheduled_at timestamp with time zone, i_timeout numeric, i_max_retries integer) returns boolean
-- function jobs._release_keys(i_jobs text[], i_on_ends jobs.on_end[]) returns void
-- function jobs._remember_signatures(i_tasks jobs.declaration[]) returns void
-- function jobs._reopen_nodes(i_on_ends jobs.on_end[]) returns void
-- function jobs._repeats(i_array jsonb) returns boolean
-- function jobs._replaced(i_old jobs.schedule, i_new jobs.schedule) returns jobs.schedule
-- function jobs._report_details(i_done double precision, i_total double precision, i_note text) returns jsonb
-- function jobs._report_left(i_words text, i_hint text, i_code text, i_is_any_back boolean) returns void
-- function jobs._requeue(i_jobs text[], i_parts text[], OUT o_back text[], OUT o_too_large text[], OUT o_blocked text[], OUT o_holders text[], OUT o_redriven text[], OUT o_left text[], OUT o_skips text[]) returns record
-- function jobs._restricted() returns name
-- function jobs._results_of_node(i_node jobs.node, i_after integer, i_limit integer) returns TABLE(nth integer, job_id character varying, result jsonb, error text, state text)
-- function jobs._retire_limit(i_limit jobs.job_limit) returns void
-- function jobs._role_oid(i_name name) returns oid
-- function jobs._roll_up(i_blocks integer) returns void
-- function jobs._rollup_rows(i_topic text, i_from timestamp with time zone, i_to timestamp with time zone) returns SETOF jobs.rollup
-- function jobs._room(i_max integer, i_rates jobs.rate[], i_held integer, i_tats timestamp with time zone[], i_closed_until timestamp with time zone, i_now timestamp with time zone) returns integer
-- function jobs._rooms_of(i_states jobs.bucket_state[], i_now timestamp with time zone, OUT rooms integer[], OUT slots integer[], OUT waits boolean[]) returns record
-- function jobs._rows_asking(i_asks jobs.ask[], i_states jobs.bucket_state[]) returns TABLE(at tid, rank bigint, seq bigint, size integer, bytes integer, job_id character varying, task character varying, has_on_end boolean, from_bucket bigint, from_number bigint, numbers bigint[], buckets bigint[], prices integer[], is_keyless boolean[], is_kept boolean[], is_opener boolean[])
-- function jobs._rows_of_one(i_ranges jobs.key_range[], i_num integer, i_own_batch text[]) returns integer[]
-- function jobs._rules_of_kind(i_which text, i_task text, i_kind jsonb, i_bodies jsonb[], i_values jsonb[]) returns jobs.unique_rule[]
-- function jobs._run_operation(i_op jobs.operation, i_seconds double precision) returns jobs.operation
-- function jobs._run_partitions() returns TABLE(parent text, name text, day date)
-- function jobs._running_nodes(i_workflow bigint, i_alerts boolean) returns bigint[]
-- function jobs._runs_in_order(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[]) returns TABLE(job_id character varying, bucket bigint, seconds double precision, ends boolean, is_dead boolean, on_dead text)
-- function jobs._runs_since(i_jobs text[]) returns text
-- function jobs._said(i_said text, OUT done double precision, OUT total double precision, OUT note text, OUT lines jsonb) returns record
-- function jobs._save_limit(i_new jobs.job_limit) returns jobs.job_limit
-- function jobs._save_schedule(i_new jobs.schedule) returns jobs.schedule
-- function jobs._schedule_flaw(i_schedules jsonb) returns text
-- function jobs._schema_error_of_any(i_variants jsonb, i_one boolean, i_value jsonb, i_root jsonb, i_depth integer, i_left integer, i_until timestamp with time zone) returns jobs.schema_error
-- function jobs._schema_error_of_array(i_schema jsonb, i_array jsonb, i_root jsonb, i_depth integer, i_left integer, i_until timestamp with time zone) returns jobs.schema_error
-- function jobs._schema_error_of_binding(i_args jsonb, i_kwargs jsonb, i_params jsonb, i_extra_kwargs boolean) returns jobs.schema_error
-- function jobs._schema_error_of_body(i_body jsonb, i_params jsonb, i_extra_kwargs boolean, i_schema jsonb, i_until timestamp with time zone DEFAULT NULL::timestamp with time zone) returns text
-- function jobs._schema_error_of_job(i_task character varying, i_body jsonb, i_until timestamp with time zone DEFAULT NULL::timestamp with time zone) returns text
-- function jobs._schema_error_of_number(i_schema jsonb, i_number numeric, i_depth integer) returns jobs.schema_error
-- function jobs._schema_error_of_object(i_schema jsonb, i_object jsonb, i_root jsonb, i_depth integer, i_left integer, i_until timestamp with time zone) returns jobs.schema_error
-- function jobs._schema_error_of_required(i_required jsonb, i_object jsonb, i_depth integer, i_steps integer) returns jobs.schema_error
-- function jobs._schema_error_of_string(i_schema jsonb, i_text text, i_depth integer) returns jobs.schema_error
-- function jobs._schema_error_of_variants(i_schema jsonb, i_value jsonb, i_root jsonb, i_depth integer, i_left integer, i_until timestamp with time zone) returns jobs.schema_error
-- function jobs._schema_error(i_schema jsonb, i_value jsonb, i_path text, i_root jsonb, i_steps integer DEFAULT 20000, i_until timestamp with time zone DEFAULT NULL::timestamp with time zone) returns jobs.schema_error
-- function jobs._schemas_of_field(i_schema jsonb, i_key text) returns jsonb[]
-- function jobs._search_condition(i_state text, i_topic text, i_tag text, i_meta jsonb, i_key text, i_since timestamp with time zone, i_until timestamp with time zone, i_text text, i_error text) returns text
-- function jobs._search_history(i_state text, i_condition text, i_since timestamp with time zone, i_until timestamp with time zone, i_before text, i_num integer, i_look bigint, i_deadline timestamp with time zone, OUT o_part jobs.search_part, OUT o_further text) returns record
-- function jobs._search_open(i_state text, i_condition text, i_before text, i_num integer, i_look bigint, i_deadline timestamp with time zone) returns jobs.search_part
-- function jobs._search_pending(i_rows text) returns text
-- function jobs._search_running() returns text
-- function jobs._search_segment(i_window text, i_jobs text, i_condition text, i_before text, i_num integer, i_look bigint, i_deadline timestamp with time zone) returns jobs.search_part
-- function jobs._seconds(i_span interval) returns numeric
-- function jobs._seen_schedule(i_name text) returns jobs.schedule
-- function jobs._seen_workflows(i_ids bigint[]) returns TABLE(id bigint, name character varying, state text, reason text, on_failure text, meta jsonb, created_at timestamp with time zone, ended_at timestamp with time zone, deadline timestamp with time zone, nodes integer, open integer, failed integer, running integer)
-- function jobs._sees_workflow(i_workflow bigint) returns boolean
-- function jobs._send_commands(i_kind text, i_workers uuid[], i_details jsonb[], i_who name, i_reason text, i_expires_seconds double precision, i_now timestamp with time zone) returns TABLE(command bigint, worker uuid)
-- function jobs._sensitive_keys(i_limit jobs.job_limit) returns TABLE(at integer, args_schema jsonb)
-- function jobs._settle_alike(i_leases uuid[], i_batch_indexes integer[], i_outcome text, i_error text, i_delay double precision) returns void
-- function jobs._settle_lost(i_leases uuid[], i_parts integer[], i_limit integer, i_reason text, i_now timestamp with time zone, i_only_expired boolean) returns integer
-- function jobs._settle_others(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_errors text[], i_delays double precision[], i_now timestamp with time zone) returns void
-- function jobs._settle_successes(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_results jsonb[], i_now timestamp with time zone, i_said text[]) returns void
-- function jobs._settle_watched_successes(i_runs jobs.accepted_runs, i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_results jsonb[], i_now timestamp with time zone, i_said text[]) returns void
-- function jobs._settle(i_leases uuid[], i_batch_indexes integer[], i_outcomes text[], i_results jsonb[], i_errors text[], i_delays double precision[], i_now timestamp with time zone, i_said text[] DEFAULT NULL::text[]) returns integer[]
-- function jobs._share(i_tasks bigint) returns bigint
-- function jobs._share(i_done double precision, i_total double precision) returns text
-- function jobs._share(i_num integer, i_ranges integer) returns integer
-- function jobs._shares_caps(i_limits jobs.task_limit[]) returns boolean
-- function jobs._short_error(i_error text) returns text
-- function jobs._short_key(i_key jsonb) returns jsonb
-- function jobs._shorten_audit(i_now timestamp with time zone) returns void
-- function jobs._short(i_part text) returns text
-- function jobs._shown_body(i_task character varying, i_body jsonb) returns jsonb
-- function jobs._shown_key(i_limit jobs.job_limit, i_key jsonb) returns jsonb
-- function jobs._shown_operation(i_op jobs.operation) returns jobs.operation_info
-- function jobs._shown_result(i_task character varying, i_result jsonb) returns jsonb
-- function jobs._shown(i_text text) returns text
-- function jobs._signature_of(i_task text) returns TABLE(schema jsonb, names text[], result_schema jsonb, params jsonb, extra_kwargs boolean, validation text)
-- function jobs._similar_tasks(i_names text[]) returns TABLE(name text, similar_to text)
-- function jobs._since(i_schedule jobs.schedule, i_last timestamp with time zone) returns text
-- function jobs._since(i_now timestamp with time zone, i_at timestamp with time zone) returns interval
-- function jobs._skip_keyless(i_jobs jobs.redriven[], i_now timestamp with time zone) returns jobs.redriven[]
-- function jobs._skip_unfit(i_jobs jobs.redriven[], i_parts text[]) returns jobs.redriven[]
-- function jobs._sleep_for(i_seconds double precision) returns void
-- function jobs._snapshot_holders() returns jsonb
-- function jobs._snapshot_text(i_snapshot pg_snapshot) returns text
-- function jobs._snapshot_to_count(i_before pg_snapshot) returns pg_snapshot
-- function jobs._span(i_span interval) returns text
-- function jobs._start_nodes(i_nodes bigint[], i_is_new boolean) returns bigint[]
-- function jobs._start_undos(i_workflow bigint) returns boolean
-- function jobs._start(i_job character varying) returns void
-- function jobs._starts_left(i_rates jobs.rate[], i_tats timestamp with time zone[], i_now timestamp with time zone) returns integer
-- function jobs._state_of(i_bucket jobs.bucket, i_at tid) returns jobs.bucket_state
-- function jobs._states_in_turn(i_ids integer[], i_num integer, i_now timestamp with time zone) returns jobs.bucket_state[]
-- function jobs._states_of_caps(i_ids integer[], i_num integer, i_now timestamp with time zone) returns jobs.bucket_state[]
-- function jobs._states_of(i_limits integer[], i_some bigint[] DEFAULT NULL::bigint[]) returns SETOF jobs.bucket_state
-- function jobs._step_of_statistics(i_from timestamp with time zone, i_to timestamp with time zone, i_step interval) returns interval
-- function jobs._step_operations(i_seconds double precision) returns void
-- function jobs._step_run(i_job character varying, i_lease uuid) returns jobs._runs
-- function jobs._step(i_op jobs.operation, i_jobs integer) returns jobs.operation
-- function jobs._steps(i_free text[], i_limited text[], i_states jobs.bucket_state[]) returns TABLE(is_free boolean, is_half boolean)
-- function jobs._stop_running(i_workflow jobs.workflow, i_nodes bigint[], i_why text, i_reason text) returns void
-- function jobs._stop_workflow(i_workflow bigint) returns void
-- function jobs._stop_workflows() returns void
-- function jobs._store_beside_others(i_new jobs.open_job[], i_bytes bigint[], i_rules jobs.unique_rule[], i_now timestamp with time zone) returns jobs.published
-- function jobs._store_buckets(i_states jobs.bucket_state[], i_now timestamp with time zone) returns boolean
-- function jobs._store_or_change(i_wanted jobs.wanted_key[], i_new jobs.open_job[], i_bytes bigint[], i_rules jobs.unique_rule[], i_now timestamp with time zone) returns jobs.wanted_key[]
-- function jobs._store_progress(i_worker uuid, i_progress jsonb, i_new boolean) returns void
-- function jobs._store_redriven(i_jobs jobs.redriven[], i_parts text[], i_now timestamp with time zone) returns void
-- function jobs._store_under_keys(i_wanted jobs.wanted_key[], i_new jobs.open_job[], i_bytes bigint[], i_rules jobs.unique_rule[], i_now timestamp with time zone, i_in_turn boolean) returns jobs.wanted_key[]
-- function jobs._store_unique(i_ids bigint[], i_job_ids character varying[], i_tasks text[], i_bodies jsonb[], i_bytes bigint[], i_due timestamp with time zone[], i_timeouts numeric[], i_priorities integer[], i_max_retries integer[], i_metas jsonb[], i_rules jobs.unique_rule[], i_now timestamp with time zone) returns jobs.published
-- function jobs._store(i_ids bigint[], i_job_ids character varying[], i_tasks text[], i_bodies jsonb[], i_bytes bigint[], i_due timestamp with time zone[], i_timeouts numeric[], i_priorities integer[], i_max_retries integer[], i_metas jsonb[], i_now timestamp with time zone, i_pack boolean, i_nodes bigint[] DEFAULT NULL::bigint[], i_nths integer[] DEFAULT NULL::integer[]) returns void
-- function jobs._success_bits(i_runs jobs.accepted_runs, i_nodes bigint[], i_leases uuid[], i_batch_indexes integer[], i_outcomes text[]) returns bigint[]
-- function jobs._sweep_expired(i_limit integer, i_limits jobs.limits) returns integer
-- function jobs._sweep_plain(i_pattern text, i_limit integer, i_except text[]) returns integer
-- function jobs._sweep_workers(i_limit integer, i_limits jobs.limits) returns integer
-- function jobs._table_health() returns jsonb
-- function jobs._take_all_keys(i_job_ids character varying[], i_rules jobs.unique_rule[], i_now timestamp with time zone) returns boolean
-- function jobs._take_back(i_table regclass) returns void
-- function jobs._take_keys_again(i_jobs text[], i_except text[]) returns TABLE(job_id text, holder text)
-- function jobs._take_keys_in_turn(i_names text[], i_keys text[], i_jobs text[], i_untils timestamp with time zone[], i_now timestamp with time zone) returns TABLE(nth integer, holder character varying, task character varying, state character varying)
-- function jobs._take_keys_together(i_names text[], i_keys text[], i_jobs text[], i_untils timestamp with time zone[], i_now timestamp with time zone) returns TABLE(nth integer, holder character varying, task character varying, state character varying)
-- function jobs._take_keys(i_names text[], i_keys text[], i_jobs text[], i_untils timestamp with time zone[], i_now timestamp with time zone) returns TABLE(nth integer, holder character varying, task character varying, state character varying)
-- function jobs._take_turns(i_limits jobs.task_limit[], i_is_plain boolean) returns integer[]
-- function jobs._takes_arguments(i_body jsonb) returns boolean
-- function jobs._tell_cancelled(i_runs jobs.cancelled_runs, i_grace_seconds double precision, i_who name, i_reason text) returns void
-- function jobs._template_of_array(i_schema jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
-- function jobs._template_of_number(i_type text, i_schema jsonb) returns text
-- function jobs._template_of_object(i_schema jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
-- function jobs._template_of_one(i_schemas jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
-- function jobs._template_of_other_fields(i_schema jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
-- function jobs._template_of_string(i_schema jsonb) returns text
-- function jobs._template_of_type(i_type text, i_schema jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
-- function jobs._template_of_types(i_schema jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
-- function jobs._template_of_values(i_values jsonb) returns text
-- function jobs._template(i_schema jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text
-- function jobs._templates(i_schemas jsonb, i_root jsonb, i_refs text[], i_known jsonb) returns text[]
-- function jobs._tend_limits() returns void
-- function jobs._tend_workflows() returns void
-- function jobs._text_size(i_value jsonb) returns bigint
-- function jobs._tick(i_schedule jobs.schedule, i_now timestamp with time zone) returns void
-- function jobs._ticks_between(i_schedule jobs.schedule, i_cron jobs.cron, i_from timestamp with time zone, i_to timestamp with time zone, i_num integer) returns timestamp with time zone[]
-- function jobs._tidy_commands(i_now timestamp with time zone) returns void
-- function jobs._tidy_steps(i_now timestamp with time zone, i_oldest timestamp with time zone, i_seconds double precision) returns void
-- function jobs._time_of(i_text text) returns timestamp with time zone
-- function jobs._trim_ended_workflows(i_before timestamp with time zone, i_seconds double precision) returns void
-- function jobs._trim_workflows(i_before timestamp with time zone, i_num integer) returns integer
-- function jobs._try_keys(i_names text[], i_keys text[], i_jobs text[], i_untils timestamp with time zone[], i_now timestamp with time zone, i_in_turn boolean) returns TABLE(nth integer, holder character varying, task character varying, state character varying)
-- function jobs._try_tick(i_schedule jobs.schedule, i_now timestamp with time zone) returns void
-- function jobs._try_to_change_partitions(i_today date, i_full boolean, i_make date[], i_drop text[]) returns text[]
-- function jobs._turn_away() returns void
-- function jobs._types(i_schema jsonb) returns jsonb
-- function jobs._unblocked_seq(i_bucket bigint, i_ready_seq bigint) returns bigint
-- function jobs._undo_name(i_node jobs.node) returns character varying
-- function jobs._unheard(i_limit integer) returns SETOF jobs.bucket_delta
-- function jobs._unique_due(i_due timestamp with time zone, i_longest timestamp with time zone) returns timestamp with time zone
-- function jobs._unique_kind(i_which text, i_unique jsonb, i_task text) returns jobs.unique_rule
-- function jobs._unique_options() returns text[]
-- function jobs._unique_rules(i_tasks text[], i_bodies jsonb[], i_uniques jsonb[], i_checked boolean[]) returns jobs.unique_rule[]
-- function jobs._unique_time(i_which text, i_unique jsonb, i_name text) returns interval
-- function jobs._unkept(i_which text) returns text[]
-- function jobs._unknown_key(i_task jsonb) returns text
-- function jobs._unpack_heads(i_ranges jobs.key_range[], i_most integer, i_own_batch text[], i_depth integer DEFAULT 1000) returns boolean
-- function jobs._unpack_limited(i_rows tid[], i_limits jobs.task_limit[], i_states jobs.bucket_state[], i_num integer, i_now timestamp with time zone) returns tid[]
-- function jobs._unpack_rows(i_rows tid[]) returns tid[]
-- function jobs._unpack(i_jobs text[]) returns void
-- function jobs._unpaused(i_tasks text[]) returns text[]
-- function jobs._utc(i_at timestamp with time zone) returns text
-- function jobs._value_of_node(i_node jobs.node) returns jsonb
-- function jobs._value_of(i_workflow bigint, i_node text, i_form text) returns jsonb
-- function jobs._values(i_schema jsonb) returns jsonb
-- function jobs._visible_now() returns pg_snapshot
-- function jobs._visible(i_tasks text[]) returns text[]
-- function jobs._wait_again(i_workflow bigint, i_nodes bigint[]) returns void
-- function jobs._wait_for(i_rates jobs.rate[], i_state jobs.bucket_state, i_cost integer, i_now timestamp with time zone) returns double precision
-- function jobs._waits_since(q jobs.pending) returns timestamp with time zone
-- function jobs._wake_commanded(i_workers uuid[]) returns void
-- function jobs._wake_waiters() returns void
-- function jobs._wake_workers() returns void
-- function jobs._walk(i_schema jsonb, i_value jsonb, i_root jsonb, i_depth integer, i_left integer, i_until timestamp with time zone) returns jobs.schema_error
-- function jobs._wanted_keys(i_rules jobs.unique_rule[]) returns jobs.wanted_key[]
-- function jobs._warn_of_holders(i_jobs text[], i_holders text[], i_is_any_back boolean) returns void
-- function jobs._warn_of_large(i_jobs text[], i_is_any_back boolean) returns void
-- function jobs._warn_of_others(i_changes jobs.change[]) returns void
-- function jobs._warn_of_redriven(i_jobs text[], i_is_any_back boolean) returns void
-- function jobs._watch_likes(i_kinds text[]) returns text[]
-- function jobs._weekday_names() returns text[]
-- function jobs._weeks() returns SETOF text
-- function jobs._weight_of(i_weights jsonb, i_key jsonb) returns double precision
-- function jobs._weight(i_size integer, i_bytes integer, i_jobs_per_mib bigint) returns integer
-- function jobs._when(i_schedule jobs.schedule) returns text
-- function jobs._which(i_at bigint, i_of integer) returns text
-- function jobs._why_expired(i_command jobs.command) returns text
-- function jobs._why_unmet(i_state jobs.node_state, i_edge jobs.edge, i_on_failure text) returns text
-- function jobs._with_arguments(i_body jsonb, i_arguments jsonb) returns jsonb
-- function jobs._with_metas(i_bytes bigint[], i_metas jsonb[]) returns bigint[]
-- function jobs._with_note(i_note text, i_traceback text) returns text
-- function jobs._with_states(i_states jobs.bucket_state[], i_asks jobs.ask[]) returns jobs.bucket_state[]
-- function jobs._with_values(i_after jsonb, i_binds jsonb, i_each jsonb, i_on_failure text, OUT after jsonb, OUT flaw text) returns record
-- function jobs._without_full(i_limits jobs.task_limit[], i_states jobs.bucket_state[], i_now timestamp with time zone) returns jobs.task_limit[]
-- function jobs._without_kept(i_on_end jobs.on_end) returns jobs.on_end
-- function jobs._without_node(i_on_end jobs.on_end) returns jobs.on_end
-- function jobs._workday(i_day integer, i_last integer, i_first_weekday integer) returns integer
-- function jobs._workflow_held(i_workflow bigint) returns jobs.workflow
-- function jobs._workflow_of_run(i_job text, i_lease uuid) returns bigint
-- function jobs._workflow_state(i_state text) returns jobs.workflow_state
-- function jobs._write_events(i_groups jobs.event_group[]) returns void
