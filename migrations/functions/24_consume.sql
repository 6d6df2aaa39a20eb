-- Claims of plain clients, which are no workers.

-- The tasks that have a job ready and match a topic (null: any). It skips from one task to the next in the
-- index, so that it costs one probe for each task, however many jobs wait.
create or replace function jobs._ready_tasks(i_topic text) returns text[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_prefix text := coalesce(jobs._prefix(i_topic), '');
  v_pattern text := coalesce(jobs._pattern(i_topic), '%');
  v_task text;
  v_tasks text[] := array[]::text[];
begin
  select q.task into v_task from jobs.pending q
  where q.ready_seq is not null and q.task >= v_prefix order by q.task limit 1;
  while v_task is not null and starts_with(v_task, v_prefix) loop
    if v_task like v_pattern then
      v_tasks := v_tasks || v_task;
    end if;
    select q.task into v_task from jobs.pending q
    where q.ready_seq is not null and q.task > v_task order by q.task limit 1;
  end loop;
  return v_tasks;
end $$;

-- Records that a plain client claims: for the next week, bulk publishers leave jobs in rows of their own. Renewed
-- once a day; set back if it is more than two weeks ahead.
create or replace function jobs._note_plain_client() returns void
language plpgsql as $$
declare
  v_now bigint := jobs._millis(jobs.now());
begin
  if (pg_sequence_last_value('jobs.plain_clients_until') - v_now between 518400000 and 1209600000) is not true then
    perform setval('jobs.plain_clients_until', v_now + 604800000);
  end if;
end $$;

-- Claims up to num jobs of the tasks under a topic, for a client without a worker. When fewer are ready, it
-- promotes due jobs of these tasks and requeues those whose lease expired, because no worker may be there to
-- do it: never more than num, since the caller may keep them locked in a long transaction, and never those of
-- workers, which other workers sweep. The lease lasts for the job's timeout; ack and nack accept it, and also
-- work without.
create or replace function jobs.consume_topic(topic varchar, num integer default 1) returns setof jobs.claimed
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_lease uuid := gen_random_uuid();
  v_tasks text[];
  v_got integer;
  v_paused text[];
  v_back integer;   -- jobs that became ready in this call
begin
  if topic is null or topic = '' then
    raise sqlstate 'PT400' using message = 'a topic is a pattern over task names', hint = 'use * for every task';
  elsif num is null or num not between 1 and 1000 then
    raise sqlstate 'PT400' using message = 'num lies within 1 and 1000';
  end if;
  for v_round in 1..2 loop
    v_tasks := jobs._allowed(false, jobs._ready_tasks(topic));
    return query select j.id, j.job_id, j.task, j.body, j.retries, j.max_retries, j.priority, j.timeout,
        j.created_at, c.run_at, j.scheduled_at, least(j.attempt, 2147483646) + 1, c.run_at + make_interval(secs => j.timeout::double precision), v_lease, j.meta
      from jobs.claim(null, v_tasks, num, v_lease, i_own_batch => v_tasks) c, unnest(c.jobs) j
      order by j.priority desc, j.ready_seq;
    get diagnostics v_got = row_count;
    num := num - v_got;
    exit when num <= 0 or v_round = 2;
    -- Not those of paused tasks: it may make no more than num ready, and those would not be claimed.
    v_paused := case when pg_sequence_last_value('jobs.restrictions_made') is not null then jobs._paused_likes() end;
    v_back := jobs._promote(jobs._pattern(topic), num, '-infinity', v_paused);
    v_back := v_back + jobs._sweep_plain(jobs._pattern(topic), num - v_back, v_paused);
    exit when v_back = 0;
    v_lease := gen_random_uuid();
  end loop;
end $$;

-- The original's names for the same: for any task, and for the tasks under a topic.
create or replace function jobs.consume(num integer default 1) returns setof jobs.claimed
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query select c.id, c.job_id, c.task, c.body, c.retries, c.max_retries, c.priority, c.timeout,
      c.created_at, c.run_at, c.scheduled_at, c.attempt, c.expires_at, c.lease, c.meta
    from jobs.consume_topic('*', num) c;
end $$;

create or replace function jobs.consume(topic varchar, num integer) returns setof jobs.claimed
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query select c.id, c.job_id, c.task, c.body, c.retries, c.max_retries, c.priority, c.timeout,
      c.created_at, c.run_at, c.scheduled_at, c.attempt, c.expires_at, c.lease, c.meta
    from jobs.consume_topic(topic, num) c;
end $$;
