-- Watches: the topics whose events are written. Nothing is written of other tasks.

-- The kinds of events.
create or replace function jobs._event_kinds() returns text[]
language sql immutable parallel safe
return array['queued', 'picked', 'progress', 'completed', 'failed', 'retried', 'snoozed', 'cancelled', 'workflow_ended'];

-- What covers a topic: its pattern, and the names of tasks that have one of their names under it.
create or replace function jobs._likes_of(i_topic text, i_is_declared boolean) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_pattern text := case when i_is_declared then jobs._literally(i_topic) else jobs._pattern(i_topic) end;
begin
  return v_pattern || array(select jobs._literally(n) from unnest(jobs._paused_names(array[v_pattern])) n where not n like v_pattern order by n);
end $$;

-- From now on the events of the jobs of these tasks are written: of the kinds i_kinds, null: of all. Of a
-- topic that is watched it changes the kinds. Jobs that were published before are watched from here on
-- too. The first call in a database makes the partitions of jobs.event. Locks the row of that topic. PT400
-- for a topic that is no name and for an unknown kind.
create or replace function jobs.watch(i_topic text, i_kinds text[] default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_unknown text := (select k from unnest(i_kinds) k where (k = any (jobs._event_kinds())) is not true limit 1);
begin
  if jobs._is_name(i_topic) is not true then
    raise sqlstate 'PT400' using message = 'a watch needs a topic of 1 to 200 characters, without control characters', hint = 'use * for every task';
  elsif i_kinds = '{}' or i_kinds is not null and (array_ndims(i_kinds) > 1 or array_position(i_kinds, null) is not null) or v_unknown is not null then
    raise sqlstate 'PT400' using message = 'a watch has one kind of events or more' || coalesce(', and there is no kind ' || jobs._shown(v_unknown), ''),
      hint = 'kinds are ' || array_to_string(jobs._event_kinds(), ', ') || '; null: all of them';
  end if;
  perform jobs._begin_watching();
  insert into jobs.watch as w (topic, is_declared, likes, kinds, watched_at, watched_by)
  values (i_topic, false, jobs._likes_of(i_topic, false), i_kinds, jobs.now(), jobs._caller())
  on conflict (topic, is_declared) do update set likes = excluded.likes, kinds = excluded.kinds, watched_at = excluded.watched_at, watched_by = excluded.watched_by;
  perform jobs._audit('watch', i_topic, null, null, case when i_kinds is not null then jsonb_build_object('kinds', i_kinds) end);
end $$;

-- The first time in a database: from now on watches are looked for.
create or replace function jobs._begin_watching() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not jobs._are_watched() then
    perform nextval('jobs.watches_made');
    perform jobs._change_event_partitions((jobs.now() at time zone 'utc')::date, null);
  end if;
end $$;

-- No events of this topic are written any more; false when exactly this topic was not watched. Other
-- topics that cover the same tasks stay watched, and what was written stays as long as it is kept. PT409
-- for what only the code of a task declares.
create or replace function jobs.unwatch(i_topic text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  delete from jobs.watch w where w.topic = i_topic and not w.is_declared;
  if found then
    perform jobs._audit('unwatch', i_topic, null);
    return true;
  elsif exists (select from jobs.watch w where w.topic = i_topic) then
    raise sqlstate 'PT409' using message = format('the task %s declares itself that its events are written', jobs._shown(i_topic)),
      hint = 'remove events = true from its code';
  end if;
  return false;
end $$;

-- The topics that are watched, in their order; is_declared: by the code of the task of that name. kinds:
-- null means all. Locks nothing.
create or replace function jobs.watches() returns table (topic varchar, kinds text[], watched_at timestamptz, watched_by name, is_declared boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query select w.topic, w.kinds, w.watched_at, w.watched_by, w.is_declared from jobs.watch w order by w.topic, w.is_declared;
end $$;

-- Follows what tasks declare (`"events": true`), of those that the caller may change among i_names, and
-- what tasks are called now. Writes only what has changed; leaves to the next worker what others have
-- locked.
create or replace function jobs._declare_watches(i_tasks jsonb, i_names text[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set lock_timeout = '100ms' set jit = off as $$
declare
  v_own text[] := array(select t.name from jobs.task t where t.name = any (i_names) and jobs._may_change(t.owner, t.owner_name));
  v_watched text[] := array(select t.task->>'name' from jsonb_array_elements(i_tasks) t(task) where t.task->'events' = 'true' and t.task->>'name' = any (v_own) order by 1);
begin
  if v_watched <> '{}' then
    perform jobs._begin_watching();
  end if;
  insert into jobs.watch (topic, is_declared, likes, watched_at, watched_by)
  select n, true, jobs._likes_of(n, true), jobs.now(), jobs._caller() from unnest(v_watched) n
  where not exists (select from jobs.watch w where w.topic = n and w.is_declared) on conflict do nothing;
  delete from jobs.watch w where w.is_declared and w.topic = any (v_own) and w.topic <> all (v_watched);
  update jobs.watch w set likes = l.likes
  from (select o.topic, o.is_declared, jobs._likes_of(o.topic, o.is_declared) as likes from jobs.watch o) l
  where l.topic = w.topic and l.is_declared = w.is_declared and l.likes <> w.likes;
exception when lock_not_available or deadlock_detected then
  raise warning 'which events are written was not changed, because another transaction is changing it'
    using hint = 'the next start of a worker of these tasks declares it again';
end $$;
