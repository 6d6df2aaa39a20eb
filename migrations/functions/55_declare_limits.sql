-- The limits that the code declares with its tasks.

-- Refuses limits of a declaration that cannot be meant (PT400).
create or replace function jobs._check_declared_limits(i_task jsonb) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_which text := format('task %s: ', jobs._shown(i_task->>'name'));
  v_limit jsonb;
  v_unknown text;
  v_names text[] := array[]::text[];
begin
  for v_limit in select l from jsonb_array_elements(nullif(i_task->'limits', 'null')) l loop
    perform jobs._as_limit(v_limit->>'name', i_task->>'name', v_limit - 'name');
    select a into v_unknown
    from (select jsonb_array_elements_text(nullif(v_limit->'key', 'null')) as a union all select v_limit->>'cost') g
    where a is not null and jsonb_typeof(i_task->'params') = 'array' and a not in (select p->>'name' from jsonb_array_elements(i_task->'params') p) limit 1;
    if found then
      raise sqlstate 'PT400' using message = v_which || format('limit %s: it has no argument %s', jobs._shown(v_limit->>'name'), jobs._shown(v_unknown)),
        hint = 'its arguments are those of its params';
    elsif v_limit->>'name' = any (v_names) then
      raise sqlstate 'PT400' using message = v_which || format('two limits are named %s', jobs._shown(v_limit->>'name')), hint = 'give each a name of its own';
    end if;
    v_names := v_names || (v_limit->>'name');
  end loop;
end $$;

-- Saves the limits of these declarations, those of i_names, that differ from what the code said before; what
-- an operator changed by hand stays until the code says something else. Limits of these tasks, and of their
-- earlier names, that are no longer declared are dropped when no live worker is older than this
-- (jobs._drop_undeclared). Does nothing for tasks of other owners. Waits for nobody for long. PT400 for what
-- is no limit.
create or replace function jobs._declare_limits(i_tasks jsonb, i_names text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_own text[] := array(select t.name from jobs.task t where t.name = any (i_names) and jobs._may_change(t.owner, t.owner_name));
  v_names text[] := v_own || array(select a from jobs.task t, unnest(t.aliases) a where t.name = any (v_own));
  v_known text[] := array[]::text[];
  v_new record;
begin
  for v_new in
    select l.declared->>'name' as name, t.task->>'name' as task, l.declared - 'name' as declared
    from jsonb_array_elements(i_tasks) t(task), jsonb_array_elements(nullif(t.task->'limits', 'null')) l(declared)
    where t.task->>'name' = any (v_own) order by 1
  loop
    v_known := v_known || v_new.name;
    perform jobs._declare_limit(v_new.name, v_new.task, v_new.declared, v_names);
  end loop;
  update jobs.job_limit l set undeclared_at = jobs.now()
  where l.id = any (array(
    select o.id from jobs.job_limit o
    where o.declared_by = any (v_names) and o.undeclared_at is null and o.dropped_at is null and o.name <> all (v_known) for update skip locked));
end $$;

-- Saves one of them. Warns instead where a limit of this name was made by hand, or for a task that is not
-- among these, or where another transaction holds it: a worker must be able to start anyway.
create or replace function jobs._declare_limit(i_name text, i_task text, i_declared jsonb, i_names text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $$
declare
  v_old jobs.job_limit := (select l from jobs.job_limit l where l.name = i_name);
  v_new jobs.job_limit := jobs._as_limit(i_name, i_task, i_declared);
begin
  if v_old.declared_by = i_task and v_old.declared = i_declared and v_old.undeclared_at is null then
    return;
  elsif v_old.id is not null and (v_old.declared is null or v_old.declared_by <> all (i_names)) then
    raise warning 'the limit % of task % was ignored: %', jobs._shown(i_name), jobs._shown(i_task),
      case when v_old.declared is null then 'one of this name was made by hand' else 'another task has one of this name' end
      using hint = 'drop that one (jobs.drop_limit), or give this another name';
    return;
  end if;
  v_new.pattern := jobs._literally(i_task);
  v_new.declared_by := i_task;
  v_new.declared := i_declared;
  perform jobs._save_limit(v_new);
exception when lock_not_available or deadlock_detected then
  raise warning 'the limit % was not declared, because another transaction has changed it and has not ended', jobs._shown(i_name)
    using hint = 'end that transaction; the next start of a worker declares it again';
end $$;

-- Drops limits that the code no longer declares, once no live worker has the task that registered before.
create or replace function jobs._drop_undeclared() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_limit jobs.job_limit;
begin
  for v_limit in
    select l.* from jobs.job_limit l
    where l.undeclared_at is not null and l.dropped_at is null and not exists (
      select from jobs.worker w
      where w.lost_at is null and w.expires_at >= jobs.now() and l.declared_by = any (w.tasks) and w.started_at < l.undeclared_at)
    for update skip locked
  loop
    perform jobs._retire_limit(v_limit);
  end loop;
end $$;
