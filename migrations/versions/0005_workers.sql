-- Workers, and topic grants.

-- Workers that are alive, or were until lost_at.
create table jobs.worker (
  id uuid primary key,
  role oid not null,                   -- registered the worker and may act for it: the role that was set,
  login oid not null,                  -- and the session user
  host text not null,
  pid integer not null,
  version text not null,
  topics text[] not null,
  tasks text[] not null,               -- every task name it claims
  slots integer not null,              -- jobs that it runs at once now; a command may change it
  commands text[] not null default '{}', -- the kinds of commands that it knows; none: it never looks for any
  paused_at timestamptz,               -- since when a command keeps it from claiming; null: it claims
  started_at timestamptz not null,
  heartbeat_at timestamptz not null,
  lease_seconds numeric(9, 2) not null,
  expires_at timestamptz not null,     -- heartbeats extend it; past it the worker counts as dead
  lost_at timestamptz,                 -- set by the sweep that found it dead; it must register anew
  -- Leases of claims that were released (jobs.release): such a claim may not commit any more.
  void_leases uuid[] not null default '{}'
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);

-- The patterns of the tasks that a caller may publish, or consume: those of the session user, and those of
-- the role that is set. Null: no limit. A caller with neither is not restricted.
create type jobs.limits as (login text[], role text[]);

-- Topic grants: a role that has any is restricted to these topics (functions/85_topic_grants.sql, which also
-- explains when the oid of the role counts and when its name).
create table jobs.topic_grant (
  role oid not null,
  name name not null,                  -- of the role, when the grant was made
  -- The cluster where the role has this oid: roles belong to a cluster, and a dump may be restored in
  -- another.
  cluster bigint not null,
  topic text not null,
  pattern text not null,               -- the topic as a LIKE pattern
  publish boolean not null,
  consume boolean not null,
  primary key (role, topic)
);
