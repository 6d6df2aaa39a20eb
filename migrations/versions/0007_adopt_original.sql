-- The second half of taking over a database that the Python package 0.2.1 made: copies its jobs.

-- A time of the original, read as UTC, or the nearest time that every client can represent.
create function jobs._reachable(i_at timestamp) returns timestamptz
language sql immutable parallel safe
return least(greatest(i_at at time zone 'utc', '0001-01-02 00:00:00+00'::timestamptz), '9999-12-30 00:00:00+00'::timestamptz);

-- A number of failed runs from the original's table, which others may have written too, limited so that
-- counting can go on from it.
create function jobs._sane_retries(i_retries integer) returns integer
language sql immutable parallel safe
return least(greatest(coalesce(i_retries, 0), 0), 1000);

-- Copies the original's jobs, in their order and with their ids. The original stored times without a zone and
-- its client sends UTC, so they are read as UTC. NULL meant "no limit" in its bulk jobs, so that they ran for
-- ever: here it becomes the default. A time that not every client can represent becomes the nearest that they
-- can. Running jobs become pending, and the run counts as an attempt, because nobody will finish them under a
-- lease.
do $$
begin
  if pg_catalog.to_regclass('jobs.original_job_queue') is null then
    return;
  end if;
  perform pg_catalog.setval('jobs.job_number', greatest(
    (select coalesce(max(q.id), 0) from jobs.original_job_queue q),
    (select coalesce(max(h.id), 0) from jobs.original_job h), 1));
  insert into jobs.pending (id, job_id, task, body, retries, max_retries, priority, timeout,
                            created_at, scheduled_at, ready_seq, attempt, traceback, bytes)
  select q.id, q.job_id, q.task, q.body,
    least(jobs._sane_retries(q.retries) + (q.run_at is not null)::integer, greatest(coalesce(q.max_retries, 3), 1) - 1),
    greatest(coalesce(q.max_retries, 3), 1), coalesce(q.priority, 0),
    least(greatest(coalesce(q.timeout, 60), 0.01), 604800), jobs._reachable(coalesce(q.created_at, now() at time zone 'utc')),
    jobs._reachable(q.scheduled_at),
    case when q.scheduled_at is null or q.scheduled_at at time zone 'utc' <= now() then q.id end,
    jobs._sane_retries(q.retries) + (q.run_at is not null)::integer,
    case when q.run_at is not null then 'was running when the database was migrated' end, jobs._text_size(q.body)
  from jobs.original_job_queue q where jobs._text_size(q.body) < 268435456 and length(q.task) <= 200;
  -- A job whose body is too large to send, or whose name no task can have, ends here.
  insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status,
                        created_at, complete_on, traceback, attempt)
  select q.id, q.job_id, left(q.task, 200), q.body, jobs._sane_retries(q.retries), greatest(coalesce(q.max_retries, 3), 1), coalesce(q.priority, 0),
    least(greatest(coalesce(q.timeout, 60), 0.01), 604800), 'failed', jobs._reachable(coalesce(q.created_at, now() at time zone 'utc')),
    now(), case when length(q.task) <= 200 then 'its arguments are too large to be sent to a worker' else 'no task has a name of more than 200 characters' end, jobs._sane_retries(q.retries)
  from jobs.original_job_queue q where (jobs._text_size(q.body) < 268435456 and length(q.task) <= 200) is not true;
  insert into jobs.job (id, job_id, task, body, retries, max_retries, priority, timeout, status,
                        created_at, run_at, scheduled_at, complete_on, result, traceback, attempt)
  select h.id, h.job_id, left(h.task, 200), h.body, jobs._sane_retries(h.retries), greatest(coalesce(h.max_retries, 3), 1),
    coalesce(h.priority, 0), least(greatest(coalesce(h.timeout, 60), 0.01), 604800), h.status::text::jobs.job_status,
    jobs._reachable(coalesce(h.created_at, h.complete_on, now() at time zone 'utc')), jobs._reachable(h.run_at),
    jobs._reachable(h.scheduled_at), jobs._reachable(coalesce(h.complete_on, now() at time zone 'utc')),
    -- A result that cannot be sent would make every listing that reaches its row fail.
    case when m.fits then h.result end,
    case when m.fits then left(h.traceback, 16000) else concat_ws(E'\n', left(h.traceback, 16000), 'its result was too large to be sent to anybody, and was left out') end,
    jobs._sane_retries(h.retries) + 1
  from jobs.original_job h, lateral (select jobs._text_size(h.result) < 268435456 as fits offset 0) m;
  -- The original dropped nothing: where there is more history than would be kept here, all of it stays until somebody
  -- says how much of it may go.
  update jobs.config set history_days = null where exists (
    select from jobs.original_job h where h.complete_on at time zone 'utc' < now() - make_interval(days => history_days));
  drop table jobs.original_job_queue, jobs.original_job;
  drop type jobs.original_job_status;
end $$;
drop function jobs._reachable, jobs._sane_retries;
