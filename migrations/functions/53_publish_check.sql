-- What publishing and settling look up about a task, derived from jobs.task.

-- Updates what publishing looks up under these names (null: under all), as far as it has changed; meanwhile
-- publishers read the old rows. A task's own name takes precedence over an alias of another task. Every
-- lookup of a task by one of its names reads this table.
create or replace function jobs._refresh_publish_checks(i_names text[] default null) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set jit = off as $$
declare
  v_names text[] := coalesce(i_names, array(
    select t.name::text from jobs.task t union select unnest(t.aliases) from jobs.task t union select k.name from jobs.publish_check k));
begin
  with aliases as materialized (
    select a.alias, t.name as task from jobs.task t, unnest(t.aliases) a(alias) where t.aliases <> '{}'
  ), meant as materialized (
    select distinct on (g.name) g.name, n.task
    from unnest(v_names) g(name) join (select t.name, t.name as task from jobs.task t union all select a.alias, a.task from aliases a) n using (name)
    order by g.name, g.name <> n.task, n.task
  ), gone as (
    delete from jobs.publish_check k
    where k.name = any (array(select g.name from unnest(v_names) g(name) except select m.name from meant m))
  )
  insert into jobs.publish_check as k (name, task, validation, keep, is_plain, timeout, priority, max_retries, names, unique_by, fits)
  select m.name, m.task, w.validation, t.keep, t.unique_by is null and (t.timeout, t.priority, t.retries) = (60, 0, 3), t.timeout, t.priority, t.retries, w.names, t.unique_by, t.fits
  from meant m join jobs.task t on t.name = m.task,
    lateral (select case when t.params is null then 'off' else coalesce(t.validation_set, t.validation) end as validation, jobs._names(t.params, t.extra_kwargs) as names) w
  where not exists (
    select from jobs.publish_check o
    where o.name = m.name and (o.task, o.validation, o.keep, o.timeout, o.priority, o.max_retries, o.names, o.unique_by, o.fits::text)
      is not distinct from (t.name, w.validation, t.keep, t.timeout, t.priority, t.retries, w.names, t.unique_by, t.fits::text))
  order by m.name
  on conflict (name) do update
  set task = excluded.task, validation = excluded.validation, keep = excluded.keep, is_plain = excluded.is_plain, timeout = excluded.timeout, priority = excluded.priority,
      max_retries = excluded.max_retries, names = excluded.names, unique_by = excluded.unique_by, fits = excluded.fits;
end $$;

-- All names of the tasks that do not keep all ended jobs in history: with 'all' those whose `keep` is not
-- 'all', with 'none' those whose `keep` is 'none'. Reads an index that contains no other tasks.
create or replace function jobs._unkept(i_which text) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  if i_which = 'none' then
    return array(select k.name::text from jobs.publish_check k where k.keep = 'none' and k.keep <> 'all');
  end if;
  return array(select k.name::text from jobs.publish_check k where k.keep <> 'all');
end $$;

-- Sets whether bodies of a task are validated when they are published: `off`, `warn`, `strict`; null restores
-- the worker's declaration. For the task's owner and administrators (PT403). Applies to jobs that are
-- published after this commits.
create or replace function jobs.set_validation(i_task varchar, i_mode text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if i_mode not in ('off', 'warn', 'strict') then
    raise sqlstate 'PT400' using message = 'a task is validated as off, warn or strict; null leaves it to its declaration';
  elsif not exists (select from jobs.task t where t.name = i_task) then
    raise sqlstate 'PT404' using message = format('no task is declared under %s', coalesce(jobs._shown(i_task), 'null')), hint = 'jobs.tasks() lists them';
  elsif not exists (select from jobs.task t where t.name = i_task and jobs._may_change(t.owner, t.owner_name)) then
    raise sqlstate 'PT403' using message = format('task %s belongs to another role', quote_literal(i_task)),
      hint = 'jobs.tasks() says to which; an administrator may call jobs.own_task(task, role)';
  end if;
  update jobs.task t set validation_set = i_mode where t.name = i_task and t.validation_set is distinct from i_mode;
  perform jobs._audit('set_validation', i_task, null, null, jsonb_build_object('mode', i_mode));
  perform jobs._refresh_publish_checks(array(select unnest(t.aliases || t.name::text) from jobs.task t where t.name = i_task));
end $$;

-- Refuses a worker whose registration is invalid (PT400), because everybody who lists workers reads it.
create or replace function jobs._check_worker(i_worker uuid, i_host text, i_pid integer, i_version text, i_topics text[], i_tasks text[], i_slots integer) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_flaw text := case
    when i_worker is null then 'worker: a UUID that it makes for itself'
    when (length(i_host) between 1 and 255 and i_host !~ '[[:cntrl:]]') is not true then 'host: 1 to 255 characters, no control characters'
    when (i_pid >= 0) is not true then 'pid: the number of its process'
    when (length(i_version) between 1 and 200 and i_version !~ '[[:cntrl:]]') is not true then 'version: 1 to 200 characters, no control characters'
    when (i_slots between 0 and 100000) is not true then 'slots: 0 to 100000'
    when (coalesce(array_ndims(i_topics), 1) = 1 and cardinality(i_topics) <= 1000) is not true
      or exists (select from unnest(i_topics) g(topic) where jobs._is_name(g.topic) is not true) then 'topics: at most 1000, each of 1 to 200 characters, no control characters'
    when (coalesce(array_ndims(i_tasks), 1) = 1 and cardinality(i_tasks) <= 100000) is not true
      or exists (select from unnest(i_tasks) g(task) where jobs._is_name(g.task) is not true) then 'tasks: at most 100000 names of 1 to 200 characters, no control characters' end;
begin
  if v_flaw is not null then
    raise sqlstate 'PT400' using message = 'a worker cannot register: ' || v_flaw, hint = 'correct it and register again; nothing was registered';
  end if;
end $$;
