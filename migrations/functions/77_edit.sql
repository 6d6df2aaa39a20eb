-- Editing a job that does not run: its arguments, when and how it runs.

-- Changes a pending job, or one that failed or was cancelled, before jobs.retry or jobs.redrive takes it;
-- null leaves a value as it is. Returns the job. What publish would refuse is refused: PT400, PT413 for sizes
-- and ranges, PT422 for a body that does not fit the task. PT404 for an unknown job, PT409 for one that runs
-- or was a success, or whose new arguments make a unique key that another job holds.
--
-- A unique key that is made of its arguments is made anew from the new ones; one that its publisher gave
-- stays. A pending job keeps its place in the queue unless its priority changes, or the key of a limit at which it
-- waits. i_scheduled_at: of a pending
-- job only; a time that has passed makes it due. The audit keeps the old values.
--
-- Locks the job, and waits for whoever has locked it.
create or replace function jobs.edit(
  i_job text, i_body jsonb default null, i_priority integer default null, i_scheduled_at timestamptz default null, i_timeout numeric default null,
  i_max_retries integer default null, i_meta jsonb default null, i_reason text default null
) returns setof jobs."all"
language plpgsql rows 1 security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_new record;
  v_old jsonb;
begin
  perform pg_current_xact_id();   -- an xid before it draws a number, as for publishers
  select i_body as body, i_priority as priority, i_scheduled_at as scheduled_at, i_timeout as timeout, i_max_retries as max_retries, i_meta as meta into v_new;
  -- Two rounds, because a job may end, or be requeued, between the two queries.
  for v_round in 1..2 loop
    v_old := coalesce(jobs._edit_pending(i_job, to_jsonb(v_new)), jobs._edit_ended(i_job, to_jsonb(v_new)));
    exit when v_old is not null;
    if exists (select from jobs._find_run(i_job)) then
      raise sqlstate 'PT409' using message = format('job %s is running', jobs._shown(i_job)), hint = 'wait until it has ended, or cancel it and retry it';
    end if;
  end loop;
  if v_old is null then
    raise sqlstate 'PT404' using message = format('there is no job %s', coalesce(jobs._shown(i_job), 'null')), hint = 'jobs.find() lists jobs';
  end if;
  perform jobs._audit('edit', i_job, 1, i_reason, jsonb_build_object('before', v_old, 'after', jsonb_strip_nulls(to_jsonb(v_new))));
  return query select a.* from jobs.get(i_job::varchar) a;
end $$;

-- Edits a pending job and returns the old values of what changes; null when it is not pending.
create or replace function jobs._edit_pending(i_job text, i_new jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_old jobs.pending;
  v_new jobs.pending;
  v_body jsonb;
  v_meta jsonb;
  v_bytes bigint;
begin
  perform jobs._unpack(array[i_job]);
  select q.* into v_old from jobs.pending q where q.job_id = i_job for update;
  if not found then
    return null;
  end if;
  v_body := case when i_new->'body' <> 'null' then i_new->'body' else v_old.body end;
  v_meta := case when i_new->'meta' <> 'null' then i_new->'meta' else v_old.meta end;
  v_bytes := jobs._check_edit(v_old.task, v_body, v_body is distinct from v_old.body, v_meta, i_new) + coalesce(octet_length(v_old.traceback), 0);
  v_new := jsonb_populate_record(v_old, jsonb_strip_nulls(i_new - 'body' - 'meta'));   -- after the check of ranges
  v_new.body := v_body;
  v_new.meta := v_meta;
  v_new.bytes := v_bytes;
  v_new.on_end := jobs._edited_key(i_job, v_old.task, v_old.body, v_new.body, v_old.on_end, true);
  -- Another priority is another queue, whose watermark may be beyond its number; so is a job that gets due. A job that
  -- is blocked has its place in the order of its bucket, where claims do not look for others of another priority.
  v_new.bucket := case when v_new.priority = v_old.priority and v_new.scheduled_at is not distinct from v_old.scheduled_at then v_old.bucket end;
  v_new.ready_seq := case when v_new.scheduled_at > v_now and (v_new.scheduled_at is distinct from v_old.scheduled_at or v_old.ready_seq is null) then null
                          when v_new.priority = v_old.priority and v_old.ready_seq is not null and v_new.bucket is not distinct from v_old.bucket then v_old.ready_seq
                          else nextval('jobs.job_number') end;
  update jobs.pending q
  set (body, meta, priority, scheduled_at, timeout, max_retries, bytes, on_end, ready_seq, bucket)
    = (v_new.body, v_new.meta, v_new.priority, v_new.scheduled_at, v_new.timeout, v_new.max_retries, v_new.bytes, v_new.on_end, v_new.ready_seq, v_new.bucket)
  where q.job_id = i_job;
  if v_new.body is distinct from v_old.body and pg_sequence_last_value('jobs.limits_made') is not null then
    perform jobs._change_key(i_job);
  end if;
  perform jobs._wake_workers();
  return jobs._old_values(to_jsonb(v_old) , i_new);
end $$;

-- The same for a job in history that failed or was cancelled. PT409 for a success, PT400 for a time.
create or replace function jobs._edit_ended(i_job text, i_new jsonb) returns jsonb
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_old jobs.job;
  v_body jsonb;
  v_edited bigint;
begin
  select h.* into v_old from jobs._history_of(array[i_job]) h;
  if not found then
    return null;
  end if;
  -- As it is now that nobody else can change it.
  execute format('select h.* from jobs.job h where h.job_id = $1 and %s for update', jobs._on_day(date_trunc('day', v_old.complete_on at time zone 'UTC') at time zone 'UTC'))
  into v_old using i_job;
  if v_old.job_id is null then
    return null;
  elsif v_old.status = 'success' or v_old.redriven_as is not null then
    raise sqlstate 'PT409' using
      message = format('job %s %s', jobs._shown(i_job), case when v_old.status = 'success' then 'has ended as a success' else 'was re-driven as ' || v_old.redriven_as end),
      hint = 'publish a new job';
  elsif i_new->'scheduled_at' <> 'null' then
    raise sqlstate 'PT400' using message = format('job %s has ended, so it has no time to wait for', jobs._shown(i_job)), hint = 'jobs.retry makes it due at once';
  end if;
  v_body := case when i_new->'body' <> 'null' then i_new->'body' else v_old.body end;
  perform jobs._check_edit(v_old.task, v_body, v_body is distinct from v_old.body, nullif(i_new->'meta', 'null'), i_new);
  execute format('
    update jobs.job h
    set (body, meta, priority, timeout, max_retries, on_end)
      = ($2, coalesce(nullif($3->''meta'', ''null''), h.meta), coalesce(($3->>''priority'')::integer, h.priority), coalesce(($3->>''timeout'')::numeric, h.timeout),
         coalesce(($3->>''max_retries'')::integer, h.max_retries), $4)
    where h.job_id = $1 and h.status <> ''success'' and h.redriven_as is null and %s',
    jobs._on_day(date_trunc('day', v_old.complete_on at time zone 'UTC') at time zone 'UTC'))
  using i_job, v_body, i_new, jobs._edited_key(i_job, v_old.task, v_old.body, v_body, v_old.on_end, false);
  get diagnostics v_edited = row_count;
  return case when v_edited > 0 then jobs._old_values(to_jsonb(v_old), i_new) end;
end $$;

-- Refuses an edit that publish would refuse, and returns the size of body and meta as text.
create or replace function jobs._check_edit(i_task varchar, i_body jsonb, i_is_new_body boolean, i_meta jsonb, i_new jsonb) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_bytes bigint := jobs._text_size(i_body);
begin
  perform jobs._refuse('', i_task, case when i_is_new_body then v_bytes else 0 end, (i_new->>'scheduled_at')::timestamptz, (i_new->>'timeout')::numeric,
                       (i_new->>'max_retries')::integer);
  if i_is_new_body then
    perform jobs._check_bodies(array[i_task], array[i_body]);
  end if;
  return v_bytes + case when i_new->'meta' <> 'null' then jobs._check_meta('', i_meta) else jobs._text_size(i_meta) end;
end $$;

-- The values, before the edit, of what an edit sets.
create or replace function jobs._old_values(i_old jsonb, i_new jsonb) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select coalesce(jsonb_object_agg(n.key, coalesce(i_old->n.key, 'null')), '{}') from jsonb_each(i_new) n where n.value <> 'null'
$$;

-- What follows from the end of a job whose body changes. Where its key is the one that its task makes of the
-- old arguments, it becomes the one of the new ones; i_holds: and the job takes it and gives the old one up.
-- PT409 when another job holds the new key.
create or replace function jobs._edited_key(i_job text, i_task text, i_old jsonb, i_new jsonb, i_on_end jobs.on_end, i_holds boolean) returns jobs.on_end
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_old jobs.unique_rule;
  v_new jobs.unique_rule;
  v_held jobs.unique_key;
  v_holder text;
  v_on_end jobs.on_end := i_on_end;
begin
  if i_new is not distinct from i_old or not exists (select from jobs.publish_check k where k.name = i_task and k.unique_by is not null) then
    return i_on_end;
  end if;
  v_old := (jobs._unique_rules(array[i_task], array[i_old], null, null))[1];
  v_new := (jobs._unique_rules(array[i_task], array[i_new], null, null))[1];
  if v_new.key is not distinct from v_old.key or v_new.key is null then
    return i_on_end;
  end if;
  if ((i_on_end).unique_name, (i_on_end).unique_key) = (v_old.name::text, v_old.key) then
    v_on_end.unique_key := v_new.key;
  end if;
  if i_holds then
    select u.* into v_held from jobs.unique_key u where u.name = v_old.name and u.key = v_old.key and u.job_id = i_job;
    if found then
      select t.holder into v_holder from jobs._take_keys(array[v_new.name::text], array[v_new.key], array[i_job], array[v_held.until], jobs.now()) t;
      if v_holder <> i_job then
        raise sqlstate 'PT409' using message = format('job %s holds the unique key that the new arguments make', v_holder),
          hint = 'wait until that job has ended, or cancel it, or cancel this one';
      end if;
      delete from jobs.unique_key u where u.name = v_old.name and u.key = v_old.key and u.job_id = i_job;
    end if;
  end if;
  return v_on_end;
end $$;
