-- Pauses: an operator stops the jobs of some tasks without touching them. They stay where they are in the
-- queue, publishing goes on, and claims pass over their tasks. What a worker has claimed already runs.

-- The names of declared tasks that are paused: all names of a task, when a pause covers one of them. Reads the
-- declared tasks once.
create or replace function jobs._paused_names(i_patterns text[]) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return array(
    select k.name from jobs.publish_check k
    where k.task = any (array(select c.task from jobs.publish_check c where c.name like any (i_patterns))));
end $$;

-- The patterns that are paused now; null: none is.
create or replace function jobs._paused_patterns() returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return (select array_agg(p.pattern) from jobs.pause p where (p.until > jobs.now()) is not false);
end $$;

-- Patterns of everything that is paused, declared names among them; null: nothing is.
create or replace function jobs._paused_likes() returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_patterns text[] := jobs._paused_patterns();
begin
  return v_patterns || case when v_patterns is not null then array(select jobs._literally(n) from unnest(jobs._paused_names(v_patterns)) n) end;
end $$;

-- These tasks without those that are paused. Reads the pauses, and the declared tasks if there are any pauses.
create or replace function jobs._unpaused(i_tasks text[]) returns text[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_mergejoin = off set enable_nestloop = off set jit = off as $$
declare
  v_patterns text[] := jobs._paused_patterns();
begin
  if v_patterns is null then
    return i_tasks;
  end if;
  return array(
    select g.name from unnest(i_tasks) with ordinality g(name, at)
    left join unnest(jobs._paused_names(v_patterns)) p(name) on p.name = g.name
    where p.name is null and not g.name like any (v_patterns) order by g.at);
end $$;

-- The pause that keeps the jobs of a task from being claimed: of several the one that lasts longest. Null: none.
create or replace function jobs._pause_of(i_task text) returns jobs.pause
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_pause jobs.pause;
begin
  if pg_sequence_last_value('jobs.restrictions_made') is not null then
    select p.* into v_pause from jobs.pause p
    where (p.until > jobs.now()) is not false
      and (i_task like p.pattern
        or exists (select from jobs.publish_check k join jobs.publish_check c on c.task = k.task where k.name = i_task and c.name like p.pattern))
    order by p.until desc nulls first, p.paused_at, p.topic limit 1;
  end if;
  return v_pause;
end $$;

-- Pauses the tasks under a topic: their jobs, ready or published later, stay pending, untouched, until
-- jobs.resume_topic or a time. Running jobs, and what workers have claimed ahead (about a tenth of a second's
-- work), go on. Of a topic that is paused it changes the time and the note. Locks the row of that topic.
-- PT400 for a topic that is no name, a time that is over or out of range, a long note.
create or replace function jobs.pause_topic(i_topic text, i_until timestamptz default null, i_note text default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_now timestamptz := jobs.now();
begin
  if jobs._is_name(i_topic) is not true then
    raise sqlstate 'PT400' using message = 'a pause needs a topic of 1 to 200 characters, without control characters', hint = 'use * for every task';
  elsif jobs._is_reachable(i_until) is false then
    raise sqlstate 'PT400' using message = 'the end of the pause is out of range', hint = 'give none to pause until jobs.resume_topic';
  elsif i_until <= v_now then
    raise sqlstate 'PT400' using message = format('the pause would be over: it ends at %s, and it is %s', jobs._moment(i_until), jobs._moment(v_now)),
      hint = 'give a time to come, or none to pause until jobs.resume_topic';
  elsif length(i_note) > 1000 then
    raise sqlstate 'PT400' using message = 'the note of a pause has at most 1000 characters';
  end if;
  perform nextval('jobs.restrictions_made') where pg_sequence_last_value('jobs.restrictions_made') is null;
  insert into jobs.pause as p (topic, pattern, paused_at, paused_by, until, note)
  values (i_topic, jobs._pattern(i_topic), v_now, jobs._caller(), i_until, i_note)
  on conflict (topic) do update set (paused_at, paused_by, until, note) =
    (case when (p.until <= v_now) is true then v_now else p.paused_at end, excluded.paused_by, excluded.until, excluded.note);
  perform jobs._audit('pause_topic', i_topic, null, i_note, case when i_until is not null then jsonb_build_object('until', i_until) end);
end $$;

-- Lets the jobs of a paused topic be claimed again and wakes workers; false when exactly this topic was not
-- paused. Other topics that cover the same tasks stay paused.
create or replace function jobs.resume_topic(i_topic text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_until timestamptz;
begin
  delete from jobs.pause p where p.topic = i_topic returning p.until into v_until;
  if not found or v_until <= jobs.now() then
    return false;
  end if;
  perform jobs._audit('resume_topic', i_topic, null);
  perform jobs._wake_workers();
  return true;
end $$;

-- The topics that are paused now, in their order. Locks nothing.
create or replace function jobs.pauses() returns table (topic varchar, paused_at timestamptz, paused_by name, until timestamptz, note text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query select p.topic, p.paused_at, p.paused_by, p.until, p.note from jobs.pause p
    where (p.until > jobs.now()) is not false order by p.topic;
end $$;

-- Reports that a task is paused, by whom and why. The note goes to readers too: it is for them.
create or replace function jobs._explain_pause(i_task varchar) returns setof jobs.reason
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_pause jobs.pause := jobs._pause_of(i_task);
begin
  if v_pause.topic is not null then
    return next row('paused',
      format('the topic %s is paused since %s by %s, until %s%s', jobs._shown(v_pause.topic), jobs._moment(v_pause.paused_at), jobs._shown(v_pause.paused_by),
             coalesce(jobs._moment(v_pause.until), 'it is resumed'), coalesce(': ' || jobs._escaped(v_pause.note), '')),
      v_pause.until, jsonb_build_object('topic', v_pause.topic, 'paused_at', v_pause.paused_at, 'paused_by', v_pause.paused_by, 'note', v_pause.note))::jobs.reason;
  end if;
end $$;
