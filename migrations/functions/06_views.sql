-- The views: of people and clients, and those that functions read through. None of the former shows a lease, because it
-- is a key.
--
-- Replaced only when this file changed, and not with the functions: replacing a view waits for every transaction that
-- has read it.

-- Running jobs, one row for each.
create or replace view jobs._runs as
select b.lease, b.part, b.part * 64 + j.ordinality::integer - 1 as batch_index, b.worker, b.run_at,
  b.counted_from + pg_catalog.make_interval(secs => j.timeout::double precision) + b.margin as expires_at,
  j.id, j.job_id, j.task, j.body, j.retries, j.max_retries, j.priority, j.timeout, j.created_at, j.scheduled_at,
  least(j.attempt, 2147483646) + 1 as attempt, j.traceback, j.meta, j.on_end
from jobs.batch b, unnest(b.jobs) with ordinality j
where (b.open >> (j.ordinality - 1)::integer) & 1 = 1;   -- not by jobs._bit: readers of a view would need to be allowed to call it

-- The jobs that are due, in the terms of a key range. A row is found by its task and its place in the queue,
-- (rank, ready_seq), in index pending_ready.
create or replace view jobs._ready as
select q.ctid as at, q.task, jobs._rank(q.priority, q.ready_seq) as rank, q.ready_seq, q.size, q.bytes,
  q.on_end is distinct from null as on_end
from jobs.pending q where q.ready_seq is not null;

-- A restricted role sees the jobs of its tasks. The barrier keeps conditions of its own from being
-- evaluated on the rows of others.
create or replace view jobs.running with (security_barrier) as
select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, r.priority, r.timeout, r.created_at,
  r.run_at, r.scheduled_at, r.attempt, r.expires_at, r.worker, r.meta
from jobs._runs r
where (select jobs.sees_task()) or jobs.sees_task(r.task);

-- Running jobs whose lease has expired, which the next sweep requeues.
create or replace view jobs.expired with (security_barrier) as
select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, r.priority, r.timeout, r.created_at,
  r.run_at, r.scheduled_at, r.attempt, r.expires_at, r.worker, r.meta
from jobs.running r
left join jobs.worker w on w.id = r.worker
where r.expires_at < (select jobs.now())
  or (r.worker is not null and (w.id is null or w.lost_at is not null or w.expires_at < (select jobs.now())));

-- Pending jobs, one row per job.
create or replace view jobs._waiting as
select j.id, j.job_id, j.task, j.body, j.retries, j.max_retries, j.priority, j.timeout, j.created_at, j.scheduled_at,
  j.ready_seq, j.attempt, j.traceback, j.meta
from jobs.pending q,
  lateral pg_catalog.unnest(coalesce(q.jobs, array[row(q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout,
    q.created_at, q.scheduled_at, q.ready_seq, q.attempt, q.traceback, q.meta, q.on_end)::jobs.open_job])) j;

-- Pending and running jobs, as in the Python package's table of this name.
create or replace view jobs.job_queue as
select q.id, q.job_id, q.task, q.body, q.retries, q.max_retries, q.priority, q.timeout, q.created_at,
  null::timestamptz as run_at, q.scheduled_at, q.attempt, null::timestamptz as expires_at, null::uuid as worker, q.traceback, q.meta
from jobs._waiting q
union all
select r.id, r.job_id, r.task, r.body, r.retries, r.max_retries, r.priority, r.timeout, r.created_at,
  r.run_at, r.scheduled_at, r.attempt, r.expires_at, r.worker, r.traceback, r.meta
from jobs._runs r;

-- The two halves of jobs.all.
create or replace view jobs._open as
select q.id, q.job_id, q.task, q.body, q.retries, q.max_retries,
  case when q.run_at is null then 'pending' else 'running' end::varchar as status,
  q.priority, q.timeout, q.created_at, q.run_at, q.scheduled_at,
  null::timestamptz as complete_on, null::jsonb as result, q.traceback, q.attempt, q.worker, q.meta
from jobs.job_queue q;

create or replace view jobs._ended as
select h.id, h.job_id, h.task, h.body, h.retries, h.max_retries, h.status::text::varchar as status,
  h.priority, h.timeout, h.created_at, h.run_at, h.scheduled_at,
  h.complete_on, h.result, h.traceback, h.attempt, h.worker, h.meta
from jobs.job h;

-- The same as the caller may see it: for a restricted role the jobs of its tasks. Barriers of their own,
-- since the one of a union is none.
create or replace view jobs._seen_open with (security_barrier) as
select o.* from jobs._open o where (select jobs.sees_task()) or jobs.sees_task(o.task);

create or replace view jobs._seen_ended with (security_barrier) as
select e.* from jobs._ended e where (select jobs.sees_task()) or jobs.sees_task(e.task);

-- Every job in any state.
create or replace view jobs."all" as
select o.id, o.job_id, o.task, o.body, o.retries, o.max_retries, o.status, o.priority, o.timeout,
  o.created_at, o.run_at, o.scheduled_at, o.complete_on, o.result, o.traceback, o.attempt, o.worker, o.meta
from jobs._seen_open o
union all
select e.id, e.job_id, e.task, e.body, e.retries, e.max_retries, e.status, e.priority, e.timeout,
  e.created_at, e.run_at, e.scheduled_at, e.complete_on, e.result, e.traceback, e.attempt, e.worker, e.meta
from jobs._seen_ended e;
