-- How the database and its server are: sizes, dead rows, who keeps old snapshots. jobs.problems says what
-- of it is wrong.

-- The tables of the schema, the largest first: those of history, progress and log as one with all their
-- days. Estimates of the server, which count no row.
create or replace function jobs._table_health() returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  select coalesce(jsonb_agg(jsonb_build_object('table', t.name, 'bytes', t.bytes, 'rows', t.live, 'dead', t.dead, 'parts', t.parts, 'vacuumed_at', t.vacuumed_at, 'analyzed_at', t.analyzed_at)
                            order by t.bytes desc, t.name), '[]')
  from (
    select coalesce(p.relname, c.relname) as name, sum(pg_total_relation_size(c.oid)) as bytes, sum(pg_stat_get_live_tuples(c.oid)) as live, sum(pg_stat_get_dead_tuples(c.oid)) as dead, count(*) as parts,
      greatest(max(pg_stat_get_last_vacuum_time(c.oid)), max(pg_stat_get_last_autovacuum_time(c.oid))) as vacuumed_at,
      greatest(max(pg_stat_get_last_analyze_time(c.oid)), max(pg_stat_get_last_autoanalyze_time(c.oid))) as analyzed_at
    from pg_class c left join pg_inherits i on i.inhrelid = c.oid left join pg_class p on p.oid = i.inhparent
    where c.relnamespace = 'jobs'::regnamespace and c.relkind = 'r' group by 1) t
$$;

-- What keeps a snapshot or a transaction open, the oldest first, at most 20: sessions, prepared
-- transactions, replication slots. Who it is, never what it runs.
create or replace function jobs._snapshot_holders() returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
  select coalesce(jsonb_agg(to_jsonb(h) order by h.seconds desc nulls last, h.name), '[]')
  from (
    select 'session' as kind, a.pid::text as name, jobs._escaped(a.usename) as role, jobs._escaped(coalesce(nullif(a.application_name, ''), a.backend_type)) as application,
      jobs._escaped(a.state) as state, jobs._seconds(jobs._since(clock_timestamp(), a.xact_start)) as seconds, age(a.backend_xmin) as transactions
    from pg_stat_activity a
    where (a.backend_xmin is not null or a.backend_xid is not null) and a.datname = current_database() and a.pid <> pg_backend_pid() and a.backend_type in ('client backend', 'walsender')
    union all
    select 'prepared', jobs._escaped(p.gid), jobs._escaped(p.owner), null, 'prepared', jobs._seconds(jobs._since(clock_timestamp(), p.prepared)), age(p.transaction)
    from pg_prepared_xacts p where p.database = current_database()
    union all
    select 'slot', jobs._escaped(s.slot_name), null, null, case when s.active then 'active' else 'unused' end, null, age(s.xmin) from pg_replication_slots s where s.xmin is not null
    order by 6 desc nulls last, 2 limit 20) h
$$;

-- The database and its server in one object: `version`, `started_at`, `standby`; `bytes` of the database;
-- `connections` in use and `max_connections`; `tables` (bytes, rows, dead rows, when vacuumed); `holders`
-- of old snapshots by name (process, role, application, seconds), without what they run. Sessions of other
-- roles are there only if the owner of the schema may see them. Locks nothing.
create or replace function jobs.server_health() returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return jsonb_build_object(
    'version', current_setting('server_version'), 'started_at', pg_postmaster_start_time(), 'standby', pg_is_in_recovery(), 'database', jobs._escaped(current_database()),
    'bytes', pg_database_size(current_database()),
    'connections', (select count(*) from pg_stat_activity a where a.backend_type = 'client backend'),
    'max_connections', current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
    'tables', jobs._table_health(), 'holders', jobs._snapshot_holders());
end $$;
