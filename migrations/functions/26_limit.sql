-- Limits: making, changing and dropping them. How claims keep them is in other files.

-- Makes a limit over the tasks under a topic, or changes the one of this name; then what is not given stays,
-- and null removes an option. Its options: key (names of arguments: each of their values has a bucket of its
-- own; none: one for all jobs), max (how many run at once; 0: none), rates (how many start: ["100/s",
-- {"rate": "1000/h", "burst": 50}]; all of them hold), burst (of the first rate: how many start at once after
-- a pause; default: what a second brings, at least 1), cost (the argument that says how many slots and starts
-- a job takes; default 1), in_order (one job of a key after another), on_dead (what follows when a job in
-- order fails for good: skip, hold, pause), fair (keys take turns by the time that their jobs run), weights
-- (shares of keys: {"acme": 3}).
--
-- Holds for the jobs that wait already, from the next claim on; runs go on. A change of the topic, key,
-- in_order or fair makes a new limit, under which nothing is held yet. Locks the limit until the caller's
-- transaction ends, which claims of its jobs wait for. PT400 for what cannot be meant, PT404 when there is
-- no limit of this name and no topic is given, PT413 when there are 16383 limits.
create or replace function jobs.set_limit(i_name text, i_topic text default null, i_options jsonb default '{}') returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_old jobs.job_limit;
  v_new jobs.job_limit;
begin
  select l.* into v_old from jobs.job_limit l where l.name = i_name and l.dropped_at is null for update;
  if v_old.id is null and i_topic is null then
    raise sqlstate 'PT404' using message = format('there is no limit %s', coalesce(jobs._shown(i_name), 'null')),
      hint = 'jobs.limits() lists them; a topic makes a new one: jobs.set_limit(''mail'', ''mail.*'', ''{"max": 10}'')';
  end if;
  v_new := jobs._as_limit(i_name, coalesce(i_topic, v_old.topic), jobs._changed_options(case when v_old.id is not null then jobs._limit_options(v_old) end, coalesce(i_options, '{}')));
  if v_new.topic = v_old.topic then
    v_new.pattern := v_old.pattern;   -- a task's code declares it for exactly its names
  end if;
  v_new := jobs._save_limit(v_new);
  perform jobs._audit('set_limit', i_name, null, null, jsonb_build_object('topic', v_new.topic, 'options', jobs._limit_options(v_new)));
end $$;

-- Writes a limit that was checked, over the one of its name, and returns what is stored. Beside what somebody
-- says by hand stays what the code says.
create or replace function jobs._save_limit(i_new jobs.job_limit) returns jobs.job_limit
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_old jobs.job_limit;
  v_new jobs.job_limit := i_new;
begin
  loop
    select l.* into v_old from jobs.job_limit l where l.name = i_new.name for update;
    if v_old.id is not null and i_new.declared is null and v_old.undeclared_at is null then
      v_new.declared_by := v_old.declared_by;
      v_new.declared := v_old.declared;
      v_new.edited := v_old.declared is not null;
    end if;
    if (v_old.topic, v_old.pattern, v_old.key, v_old.in_order, v_old.fair) is not distinct from (v_new.topic, v_new.pattern, v_new.key, v_new.in_order, v_new.fair) then
      update jobs.job_limit l set (max, rates, cost, on_dead, weights, declared_by, declared, edited, undeclared_at, changed_at, changed_by)
        = (v_new.max, v_new.rates, v_new.cost, v_new.on_dead, v_new.weights, v_new.declared_by, v_new.declared, v_new.edited, v_new.undeclared_at, v_new.changed_at,
           v_new.changed_by)
      where l.id = v_old.id returning l.* into v_new;
      if v_old.rates is distinct from v_new.rates then
        perform jobs._fit_rates(v_new);
      end if;
      perform jobs._look_at_waiting(v_new.id), jobs._wake_workers();
      return v_new;
    elsif v_old.id is not null then
      perform jobs._retire_limit(v_old);
    end if;
    v_new.id := jobs._new_limit_id();
    insert into jobs.job_limit select v_new.* on conflict (name) do nothing;
    exit when found;   -- otherwise another transaction has made one of this name meanwhile
  end loop;
  perform jobs._wake_workers();
  return v_new;
end $$;

-- An id for a new limit. One that was used before comes again only after all others, because runs may still
-- hold slots of a limit that has gone. PT413 when all are in use.
create or replace function jobs._new_limit_id() returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_id integer;
begin
  if (select count(*) >= 16383 from jobs.job_limit) then
    raise sqlstate 'PT413' using message = 'there are 16383 limits, those included that were dropped and still have jobs',
      hint = 'a limit with a key serves any number of values: jobs.set_limit(''mail'', ''mail.*'', ''{"key": ["customer"], "max": 2}'')';
  end if;
  perform nextval('jobs.restrictions_made') where pg_sequence_last_value('jobs.restrictions_made') is null;
  loop
    v_id := (nextval('jobs.limits_made') - 1) % 16383 + 1;
    exit when not exists (select from jobs.job_limit l where l.id = v_id);
  end loop;
  return v_id;
end $$;

-- Fits what the buckets of a limit, which the caller has locked, remember of their rates to other rates: none
-- is used up for longer than its burst takes.
create or replace function jobs._fit_rates(i_limit jobs.job_limit) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  with old as (
    delete from jobs.bucket b where (b.id & 16383) = i_limit.id and b.tats is not null returning b.*
  )
  insert into jobs.bucket (id, version, key, held, waits, first_rank, first_seq, tats, timer, turn, closed_until, closed_by, reason)
  select o.id, nextval('jobs.bucket_versions'), o.key, o.held, o.waits, o.first_rank, o.first_seq, (
      select array_agg(case when t.tat is not null then least(t.tat, jobs.now() + make_interval(secs => r.burst * r.seconds / r.count)) end order by r.at)
      from unnest(i_limit.rates) with ordinality r(count, seconds, burst, at) left join unnest(o.tats) with ordinality t(tat, at) on t.at = r.at),
    o.timer, o.turn, o.closed_until, o.closed_by, o.reason
  from old o;
end $$;

-- Asks the next claims of a limit to look at all buckets where a job may wait.
create or replace function jobs._look_at_waiting(i_limit integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._look_at(array(select b.id from jobs.bucket b where (b.id & 16383) = i_limit and b.waits));
end $$;

-- Drops a limit; false when there is none of this name. Its runs go on, and the jobs that it has blocked
-- become ready, before others of their priority: 10,000 at once, and what is left by jobs.maintain. A limit
-- that the code declares comes back when the next worker starts. Locks the limit as jobs.set_limit does.
create or replace function jobs.drop_limit(i_name text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_limit jobs.job_limit;
begin
  select l.* into v_limit from jobs.job_limit l where l.name = i_name and l.dropped_at is null for update;
  if not found then
    return false;
  end if;
  perform jobs._retire_limit(v_limit);
  perform jobs._audit('drop_limit', i_name, null, null, jsonb_build_object('topic', v_limit.topic, 'options', jobs._limit_options(v_limit)));
  perform jobs._wake_workers();
  return true;
end $$;

-- Takes a limit, which the caller has locked, out of force; its name is free from then on.
create or replace function jobs._retire_limit(i_limit jobs.job_limit) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update jobs.job_limit l set name = format('%s (dropped %s)', l.name, l.id), dropped_at = jobs.now() where l.id = i_limit.id;
  perform jobs._free_blocked(i_limit.id, 10000);
end $$;

-- Makes up to i_num jobs ready that a limit has blocked, and returns how many. They come before all others of
-- their priority, as released jobs do, because no watermark may have passed them. Leaves jobs that another
-- transaction has locked.
create or replace function jobs._free_blocked(i_limit integer, i_num integer) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_freed integer;
begin
  update jobs.pending q set bucket = null, ready_seq = jobs._unblocked_seq(q.bucket, q.ready_seq)
  where q.ctid = any (array(
    select p.ctid from jobs.bucket b, lateral (select o.ctid from jobs.pending o where o.bucket = b.id limit i_num for update skip locked) p
    where (b.id & 16383) = i_limit and b.waits limit i_num));
  get diagnostics v_freed = row_count;
  return v_freed;
end $$;

-- What jobs.maintain does for limits: drops those that the code no longer declares, and goes on with dropped
-- ones. Does nothing before the first limit is set.
create or replace function jobs._tend_limits() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if pg_sequence_last_value('jobs.limits_made') is not null then
    perform jobs._drop_undeclared(), jobs._free_dropped(), jobs._check_limits_now_and_then();
  end if;
end $$;

-- Goes on with limits that were dropped: frees blocked jobs, up to i_num, and deletes what is left of a limit
-- once it blocks no job and no run holds a slot of it. Returns whether there is more to do at once. Skips
-- limits that others have locked.
create or replace function jobs._free_dropped(i_num integer default 10000) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_limit jobs.job_limit;
  v_rows integer;
begin
  for v_limit in select l.* from jobs.job_limit l where l.dropped_at is not null order by l.id for update skip locked loop
    v_rows := jobs._free_blocked(v_limit.id, i_num);
    if v_rows > 0 then
      perform jobs._wake_workers();
    end if;
    if v_rows < i_num then
      continue when jobs._is_limit_used(v_limit);
      delete from jobs.bucket b where b.ctid = any (array(select o.ctid from jobs.bucket o where (o.id & 16383) = v_limit.id limit i_num));
      get diagnostics v_rows = row_count;
    end if;
    if v_rows >= i_num then
      return true;
    end if;
    delete from jobs.bucket_delta d where d.limit_id = v_limit.id;
    delete from jobs.bucket_timer t where t.limit_id = v_limit.id;
    delete from jobs.limit_state s where s.limit_id = v_limit.id;
    delete from jobs.job_limit l where l.id = v_limit.id;
  end loop;
  return false;
end $$;

-- Whether a job is still blocked by a limit, or a run holds a slot of it. Reads all batches.
create or replace function jobs._is_limit_used(i_limit jobs.job_limit) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return exists (select from jobs.bucket b where (b.id & 16383) = i_limit.id and b.waits and exists (select from jobs.pending q where q.bucket = b.id))
    or exists (select from jobs.batch b, unnest(b.buckets) k(bucket) where b.buckets is not null and (k.bucket & 16383) = i_limit.id);
end $$;
