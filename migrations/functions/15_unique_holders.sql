-- Taking unique keys, and meeting the jobs that hold them.
--
-- A call takes its keys in their order, so that two calls with the same keys wait for each other and not in a
-- circle. Usually that is one statement for all of them. A key that this statement did not get and whose
-- holder has ended meanwhile would be taken after later ones, which is not their order: so the caller undoes the
-- statement and takes the keys in turn. It does so in one subtransaction: whoever waits for a key that was taken
-- in two, one inside of the other, waits for the end of the whole transaction (XactLockTableWait).
--
-- Who holds a key that the call did not get is looked up in the next statement: a key that was committed while
-- the first one waited is not in its snapshot. (Transactions that publish in several calls may meet in a circle;
-- PostgreSQL ends one of them as a deadlock.)

-- Takes these keys, given in their order, for these jobs, each until a time (null: while the job holds it).
-- Returns for each key, by its position, the job that holds it; its task and state are null when the call
-- took the key. A key whose time is over, or whose job is neither pending nor running, is held by nobody.
-- (That can be only after an operator's jobs.release_unique_key was rolled back while the job ended: both are
-- in one transaction otherwise.)
--
-- Waits for transactions that have taken or given up one of these keys and have not ended. PT409 when one of
-- the keys changed hands twenty times meanwhile. PT001, unless i_in_turn, when what it has taken has to be undone.
create or replace function jobs._try_keys(i_names text[], i_keys text[], i_jobs text[], i_untils timestamptz[], i_now timestamptz, i_in_turn boolean)
returns table (nth integer, holder varchar, task varchar, state varchar)
language plpgsql as $$
begin
  if i_in_turn or cardinality(i_keys) = 1 then
    return query select k.nth, k.holder, k.task, k.state from jobs._take_keys_in_turn(i_names, i_keys, i_jobs, i_untils, i_now) k;
  else
    return query select k.nth, k.holder, k.task, k.state from jobs._take_keys_together(i_names, i_keys, i_jobs, i_untils, i_now) k;
  end if;
end $$;

-- The same for callers that have nothing else to undo: first together, then in turn.
create or replace function jobs._take_keys(i_names text[], i_keys text[], i_jobs text[], i_untils timestamptz[], i_now timestamptz)
returns table (nth integer, holder varchar, task varchar, state varchar)
language plpgsql as $$
declare
  v_met jobs.wanted_key[];
begin
  for v_attempt in 1..2 loop
    begin
      v_met := array(
        select row(null, null, k.nth, null, null, null, k.holder, k.task, k.state)::jobs.wanted_key
        from jobs._try_keys(i_names, i_keys, i_jobs, i_untils, i_now, v_attempt > 1) k);
      exit;
    exception when sqlstate 'PT001' then null;
    end;
  end loop;
  return query select m.first_at, m.holder, m.holder_task, m.holder_state from unnest(v_met) m;
end $$;

-- The same in one statement; PT001 when one of the keys is free, or held by nobody, once the others are taken.
create or replace function jobs._take_keys_together(i_names text[], i_keys text[], i_jobs text[], i_untils timestamptz[], i_now timestamptz)
returns table (nth integer, holder varchar, task varchar, state varchar)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set enable_nestloop = off set jit = off
set plan_cache_mode = force_generic_plan as $$
declare
  v_taken integer[];
  v_left integer[];
  v_held bigint;
begin
  with taken as (
    insert into jobs.unique_key (name, key, job_id, until)
    select g.name, g.key, g.job, g.until from unnest(i_names, i_keys, i_jobs, i_untils) with ordinality g(name, key, job, until, at) order by g.at
    on conflict do nothing returning job_id
  ) select coalesce(array_agg(j.nth), '{}') into v_taken from taken t join unnest(i_jobs) with ordinality j(job_id, nth) on j.job_id = t.job_id;
  v_left := array(select g from generate_series(1, cardinality(i_keys)) g except select t from unnest(v_taken) t);
  return query select h.nth, h.holder, h.task, h.state from jobs._holders(i_names, i_keys, v_left, i_now) h where h.state is not null;
  get diagnostics v_held = row_count;
  if v_held < cardinality(v_left) then
    raise sqlstate 'PT001';
  end if;
  return query select t, i_jobs[t]::varchar, null::varchar, null::varchar from unnest(v_taken) t;
end $$;

-- The same, one key after the other: none is taken before it is known who has the one before.
create or replace function jobs._take_keys_in_turn(i_names text[], i_keys text[], i_jobs text[], i_untils timestamptz[], i_now timestamptz)
returns table (nth integer, holder varchar, task varchar, state varchar)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
begin
  <<each_key>>
  for v_nth in 1..cardinality(i_keys) loop
    for v_round in 1..20 loop
      if i_untils[v_nth] is not null then   -- as the one before it, whose time is often over
        delete from jobs.unique_key u where u.name = i_names[v_nth] and u.key = i_keys[v_nth] and u.until <= i_now;
      end if;
      insert into jobs.unique_key (name, key, job_id, until) values (i_names[v_nth], i_keys[v_nth], i_jobs[v_nth], i_untils[v_nth]) on conflict do nothing;
      if found then
        return query select v_nth, i_jobs[v_nth]::varchar, null::varchar, null::varchar;
        continue each_key;
      end if;
      select h.nth, h.holder, h.task, h.state into nth, holder, task, state from jobs._holders(i_names, i_keys, array[v_nth], i_now) h;
      if state is not null then
        return next;
        continue each_key;
      end if;
      delete from jobs.unique_key u where u.name = i_names[v_nth] and u.key = i_keys[v_nth] and u.job_id = holder;   -- nobody holds it any more
    end loop;
    perform jobs._refuse_race();
  end loop;
end $$;

-- Refuses a call whose keys are taken and given up faster than it can look at them.
create or replace function jobs._refuse_race() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise sqlstate 'PT409' using message = 'a unique key changed hands again and again while this call waited for it', hint = 'publish again';
end $$;

-- Who holds these keys: the job, its task and its state (pending, running; ended for a key that is held until
-- a time); a null state when the key is held by nobody any more, no row when it is free. One snapshot has a
-- job and its key.
create or replace function jobs._holders(i_names text[], i_keys text[], i_which integer[], i_now timestamptz)
returns table (nth integer, holder varchar, task varchar, state varchar)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set enable_nestloop = off set jit = off
set plan_cache_mode = force_generic_plan as $$
begin
  return query
  with held as materialized (
    select w.nth, u.job_id, u.until
    from unnest(i_which) w(nth),
      lateral (select k.job_id, k.until from jobs.unique_key k where k.name = i_names[w.nth] and k.key = i_keys[w.nth] limit 1) u   -- a look by key for each
  )
  select h.nth, h.job_id, o.task, case when h.until <= i_now then null when h.until is not null then coalesce(o.status, 'ended') else o.status end
  from held h left join jobs._open_of(array(select k.job_id::text from held k)) o on o.job_id = h.job_id;
end $$;

-- Takes the keys of these jobs in the usual case that each has a key of its own and gets it; otherwise false,
-- and nothing is taken.
create or replace function jobs._take_all_keys(i_job_ids varchar[], i_rules jobs.unique_rule[], i_now timestamptz) returns boolean
language plpgsql as $$
begin
  if cardinality(i_job_ids) = 1 then
    return jobs._insert_keys(i_job_ids, i_rules, i_now) = 1;
  end if;
  begin
    if jobs._insert_keys(i_job_ids, i_rules, i_now) = cardinality(i_job_ids) then
      return true;
    end if;
    raise sqlstate 'PT001';
  exception when sqlstate 'PT001' then
    return false;
  end;
end $$;

-- Inserts the keys of these jobs in their order, all but those that are held, and returns how many.
create or replace function jobs._insert_keys(i_job_ids varchar[], i_rules jobs.unique_rule[], i_now timestamptz) returns bigint
language plpgsql as $$
declare
  v_taken bigint;
begin
  insert into jobs.unique_key (name, key, job_id, until)
  select (r.rule).name, (r.rule).key, r.job_id, i_now + (r.rule).until
  from (select unnest(i_rules) as rule, unnest(i_job_ids) as job_id, generate_series(1, cardinality(i_job_ids)) as at) r
  where (r.rule).key is not null
  order by (r.rule).name, (r.rule).key, r.at
  on conflict do nothing;
  get diagnostics v_taken = row_count;
  return v_taken;
end $$;

-- Takes these keys, or learns who holds them (jobs._try_keys).
create or replace function jobs._meet_holders(
  i_wanted jobs.wanted_key[], i_new jobs.open_job[], i_rules jobs.unique_rule[], i_now timestamptz, i_in_turn boolean
) returns jobs.wanted_key[]
language plpgsql as $$
declare
  v_names text[];
  v_keys text[];
  v_jobs text[];
  v_untils timestamptz[];
begin
  select array_agg(w.name order by w.nth), array_agg(w.key order by w.nth), array_agg(n.job_id order by w.nth), array_agg(i_now + r.until order by w.nth)
  into v_names, v_keys, v_jobs, v_untils
  from unnest(i_wanted) with ordinality w(name, key, first_at, new_at, change_at, refuse_at, holder, holder_task, holder_state, nth)
  join unnest(array(select j.job_id from unnest(i_new) j)) with ordinality n(job_id, at) on n.at = w.first_at
  join unnest(i_rules) with ordinality r(name, key, until_started, until, on_conflict, wait, max_wait, at) on r.at = w.first_at;
  return array(
    select row(w.name, w.key, w.first_at, w.new_at, w.change_at, w.refuse_at, t.holder, t.task, t.state)::jobs.wanted_key
    from jobs._try_keys(v_names, v_keys, v_jobs, v_untils, i_now, i_in_turn) t
    join unnest(i_wanted) with ordinality w(name, key, first_at, new_at, change_at, refuse_at, holder, holder_task, holder_state, nth) on w.nth = t.nth
    order by w.nth);
end $$;

-- Refuses a job whose key is held when it asks for that (PT409), and names the job that holds it.
create or replace function jobs._refuse_held(i_met jobs.wanted_key[], i_jobs integer) returns void
language plpgsql as $$
declare
  v_refused jobs.wanted_key;
begin
  select w.* into v_refused from unnest(i_met) w
  where w.refuse_at is not null and (w.holder_state is not null or w.refuse_at > w.first_at) order by w.refuse_at limit 1;
  if not found then
    return;
  elsif v_refused.holder_state is null then
    raise sqlstate 'PT409' using message = jobs._which(v_refused.refuse_at, i_jobs) || format('job %s of this call has the same unique key', v_refused.first_at),
      hint = 'publish one of them';
  end if;
  raise sqlstate 'PT409' using
    message = jobs._which(v_refused.refuse_at, i_jobs) || format('job %s holds the unique key (%s)', v_refused.holder, v_refused.holder_state),
    hint = format('jobs.explain(%L) says why it is there; on_conflict keep, replace or postpone does not refuse', v_refused.holder);
end $$;

-- Gives pending holders the contents of the last job that replaces or postpones them; false when one of them
-- is not there any more as it was found. A holder keeps its id, its key and its terms; it starts anew, with
-- no failed runs, at its place in the queue if task and priority are the same. A postponed one waits as long
-- as the last publisher asks, but no longer than max_wait from when it was published. Locks their rows, and
-- waits for who has locked them. PT403 when a restricted caller may not publish the task of a holder.
create or replace function jobs._change_holders(i_met jobs.wanted_key[], i_new jobs.open_job[], i_bytes bigint[], i_rules jobs.unique_rule[]) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set enable_nestloop = off set jit = off
set plan_cache_mode = force_generic_plan as $$
declare
  v_changes bigint := (select count(*) from unnest(i_met) w where w.holder_state = 'pending' and w.change_at is not null);
  v_locked bigint;
begin
  if v_changes = 0 then
    return true;
  end if;
  perform jobs._check_topics(true, array(select distinct w.holder_task::text from unnest(i_met) w where w.holder_state = 'pending' and w.change_at is not null));
  perform 1
  from (select m.holder from unnest(i_met) m where m.holder_state = 'pending' and m.change_at is not null order by m.holder) w,   -- as jobs.cancel locks them
    lateral (select 1 from jobs.pending p where p.job_id = w.holder limit 1 for update) q;   -- a look by key for each
  get diagnostics v_locked = row_count;
  if v_locked < v_changes then
    return false;
  end if;
  -- Each starts anew, with arguments that may make another key of its limits.
  if pg_sequence_last_value('jobs.limits_made') is not null then
    perform jobs._give_back_kept(array(
      select q.on_end from unnest(i_met) w, lateral (select p.on_end from jobs.pending p where p.job_id = w.holder limit 1) q
      where w.holder_state = 'pending' and w.change_at is not null));
  end if;
  -- In a statement of its own, which sees these rows as they were locked.
  with contents as materialized (
    select q.ctid as at, n.task, n.body, n.timeout, n.priority, n.max_retries, n.meta, b.bytes, d.due, n.created_at as now,
      case when q.task = n.task and q.priority = n.priority then jobs._unblocked_seq(q.bucket, q.ready_seq) end as ready_seq
    from unnest(i_met) w
    join (select j.*, row_number() over () as at from unnest(i_new) j) n on n.at = w.change_at
    join unnest(i_bytes) with ordinality b(bytes, at) on b.at = w.change_at
    join unnest(i_rules) with ordinality r(name, key, until_started, until, on_conflict, wait, max_wait, at) on r.at = w.change_at,
    lateral (select p.ctid, p.task, p.priority, p.ready_seq, p.bucket, p.scheduled_at, p.created_at from jobs.pending p where p.job_id = w.holder limit 1) q,
    lateral (select case r.on_conflict when 'postpone' then jobs._unique_due(n.scheduled_at, q.created_at + r.max_wait) else n.scheduled_at end as due) d
    where w.holder_state = 'pending'
  )
  update jobs.pending q
  set task = c.task, body = c.body, timeout = c.timeout, priority = c.priority, max_retries = c.max_retries, meta = c.meta, bytes = c.bytes,
      scheduled_at = c.due, retries = 0, traceback = null, bucket = null, on_end = jobs._without_kept(q.on_end),
      ready_seq = case when (c.due > c.now) is not true then coalesce(c.ready_seq, nextval('jobs.job_number')) end
  from contents c where q.ctid = c.at and q.ctid = any (array(select k.at from contents k));
  return true;
end $$;
