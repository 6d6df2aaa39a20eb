-- What a search finds (70_dashboard.sql).

-- A job in a list: no lease, and of its arguments and its last error the beginnings.
create type jobs.found as (
  job_id varchar,
  task varchar,
  state text,                  -- ready, scheduled, backoff, running, success, failed, cancelled
  retries integer,
  max_retries integer,
  attempt integer,
  priority integer,
  created_at timestamptz,
  scheduled_at timestamptz,
  run_at timestamptz,
  complete_on timestamptz,
  worker uuid,
  meta jsonb,
  arguments text,              -- without what the task declares as sensitive; null for who may not read arguments
  error text,
  looked bigint,               -- of the last row of a search, which is no job: how many jobs were looked at
  further text                 -- and from where to search on; null: nothing is left
);

-- A part of a search (jobs._search_segment).
create type jobs.search_part as (
  found jobs.found[],
  looked bigint,
  floor text                   -- jobs from this id on were looked at; empty: all
);
