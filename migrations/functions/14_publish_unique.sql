-- Publishing under unique keys: a job gets its key, or the job that holds it is kept, replaced, postponed, or
-- the call refused.

-- The keys of these jobs, in order.
create or replace function jobs._wanted_keys(i_rules jobs.unique_rule[]) returns jobs.wanted_key[]
language plpgsql as $$
begin
  return array(
    select row(r.name, r.key, min(r.at), greatest(min(r.at), max(r.at) filter (where r.on_conflict in ('replace', 'postpone'))),
      max(r.at) filter (where r.on_conflict in ('replace', 'postpone')), max(r.at) filter (where r.on_conflict = 'refuse'), null, null, null)::jobs.wanted_key
    from unnest(i_rules) with ordinality r(name, key, until_started, until, on_conflict, wait, max_wait, at)
    where r.key is not null group by r.name, r.key order by r.name, r.key);
end $$;

-- When a job that waits for quiet is due: at its time, but not after the longest wait; null: at once.
create or replace function jobs._unique_due(i_due timestamptz, i_longest timestamptz) returns timestamptz
language sql immutable parallel safe
return case when i_due is not null then least(i_due, i_longest) end;

-- The jobs of a call as they will be while pending. Refuses what may not be published.
create or replace function jobs._new_jobs(
  i_ids bigint[], i_job_ids varchar[], i_tasks text[], i_bodies jsonb[], i_bytes bigint[], i_due timestamptz[], i_timeouts numeric[],
  i_priorities integer[], i_max_retries integer[], i_metas jsonb[], i_rules jobs.unique_rule[], i_now timestamptz
) returns jobs.open_job[]
language plpgsql as $$
begin
  return array(
  select row(g.id, g.job_id, g.task, g.body, 0, coalesce(g.max_retries, 3), coalesce(g.priority, 0), coalesce(g.timeout, 60)::numeric(9, 2), i_now, d.due,
      case when (d.due > i_now) is not true then g.id end, 0, null, g.meta,
      case when g.key is not null and g.until is null then row(g.name, g.key, g.until_started, null, null, null, null)::jobs.on_end end)::jobs.open_job
  from unnest(i_ids, i_job_ids, i_tasks, i_bodies, i_bytes, i_due, i_timeouts, i_priorities, i_max_retries, i_metas, i_rules)
    with ordinality g(id, job_id, task, body, bytes, due, timeout, priority, max_retries, meta, name, key, until_started, until, on_conflict, wait, max_wait, at),
    lateral (select jobs._unique_due(coalesce(g.due, i_now + g.wait), i_now + g.max_wait) as due) d
  where jobs._publishable(g.task, 0, 0, g.due, g.timeout, g.max_retries) is true
    or jobs._refuse(jobs._which(g.at, cardinality(i_ids)), g.task, g.bytes, g.due, g.timeout, g.max_retries)
  order by g.at);
end $$;

-- Stores the jobs of a call of which some are unique, in one row each. The caller has assigned an xid to the
-- transaction, drawn the numbers and measured the bodies. Usually each job has a key of its own and gets it.
create or replace function jobs._store_unique(
  i_ids bigint[], i_job_ids varchar[], i_tasks text[], i_bodies jsonb[], i_bytes bigint[], i_due timestamptz[], i_timeouts numeric[],
  i_priorities integer[], i_max_retries integer[], i_metas jsonb[], i_rules jobs.unique_rule[], i_now timestamptz
) returns jobs.published
language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
  v_published jobs.published;
begin
  if not jobs._take_all_keys(i_job_ids, i_rules, i_now) then
    return jobs._store_beside_others(
      jobs._new_jobs(i_ids, i_job_ids, i_tasks, i_bodies, i_bytes, i_due, i_timeouts, i_priorities, i_max_retries, i_metas, i_rules, i_now), i_bytes, i_rules, i_now);
  end if;
  insert into jobs.pending (id, job_id, task, body, scheduled_at, timeout, priority, max_retries, created_at, ready_seq, bytes, meta, on_end)
  select g.id, g.job_id, g.task, g.body, g.due, coalesce(g.timeout, 60), coalesce(g.priority, 0), coalesce(g.max_retries, 3), i_now,
    case when (g.due > i_now) is not true then g.id end, g.bytes, g.meta, g.on_end
  from (select u.*, jobs._unique_due(coalesce(u.given_due, i_now + (u.rule).wait), i_now + (u.rule).max_wait) as due,
          case when (u.rule).until is null then row((u.rule).name, (u.rule).key, (u.rule).until_started, null, null, null, null)::jobs.on_end end as on_end
        from (select unnest(i_ids) as id, unnest(i_job_ids) as job_id, unnest(i_tasks) as task, unnest(i_bodies) as body, unnest(i_bytes) as bytes,
                unnest(i_due) as given_due, unnest(i_timeouts) as timeout, unnest(i_priorities) as priority, unnest(i_max_retries) as max_retries,
                unnest(i_metas) as meta, unnest(i_rules) as rule, generate_series(1, cardinality(i_ids)) as at) u) g
  where jobs._publishable(g.task, 0, 0, g.due, g.timeout, g.max_retries) is true
    or jobs._refuse(jobs._which(g.at, cardinality(i_ids)), g.task, g.bytes, g.due, g.timeout, g.max_retries);
  v_published.ids := i_ids;
  v_published.job_ids := i_job_ids;
  v_published.outcomes := array_fill('published'::text, array[cardinality(i_ids)]);
  return v_published;
end $$;

-- Stores the jobs of a call where some are not unique, or have their keys in common, or meet others that hold
-- them. Of jobs with one key in the call, each but the first meets the first as it would meet the holder.
create or replace function jobs._store_beside_others(i_new jobs.open_job[], i_bytes bigint[], i_rules jobs.unique_rule[], i_now timestamptz) returns jobs.published
language plpgsql set search_path = pg_catalog, pg_temp set enable_mergejoin = off set enable_nestloop = off set jit = off as $$
declare
  v_wanted jobs.wanted_key[] := jobs._wanted_keys(i_rules);
  v_plain integer[] := array(
    select r.at from unnest(i_rules) with ordinality r(name, key, until_started, until, on_conflict, wait, max_wait, at) where r.key is null);
begin
  if v_plain <> '{}' then
    perform jobs._insert_new(i_new, i_bytes, v_plain, v_plain);
  end if;
  return jobs._outcomes(i_new, i_rules, jobs._store_or_change(v_wanted, i_new, i_bytes, i_rules, i_now));
end $$;

-- Stores the jobs that get their keys, and returns who holds each key. Refuses a call that asks for that
-- (PT409).
create or replace function jobs._store_under_keys(
  i_wanted jobs.wanted_key[], i_new jobs.open_job[], i_bytes bigint[], i_rules jobs.unique_rule[], i_now timestamptz, i_in_turn boolean
) returns jobs.wanted_key[]
language plpgsql as $$
declare
  v_met jobs.wanted_key[] := jobs._meet_holders(i_wanted, i_new, i_rules, i_now, i_in_turn);
begin
  perform jobs._refuse_held(v_met, cardinality(i_new));
  perform jobs._insert_new(i_new, i_bytes, array_agg(w.first_at), array_agg(w.new_at)) from unnest(v_met) w where w.holder_state is null;
  return v_met;
end $$;

-- The same, and changes pending holders where a job asks for that. When a key is free again after later ones
-- were taken, or a holder moves on before it is locked, undoes the attempt, locks included, and begins anew, with
-- the keys in turn: locks are only ever taken in the order of their keys. A holder that has started by then is
-- kept. PT409 after twenty attempts.
create or replace function jobs._store_or_change(
  i_wanted jobs.wanted_key[], i_new jobs.open_job[], i_bytes bigint[], i_rules jobs.unique_rule[], i_now timestamptz
) returns jobs.wanted_key[]
language plpgsql as $$
declare
  v_met jobs.wanted_key[];
begin
  for v_attempt in 1..20 loop
    begin
      v_met := jobs._store_under_keys(i_wanted, i_new, i_bytes, i_rules, i_now, v_attempt > 1);
      if jobs._change_holders(v_met, i_new, i_bytes, i_rules) then
        return v_met;
      end if;
      raise sqlstate 'PT001';
    exception when sqlstate 'PT001' then null;
    end;
  end loop;
  perform jobs._refuse_race();
  return null;   -- it has raised
end $$;

-- Inserts jobs of a call: for each position in i_first a job with that id, and the contents of the job at the
-- position beside it in i_contents.
create or replace function jobs._insert_new(i_new jobs.open_job[], i_bytes bigint[], i_first integer[], i_contents integer[]) returns void
language plpgsql as $$
begin
  insert into jobs.pending (id, job_id, task, body, scheduled_at, timeout, priority, max_retries, created_at, ready_seq, bytes, meta, on_end)
  select f.id, f.job_id, n.task, n.body, n.scheduled_at, n.timeout, n.priority, n.max_retries, n.created_at,
    case when n.ready_seq is not null then f.id end, b.bytes, n.meta, f.on_end
  from unnest(i_first, i_contents) p(first_at, contents_at)
  join (select j.*, row_number() over () as at from unnest(i_new) j) f on f.at = p.first_at
  join (select j.*, row_number() over () as at from unnest(i_new) j) n on n.at = p.contents_at
  join unnest(i_bytes) with ordinality b(bytes, at) on b.at = p.contents_at
  order by f.id;
end $$;

-- What became of each job of a call, once its keys are settled.
create or replace function jobs._outcomes(i_new jobs.open_job[], i_rules jobs.unique_rule[], i_met jobs.wanted_key[]) returns jobs.published
language plpgsql as $$
declare
  v_published jobs.published;
begin
  select array_agg(n.id order by n.at), array_agg(coalesce(w.holder, n.job_id) order by n.at), array_agg(case
      when w.holder is null or w.holder_state is null and w.first_at = n.at then 'published'
      when r.on_conflict in ('replace', 'postpone') and coalesce(w.holder_state, 'pending') = 'pending' then 'replaced'
      else 'existing' end order by n.at)
  into v_published.ids, v_published.job_ids, v_published.outcomes
  from (select j.id, j.job_id, row_number() over () as at from unnest(i_new) j) n
  join unnest(i_rules) with ordinality r(name, key, until_started, until, on_conflict, wait, max_wait, at) on r.at = n.at
  left join unnest(i_met) w on w.name = r.name and w.key = r.key;
  return v_published;
end $$;

-- The rows of these jobs, in order, for functions that return what they publish: a job that was there before
-- without its body and its meta; only its id when it has ended and is not kept.
create or replace function jobs._published_rows(i_published jobs.published) returns setof jobs.queued
language plpgsql as $$
begin
  return query
  select coalesce(q.id, g.id), p.job_id, coalesce(q.task, g.task), case when p.outcome <> 'existing' then coalesce(q.body, g.body) end, coalesce(q.retries, g.retries),
    coalesce(q.max_retries, g.max_retries), coalesce(q.priority, g.priority), coalesce(q.timeout, g.timeout)::numeric, coalesce(q.created_at, g.created_at),
    g.run_at, coalesce(q.scheduled_at, g.scheduled_at), coalesce(q.attempt, g.attempt), case when p.outcome <> 'existing' then coalesce(q.meta, g.meta) end
  from unnest(i_published.job_ids, i_published.outcomes) with ordinality p(job_id, outcome, at)
  -- Nearly all are pending, in rows of their own.
  left join lateral (select r.* from jobs.pending r where r.job_id = p.job_id and r.size = 1 limit 1) q on true
  left join lateral (select f.* from jobs.get(case when q.job_id is null then p.job_id end) f where q.job_id is null) g on true
  order by p.at;
end $$;

-- Publishes one job under its unique key, for jobs.publish, which has checked all but its body. Usually nobody
-- holds the key, and it takes one statement; else it is a call like any other.
create or replace function jobs._publish_one_unique(
  i_id bigint, i_task text, i_body jsonb, i_bytes bigint, i_due timestamptz, i_timeout numeric, i_priority integer, i_max_retries integer, i_checked boolean,
  i_job_id text, i_meta jsonb, i_unique jsonb, i_now timestamptz
) returns jobs.queued
language plpgsql as $$
declare
  v_job_id varchar := coalesce(i_job_id, jobs._new_job_id(jobs._id_time(i_now), i_id));
  v_rule jobs.unique_rule;
  v_job jobs.queued;
begin
  if i_checked is not true then
    perform jobs._check_bodies(array[i_task], array[i_body]);
  end if;
  v_rule := (jobs._unique_rules(array[i_task], array[i_body], array[i_unique], array[i_checked]))[1];
  with taken as (
    insert into jobs.unique_key (name, key, job_id, until)
    select v_rule.name, v_rule.key, v_job_id, i_now + v_rule.until where v_rule.key is not null on conflict do nothing returning name
  )
  insert into jobs.pending as q (id, job_id, task, body, scheduled_at, timeout, priority, max_retries, created_at, ready_seq, bytes, meta, on_end)
  select i_id, v_job_id, i_task, i_body, d.due, coalesce(i_timeout, 60), coalesce(i_priority, 0), coalesce(i_max_retries, 3), i_now,
    case when (d.due > i_now) is not true then i_id end, i_bytes, i_meta,
    case when v_rule.until is null then row(v_rule.name, v_rule.key, v_rule.until_started, null, null, null, null)::jobs.on_end end
  from taken, (select jobs._unique_due(coalesce(i_due, i_now + v_rule.wait), i_now + v_rule.max_wait) as due) d
  returning q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout, q.created_at, null::timestamptz, q.scheduled_at, q.attempt, q.meta into v_job;
  if v_job.job_id is null then
    return jobs._publish_beside_holder(i_task, i_body, i_due, i_timeout, i_priority, i_max_retries, i_checked, i_job_id, i_meta, i_unique, i_now);
  elsif i_job_id is not null then
    perform jobs._check_new_ids(array[i_job_id], i_now);
  end if;
  if jobs._are_watched() then
    perform jobs._note_queued(array[v_job.job_id], array[i_task], array[i_meta]);
  end if;
  perform jobs._wake_workers();
  return v_job;
end $$;

-- Publishes one job whose key another one holds, or which is not unique, and returns its row or the holder's.
create or replace function jobs._publish_beside_holder(
  i_task text, i_body jsonb, i_due timestamptz, i_timeout numeric, i_priority integer, i_max_retries integer, i_checked boolean, i_job_id text,
  i_meta jsonb, i_unique jsonb, i_now timestamptz
) returns jobs.queued
language plpgsql as $$
declare
  v_published jobs.published := jobs._publish_many(
    array[i_task], array[i_body], array[i_due], row(array[i_timeout], array[i_priority], array[i_max_retries])::jobs.job_options,
    case when i_job_id is not null then array[i_job_id] end, false, array[i_checked], case when i_meta is not null then array[i_meta] end,
    array[i_unique], i_now);
  v_job jobs.queued;
begin
  if v_published.outcomes[1] = 'existing' then
    select r.* into v_job from jobs._published_rows(v_published) r;
  else
    select q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout, q.created_at, null::timestamptz, q.scheduled_at, q.attempt, q.meta
    into v_job from jobs.pending q where q.job_id = v_published.job_ids[1];
  end if;
  return v_job;
end $$;
