-- Claiming: pending jobs become running under a lease.
--
-- A claim must cost the same whether ten jobs wait or ten million, whoever they are for. So it
-- reads only the heads of the tasks it may take, in the order of the index job_queue_ready:
--
--   1. which of these tasks have a job ready (one index probe each),
--   2. how many to take of each, so that the batch as a whole is filled by priority and then by
--      place in line (read without locks; skipped when one task has everything),
--   3. lock that many from the head of each, skipping what another claim holds, and mark them.
--
-- The plans are pinned: statistics of a queue are always stale, and with stale statistics the
-- planner would now and then read the whole table. The row ids are an array from a subquery that
-- runs once: as a join, the limit could be applied again for each row, and too many be taken.

-- Locks and marks up to so many jobs from the head of each task, skipping what is locked. A ctid is
-- safe to find a row by within the statement that locked it, and not beyond.
create function jobs._take(
  i_tasks text[], i_quotas integer[], i_worker uuid, i_lease uuid, i_margin interval, i_now timestamptz
) returns setof jobs.claimed
language sql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
  with picked as materialized (
    select p.at
    from unnest(i_tasks, i_quotas) k(task, num),
      lateral (select q.ctid as at from jobs.job_queue q
               where q.task = k.task and q.run_at is null and q.ready_seq is not null
               order by q.priority desc, q.ready_seq limit k.num for update skip locked) p
  ), claimed as (
    update jobs.job_queue q
    set run_at = i_now, expires_at = i_now + make_interval(secs => q.timeout::double precision) + i_margin,
        attempt = q.attempt + 1, lease = i_lease, worker = i_worker
    where q.ctid = any (array(select p.at from picked p))
    returning q.*
  )
  select c.id, c.job_id, c.task, c.body, c.retries, c.max_retries, c.priority, c.timeout, c.created_at,
         c.run_at, c.scheduled_at, c.attempt, c.expires_at, c.lease
  from claimed c order by c.priority desc, c.ready_seq
$$;

-- Locks and marks up to i_num jobs of i_tasks, all under one lease. Locks only the rows it
-- returns, waits for nobody. Returns them by priority, then by place in line.
create function jobs._claim(i_tasks text[], i_num integer, i_worker uuid, i_lease uuid, i_margin interval) returns setof jobs.claimed
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := jobs.now();
  v_tasks text[];
  v_ready text[];
  v_quotas integer[];
  v_share integer;
  v_got integer;
  v_task text;
  v_more integer;
begin
  select array_agg(t.task) into v_tasks
  from unnest(i_tasks) t(task),
    lateral (select 1 from jobs.job_queue q
             where q.task = t.task and q.run_at is null and q.ready_seq is not null limit 1) head;
  if v_tasks is null then
    return;
  end if;

  v_ready := v_tasks;
  v_quotas := array[i_num];
  if cardinality(v_tasks) > 1 then
    -- With many tasks ready, reading a full batch of each would cost tasks x batch; a task then
    -- gets at most four times its even share of one batch.
    v_share := least(i_num, greatest(50, 4 * i_num / cardinality(v_tasks)));
    select array_agg(c.task), array_agg(c.num) into v_tasks, v_quotas
    from (select p.task, count(*)::integer as num
          from (select t.task, h.priority, h.ready_seq
                from unnest(v_tasks) t(task),
                  lateral (select q.priority, q.ready_seq from jobs.job_queue q
                           where q.task = t.task and q.run_at is null and q.ready_seq is not null
                           order by q.priority desc, q.ready_seq limit v_share) h
                order by h.priority desc, h.ready_seq limit i_num) p
          group by p.task) c;
  end if;

  return query select c.* from jobs._take(v_tasks, v_quotas, i_worker, i_lease, i_margin, v_now) c;
  get diagnostics v_got = row_count;
  -- The quotas were read without locks: another claim may hold what they counted on, while other
  -- tasks have work. What is then missing is taken wherever it lies.
  if v_got < i_num and cardinality(v_ready) > 1 then
    foreach v_task in array v_ready loop
      return query select c.* from jobs._take(array[v_task], array[i_num - v_got], i_worker, i_lease, i_margin, v_now) c;
      get diagnostics v_more = row_count;
      v_got := v_got + v_more;
      exit when v_got >= i_num;
    end loop;
  end if;
end $$;

-- The tasks that have a job ready and fall under a topic (null: any), by skipping from one task
-- to the next in the index: its cost is a probe for each task, however many jobs wait.
create function jobs._ready_tasks(i_topic text) returns text[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_prefix text := coalesce(jobs._prefix(i_topic), '');
  v_pattern text := coalesce(jobs._pattern(i_topic), '%');
  v_task text;
  v_tasks text[] := '{}';
begin
  select q.task into v_task from jobs.job_queue q
  where q.run_at is null and q.ready_seq is not null and q.task >= v_prefix order by q.task limit 1;
  while v_task is not null and starts_with(v_task, v_prefix) loop
    if v_task like v_pattern then
      v_tasks := v_tasks || v_task;
    end if;
    select q.task into v_task from jobs.job_queue q
    where q.run_at is null and q.ready_seq is not null and q.task > v_task order by q.task limit 1;
  end loop;
  return v_tasks;
end $$;

-- What a client without a worker calls: takes up to num jobs of the tasks under a topic. When fewer
-- are ready, jobs whose time has come and jobs whose lease ran out are brought back, because no
-- worker may be there to do it: never more than num, since the caller may hold them in a long
-- transaction, and never those of workers, which other workers look after. The lease lasts for the
-- job's timeout; ack and nack accept it, and work without.
create function jobs.consume_topic(topic varchar, num integer default 1) returns setof jobs.claimed
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_lease uuid := gen_random_uuid();
  v_got integer;
begin
  if topic is null or topic = '' then
    raise sqlstate 'PT400' using message = 'a topic is a pattern over task names', hint = 'use * for every task';
  elsif num is null or num not between 1 and 1000 then
    raise sqlstate 'PT400' using message = 'num lies within 1 and 1000';
  end if;
  return query select c.* from jobs._claim(jobs._ready_tasks(topic), num, null, v_lease, interval '0') c;
  get diagnostics v_got = row_count;
  if v_got < num and jobs._sweep_expired(num) + jobs.promote(num) > 0 then
    return query select c.* from jobs._claim(jobs._ready_tasks(topic), num - v_got, null, v_lease, interval '0') c;
  end if;
end $$;

-- The original's names for the same: any task, and the tasks under a topic.
create function jobs.consume(num integer default 1) returns setof jobs.claimed
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select c.id, c.job_id, c.task, c.body, c.retries, c.max_retries, c.priority, c.timeout,
      c.created_at, c.run_at, c.scheduled_at, c.attempt, c.expires_at, c.lease
    from jobs.consume_topic('*', num) c;
end $$;

create function jobs.consume(topic varchar, num integer) returns setof jobs.claimed
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select c.id, c.job_id, c.task, c.body, c.retries, c.max_retries, c.priority, c.timeout,
      c.created_at, c.run_at, c.scheduled_at, c.attempt, c.expires_at, c.lease
    from jobs.consume_topic(topic, num) c;
end $$;

-- What a registered worker calls: takes up to i_num jobs of the tasks it has. The body comes as
-- text, so that one body which a client library cannot read does not spoil its whole batch.
--
-- All jobs of a claim come under i_lease, a random key that the worker makes: if the answer is lost on
-- its way, the worker can still give them back by that key (jobs.unclaim).
--
-- The job's lease outlasts its timeout by i_margin seconds, so that the worker, which counts from
-- the same start, ends the run first. With i_sleep_seconds the caller says that it will sleep that
-- long if it gets nothing: said before looking, so that a job committed after the look wakes it.
--
-- Holds its own row of jobs.worker for the length of the statement: a sweep can then not declare
-- the worker dead while its claim is under way. A worker that was declared dead gets PT410.
create function jobs.claim(
  i_worker uuid, i_tasks text[], i_num integer, i_lease uuid, i_margin double precision, i_sleep_seconds double precision default null
) returns table (
  job_id varchar, task varchar, body text, retries integer, max_retries integer, priority integer,
  timeout double precision, created_at timestamptz, run_at timestamptz, attempt integer, lease uuid
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (i_num >= 1 and i_lease is not null and i_margin between 0 and 3600) is not true then
    raise sqlstate 'PT400' using message = 'a claim needs a number of at least 1, a lease, and a margin of 0 to 3600 seconds';
  end if;
  perform 1 from jobs.worker w where w.id = i_worker and w.lost_at is null for key share;
  if not found then
    raise sqlstate 'PT410' using message = 'this worker was declared dead or never registered',
      hint = 'its jobs went to others; register under a new id';
  end if;
  if i_sleep_seconds > 0 and (select c.notify from jobs.config c) then
    perform jobs._listen_until('jobs.sleeping_until', i_sleep_seconds);
  end if;
  perform jobs.promote(1000);
  return query select c.job_id, c.task, c.body::text, c.retries, c.max_retries, c.priority,
      c.timeout::double precision, c.created_at, c.run_at, c.attempt, c.lease
    from jobs._claim(i_tasks, least(i_num, 5000), i_worker, i_lease, make_interval(secs => i_margin)) c;
end $$;

-- Gives back, uncharged, whatever a claim under this lease took: for a worker that never got the
-- answer, because the connection broke behind a commit. Returns how many.
create function jobs.unclaim(i_worker uuid, i_lease uuid) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_given_back integer;
begin
  with held as materialized (
    select q.ctid as at from jobs.job_queue q
    where q.run_at is not null and q.worker = i_worker and q.lease = i_lease for update
  ), back as (
    update jobs.job_queue q set run_at = null, lease = null, expires_at = null, worker = null
    where q.ctid = any (array(select h.at from held h)) returning 1
  ) select count(*) into v_given_back from back;
  if v_given_back > 0 then
    perform jobs._wake_workers();
  end if;
  return v_given_back;
end $$;
