-- Problems of the database and its server, which slow pgjobs down or stop it.

-- What makes the database unusable, and what of the server is nearly used up.
create or replace function jobs._problems_of_database() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_most integer := current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer;
  v_queue numeric := round(pg_notification_queue_usage()::numeric * 100, 1);
begin
  return query
  select 'unusable', 'error', coalesce(substring(u from '^(.*): '), u), 1::numeric, 0::numeric, coalesce(substring(u from '^.*: (.*)$'), u), '{}'::jsonb from jobs.unusable() u;
  return query
  select 'connections_nearly_used', 'error', format('%s of %s connections of the server are in use', count(*), v_most), count(*)::numeric, floor(v_most * 0.9),
    'give workers a smaller pool, `pgjobs worker --pool-size`, or `alter system set max_connections` and start the server anew', '{}'::jsonb
  from pg_stat_activity a where a.backend_type = 'client backend' having count(*) > v_most * 0.9;
  if v_queue >= 50 then
    return next row('notifications_pile_up', 'warning', format('the server''s notification queue is %s %% full: some session listens and has not ended its transaction', v_queue), v_queue, 50,
      'find it with `select pid, xact_start from pg_stat_activity order by xact_start` and end it with `select pg_terminate_backend(pid)`', '{}'::jsonb)::jobs.problem;
  end if;
  return query
  select 'sequence_near_end', 'error', format('the sequence jobs.%s has used %s %% of its numbers: somebody has set it ahead', c.relname, u.percent), u.percent, 80::numeric,
    format('let the queue run empty, stop all workers, then `select setval(%L, %s)`', 'jobs.' || c.relname, s.seqstart), jsonb_build_object('sequence', c.relname)
  from pg_class c join pg_sequence s on s.seqrelid = c.oid,
    lateral (select round(100.0 * pg_sequence_last_value(c.oid) / s.seqmax, 1) as percent) u
  where c.relnamespace = 'jobs'::regnamespace and u.percent >= 80 order by c.relname;
end $$;

-- Whatever keeps an old snapshot, so that dead rows pile up: transactions, prepared transactions, replication
-- slots. The first 20 of each.
create or replace function jobs._problems_of_snapshots() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  return query
  select 'old_snapshot', case when a.xact_start < v_now - interval '1 hour' then 'error' else 'warning' end,
    format('process %s of the role %s (%s) keeps a snapshot for %s, so that dead rows are not cleaned up', a.pid, jobs._shown(a.usename), jobs._shown(coalesce(nullif(a.application_name, ''), a.backend_type)), jobs._span(jobs._since(v_now, a.xact_start))),
    jobs._seconds(jobs._since(v_now, a.xact_start)), 600::numeric, format('`select pg_terminate_backend(%s)`', a.pid), jsonb_build_object('pid', a.pid, 'role', a.usename, 'state', a.state)
  from pg_stat_activity a
  where (a.backend_xmin is not null or a.backend_xid is not null) and a.datname = current_database() and a.pid <> pg_backend_pid()
    and a.backend_type in ('client backend', 'walsender') and a.xact_start < v_now - interval '10 minutes'
  order by a.xact_start limit 20;
  return query
  select 'prepared_transaction', case when p.prepared < v_now - interval '1 hour' then 'error' else 'warning' end,
    format('the transaction %s of the role %s is prepared for %s and not ended: it keeps its locks and a snapshot', jobs._shown(p.gid), jobs._shown(p.owner), jobs._span(jobs._since(v_now, p.prepared))),
    jobs._seconds(jobs._since(v_now, p.prepared)), 600::numeric, format('`commit prepared %s`, or `rollback prepared %s`', jobs._shown(p.gid), jobs._shown(p.gid)), jsonb_build_object('gid', p.gid, 'role', p.owner)
  from pg_prepared_xacts p where p.database = current_database() and p.prepared < v_now - interval '10 minutes' order by p.prepared limit 20;
  return query
  select 'replication_slot', 'warning', format('the replication slot %s keeps the rows of the last %s transactions%s', jobs._shown(s.slot_name), age(s.xmin), case when s.active then '' else ', and nobody uses it' end),
    age(s.xmin)::numeric, 1000000::numeric, format('start its standby again, or `select pg_drop_replication_slot(%s)`', jobs._shown(s.slot_name)), jsonb_build_object('slot', s.slot_name, 'active', s.active)
  from pg_replication_slots s where s.xmin is not null and age(s.xmin) > 1000000 order by age(s.xmin) desc limit 20;
end $$;

-- Sessions that idle in a transaction for a minute and hold locks on tables of schema jobs: the first 20. And
-- whether the owner of the schema may see sessions of others at all.
create or replace function jobs._problems_of_sessions() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  return query
  select 'idle_in_transaction', 'warning', format('process %s of the role %s (%s) idles in a transaction for %s, with locks on %s', a.pid, jobs._shown(a.usename),
      jobs._shown(coalesce(nullif(a.application_name, ''), a.backend_type)), jobs._span(jobs._since(v_now, a.state_change)), l.tables),
    jobs._seconds(jobs._since(v_now, a.state_change)), 60::numeric, format('`select pg_terminate_backend(%s)`', a.pid), jsonb_build_object('pid', a.pid, 'role', a.usename)
  from pg_stat_activity a,
    lateral (select string_agg(distinct 'jobs.' || c.relname, ', ') as tables from pg_locks k join pg_class c on c.oid = k.relation
             where k.pid = a.pid and k.granted and c.relnamespace = 'jobs'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
               and k.database = (select d.oid from pg_database d where d.datname = current_database())) l
  where a.state like 'idle in transaction%' and a.state_change < v_now - interval '60 s' and a.datname = current_database() and l.tables is not null
  order by a.state_change limit 20;
  return query
  select 'sessions_hidden', 'warning', format('%s, who owns schema jobs, may not see what sessions of others do: old snapshots and idle transactions are not found', jobs._shown(current_user)), 0::numeric, 1::numeric,
    format('`grant pg_read_all_stats to %I`', current_user), '{}'::jsonb
  where not pg_has_role(current_user, 'pg_read_all_stats', 'usage');
end $$;

-- Tables of schema jobs that are not cleaned up: no autovacuum, many dead rows, old transaction numbers.
create or replace function jobs._problems_of_tables() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query
  select 'autovacuum_off', 'error', format('%s is off, so that nothing cleans up the tables of schema jobs', s.name), 0::numeric, 1::numeric,
    format('`alter system set %s = on`, then `select pg_reload_conf()`', s.name), jsonb_build_object('setting', s.name)
  from pg_settings s where s.name in ('autovacuum', 'track_counts') and s.reset_val = 'off';
  return query
  select 'autovacuum_off', 'error', format('autovacuum is switched off for jobs.%s', c.relname), 0::numeric, 1::numeric,
    format('`alter table jobs.%I reset (autovacuum_enabled)`', c.relname), jsonb_build_object('table', c.relname)
  from pg_class c where c.relnamespace = 'jobs'::regnamespace and c.relkind = 'r' and array_to_string(c.reloptions, ' ') ~ 'autovacuum_enabled=(false|off|no|0)' order by c.relname limit 20;
  return query
  select 'dead_rows', 'warning', format('jobs.%s has %s dead rows', t.name, d.dead), d.dead::numeric, t.allowed::numeric,
    format('`vacuum jobs.%s`, after what keeps an old snapshot has ended', t.name), jsonb_build_object('table', t.name)
  from (values ('pending', 2000000), ('batch', 200000), ('worker', 100000), ('unique_key', 1000000)) t(name, allowed),
    lateral (select pg_stat_get_dead_tuples(('jobs.' || t.name)::regclass) as dead) d
  where d.dead > t.allowed;
  return query
  select 'old_transaction_numbers', 'error', format('the oldest transaction number in jobs.%s is %s transactions old, and at 2 billion the server stops writing', c.relname, age(c.relfrozenxid)),
    age(c.relfrozenxid)::numeric, 1000000000::numeric, format('`vacuum (freeze) jobs.%I`', c.relname), jsonb_build_object('table', c.relname)
  from pg_class c where c.relnamespace = 'jobs'::regnamespace and c.relkind = 'r' and age(c.relfrozenxid) > 1000000000 order by age(c.relfrozenxid) desc limit 20;
end $$;

-- Settings of the database, or of roles that may use schema jobs, under which clients fail: the first 20.
create or replace function jobs._problems_of_settings() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query
  select 'setting_in_the_way', case when s.name = 'default_transaction_read_only' then 'error' else 'warning' end,
    format('%s has the setting %s = %s: %s', case when s.role is null then 'the database' else 'the role ' || jobs._shown(s.role) end, s.name, jobs._shown(s.value),
      case s.name when 'default_transaction_read_only' then 'nothing can be published' when 'default_transaction_isolation' then 'calls of plain clients fail now and then with 40001'
                  else 'calls that publish or claim many jobs are cancelled' end),
    1::numeric, 0::numeric, case when s.role is null then format('`alter database %I reset %s`', current_database(), s.name)
      when s.db = 0 then format('`alter role %I reset %s`', s.role, s.name) else format('`alter role %I in database %I reset %s`', s.role, current_database(), s.name) end,
    jsonb_build_object('role', s.role, 'setting', s.name)
  from (select r.rolname as role, d.setdatabase as db, split_part(g, '=', 1) as name, substr(g, strpos(g, '=') + 1) as value
        from pg_db_role_setting d left join pg_roles r on r.oid = d.setrole, unnest(d.setconfig) g
        where d.setdatabase in (0, (select b.oid from pg_database b where b.datname = current_database()))
          and (d.setrole = 0 or r.oid is not null and not r.rolsuper and has_schema_privilege(r.oid, 'jobs', 'usage'))) s
  where s.name = 'default_transaction_read_only' and s.value in ('on', 'true', 'yes', '1')
    or s.name = 'default_transaction_isolation' and s.value in ('serializable', 'repeatable read')
    or s.name = 'statement_timeout' and s.value ~ '^[0-9]+(ms)?$' and substring(s.value from '^[0-9]+')::numeric between 1 and 999
  order by 2, 3 limit 20;
end $$;
