-- Measurements of schedules, workers, tables and problems, as jobs.metrics returns them; and the problem of a
-- task that is slower than it has to be.

-- How late maintenance is: with the schedule that is due the longest, with the job that came due the longest
-- ago and is not in the queue. Two index probes.
create or replace function jobs._metrics_of_schedules() returns table (name text, labels jsonb, value double precision)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_tick timestamptz;
  v_job timestamptz;
begin
  if pg_sequence_last_value('jobs.schedules_made') is not null then
    select s.due_at into v_tick from jobs.schedule s where s.paused_at is null order by s.due_at limit 1;
  end if;
  select q.scheduled_at into v_job from jobs.pending q where q.ready_seq is null order by q.scheduled_at limit 1;
  return query
  select 'pgjobs_' || l.what || '_lag_seconds', '{}'::jsonb, jobs._age(v_now, l.at)
  from (values ('schedule', v_tick), ('promotion', v_job)) l(what, at);
end $$;

-- Workers that live, those of them that are late or paused, and the slots of all.
create or replace function jobs._metrics_of_workers() returns table (name text, labels jsonb, value double precision)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  return query
  select 'pgjobs_' || u.what, '{}'::jsonb, u.number::double precision
  from (select count(*) as alive, coalesce(sum(w.slots), 0) as slots, count(w.paused_at) as paused,
          count(*) filter (where w.heartbeat_at < v_now - make_interval(secs => w.lease_seconds::double precision * 2 / 3)) as late
        from jobs.worker w where w.lost_at is null and w.expires_at >= v_now) a,
    lateral (values ('live_workers', a.alive), ('paused_workers', a.paused), ('late_workers', a.late), ('live_slots', a.slots)) u(what, number);
end $$;

-- Rows, dead rows and size of the tables whose size matters, as PostgreSQL's statistics and its catalogue
-- estimate them; `job` is all days of history together.
create or replace function jobs._metrics_of_tables() returns table (name text, labels jsonb, value double precision)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query
  with tables as materialized (
    select c.oid, c.relname::text as name from pg_class c
    where c.relnamespace = 'jobs'::regnamespace and c.relname in ('pending', 'batch', 'worker', 'unique_key')
    union all
    select i.inhrelid, 'job' from pg_inherits i where i.inhparent = 'jobs.job'::regclass
  ), measured as materialized (
    select t.name, sum(pg_stat_get_live_tuples(t.oid)) as live, sum(pg_stat_get_dead_tuples(t.oid)) as dead,
      sum(case when t.name = 'job' then null else pg_total_relation_size(t.oid) end) as bytes,
      sum((select sum(r.relpages::bigint) from pg_class r where r.oid = t.oid or r.oid in (select x.indexrelid from pg_index x where x.indrelid = t.oid))) as pages
    from tables t group by t.name
  )
  select 'pgjobs_' || u.what, jsonb_build_object('table', m.name), u.number::double precision
  from measured m,
    lateral (values ('table_rows', m.live), ('dead_rows', m.dead),
                    ('table_bytes', coalesce(m.bytes, m.pages * current_setting('block_size')::integer))) u(what, number);
end $$;

-- The oldest snapshot by the kind of who holds it: its age in seconds, and in transactions (a replication
-- slot says no time). While one is old, dead rows stay.
create or replace function jobs._metrics_of_snapshots() returns table (name text, labels jsonb, value double precision)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  return query
  with held as materialized (
    select case when a.backend_type = 'walsender' then 'standby' when a.state like 'idle in transaction%' then 'idle_in_transaction' else 'transaction' end as holder,
      a.xact_start as since, greatest(age(a.backend_xmin), age(a.backend_xid)) as transactions
    from pg_stat_activity a
    where (a.backend_xmin is not null or a.backend_xid is not null) and a.pid <> pg_backend_pid() and a.backend_type in ('client backend', 'walsender')
      and (a.datname = current_database() or a.datname is null)
    union all
    select 'prepared_transaction', p.prepared, age(p.transaction) from pg_prepared_xacts p where p.database = current_database()
    union all
    select 'replication_slot', null, age(s.xmin) from pg_replication_slots s where s.xmin is not null
  ), kinds as (
    select k.holder, max(jobs._age(v_now, h.since)) as seconds, max(h.transactions)::double precision as transactions
    from unnest(array['transaction', 'idle_in_transaction', 'prepared_transaction', 'standby', 'replication_slot']) k(holder)
    left join held h on h.holder = k.holder group by k.holder
  )
  select 'pgjobs_oldest_snapshot_seconds', jsonb_build_object('holder', k.holder), coalesce(k.seconds, 0) from kinds k where k.holder <> 'replication_slot'
  union all
  select 'pgjobs_oldest_snapshot_transactions', jsonb_build_object('holder', k.holder), coalesce(k.transactions, 0) from kinds k;
end $$;

-- The codes of all kinds of problems that jobs.problems may return.
create or replace function jobs._problem_codes() returns text[]
language sql immutable parallel safe
return '{arguments_do_not_fit,autovacuum_off,clock_jumped,clock_went_back,connections_nearly_used,dead_rows,grant_of_no_role,history_not_dropped,
  history_not_maintained,idle_in_transaction,jobs_wait,key_closed,key_without_job,maintenance_held,no_worker,not_promoted,not_swept,notifications_pile_up,
  notify_off,old_snapshot,old_transaction_numbers,owner_missing,partition_missing,paused,prefetch_stuck,prepared_transaction,replication_slot,
  rows_in_default,run_partition_missing,schedule_fails,schedule_overdue,schedule_paused,schedule_without_worker,sequence_near_end,sessions_hidden,setting_in_the_way,
  slo_missed,standby_behind,task_fails,task_without_worker,unknown_task,unusable,worker_late,worker_release,workers_busy,
  workflows_held}'::text[];

-- How many problems there are of each kind (jobs.problems), zero for most.
create or replace function jobs._metrics_of_problems() returns table (name text, labels jsonb, value double precision)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query
  with found as materialized (select p.code, count(*) as problems from jobs.problems() p group by p.code)
  select 'pgjobs_problem', jsonb_build_object('code', coalesce(c.code, f.code)), coalesce(f.problems, 0)::double precision
  from unnest(jobs._problem_codes()) c(code) full join found f on f.code = c.code;
end $$;

-- Tasks of which a ready job waits longer than it may take to its end: the first 20. Reads nothing of queues
-- where no task has declared such a time.
create or replace function jobs._problems_of_slos() returns setof jobs.problem
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  if not exists (select from jobs.task t where t.slo is not null) then
    return;
  end if;
  return query
  select 'slo_missed', 'warning', format('a job of the task %s waits for %s, and the task has an slo of %s s', jobs._shown(q.task), jobs._span(jobs._since(v_now, q.since)), trim_scale(t.slo)),
    jobs._seconds(jobs._since(v_now, q.since)), t.slo, case when q.is_blocked then format('`pgjobs explain %s` says which limit it waits for', jobs._escaped(q.job_id))
      else format('start more workers, `pgjobs worker --topic %s`, or raise their --concurrency; or declare a longer slo', jobs._shown(q.task)) end,
    jsonb_build_object('task', q.task, 'job_id', q.job_id, 'since', q.since, 'slo', t.slo)
  from jobs._queues() q join jobs.publish_check k on k.name = q.task join jobs.task t on t.name = k.task
  where not q.is_paused and q.since < v_now - make_interval(secs => t.slo::double precision)
  order by q.since limit 20;
end $$;
