-- The schedules that the code declares with its tasks.

-- Saves the schedules of these declarations, those of i_tasks, that differ from what the code said before;
-- what an operator changed by hand stays until the code says something else. Schedules of these tasks, and of
-- their earlier names, that are no longer declared are dropped at their next tick, or later: when no live
-- worker is older than this (jobs._is_abandoned). Does nothing for tasks of other owners and those that the
-- caller may not publish. Waits for nobody for long. PT400 for what is no schedule.
create or replace function jobs._declare_schedules(i_tasks jsonb, i_names text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_own text[] := jobs._allowed(true, array(select t.name from jobs.task t where t.name = any (i_names) and jobs._may_change(t.owner, t.owner_name)));
  v_names text[] := v_own || array(select a from jobs.task t, unnest(t.aliases) a where t.name = any (v_own));
  v_known text[] := array[]::text[];
  v_new record;
begin
  for v_new in
    select s.schedule->>'name' as name, t.task->>'name' as task, s.schedule - 'name' as declared
    from jsonb_array_elements(i_tasks) t(task), jsonb_array_elements(nullif(t.task->'schedules', 'null')) s(schedule)
    where t.task->>'name' = any (v_own) order by 1
  loop
    v_known := v_known || v_new.name;
    perform jobs._declare_schedule(v_new.name, v_new.task, v_new.declared, v_names);
  end loop;
  update jobs.schedule s set undeclared_at = jobs.now()
  where s.name = any (array(
    select o.name from jobs.schedule o
    where o.task = any (v_names) and o.declared is not null and o.undeclared_at is null and o.name <> all (v_known) for update skip locked));
end $$;

-- Saves one of them. Warns instead where a schedule of this name was made by hand, or for a task that is not
-- among these, or where another transaction holds it: a worker must be able to start anyway.
create or replace function jobs._declare_schedule(i_name text, i_task text, i_declared jsonb, i_names text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms' as $$
declare
  v_old jobs.schedule := (select s from jobs.schedule s where s.name = i_name);
  v_new jobs.schedule := jobs._as_schedule(i_name, i_task, i_declared);
begin
  if v_old.task = i_task and v_old.declared = i_declared and v_old.undeclared_at is null then
    return;
  elsif v_old.name is not null and (v_old.declared is null or v_old.task <> all (i_names)) then
    raise warning 'the schedule % of task % was ignored: %', jobs._shown(i_name), jobs._shown(i_task),
      case when v_old.declared is null then 'one of this name was made by hand' else 'another task has one of this name' end
      using hint = 'drop that one (jobs.drop_schedule), or give this another name';
    return;
  end if;
  v_new.declared := i_declared;
  perform jobs._check_schedule(v_new);
  perform jobs._save_schedule(v_new);
exception when lock_not_available or deadlock_detected then
  raise warning 'the schedule % was not declared, because another transaction has changed it and has not ended', jobs._shown(i_name)
    using hint = 'end that transaction; the next start of a worker declares it again';
end $$;
