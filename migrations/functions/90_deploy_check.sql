-- Queries for a check before a new version of a program is deployed: which tasks have open jobs, with which
-- signatures they were declared, and what those jobs contain. Everything here reads by index, in small pages,
-- and locks nothing. Bodies are only for roles that may consume them: a restricted role sees only its tasks.

-- Tasks under these topics (null: all) that are declared or have open jobs. Counts at most i_cap rows of each
-- kind: unless `exact`, the counts are lower bounds. `others` counts the live workers with the task that have
-- none of the tasks i_known: workers of another program. `signatures` are those with which the task was
-- declared, the latest at the end.
create or replace function jobs.tasks_in_use(i_topics text[] default null, i_known text[] default '{}', i_cap integer default 100000) returns table (
  task varchar, ready bigint, scheduled bigint, running bigint, exact boolean, workers bigint, others bigint, signatures jsonb
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_patterns text[] := array(select jobs._pattern(t) from unnest(coalesce(i_topics, '{*}')) t);
begin
  perform jobs._check_limit('i_cap', i_cap);
  return query
  with scheduled as materialized (
    select s.task, count(*) as jobs
    from (select q.task from jobs.pending q where q.ready_seq is null order by q.scheduled_at limit i_cap) s group by s.task
  ), running as materialized (
    select s.task, count(*) as jobs from (select r.task from jobs._runs r limit i_cap) s group by s.task
  ), names as (
    select d.name from jobs.task d union select unnest(jobs._ready_tasks(null)) union select s.task from scheduled s union select r.task from running r
  ), held as materialized (   -- a row for each task of each live worker
    select distinct w.id, t.name from jobs.worker w, unnest(w.tasks) t(name) where w.lost_at is null and w.expires_at >= jobs.now()
  ), ours as materialized (
    select distinct h.id from held h join unnest(i_known) k(name) on k.name = h.name
  ), live as materialized (
    select h.name, count(*) as workers, count(*) filter (where o.id is null) as others from held h left join ours o on o.id = h.id group by h.name
  )
  select n.name, line.jobs, coalesce(s.jobs, 0), coalesce(r.jobs, 0),
    line.rows < i_cap and (select coalesce(sum(a.jobs), 0) from scheduled a) < i_cap and (select coalesce(sum(a.jobs), 0) from running a) < i_cap,
    coalesce(v.workers, 0), coalesce(v.others, 0), declared.signatures
  from names n
  join unnest(jobs._allowed(false, array(select a.name from names a))) allowed(name) on allowed.name = n.name
  left join live v on v.name = n.name
  left join scheduled s on s.task = n.name
  left join running r on r.task = n.name,
    lateral (select count(*) as rows, coalesce(sum(l.size), 0)::bigint as jobs
             from (select q.size from jobs.pending q where q.task = n.name and q.ready_seq is not null limit i_cap) l) line,
    lateral (select coalesce(jsonb_agg(jsonb_build_object('params', f.params, 'extra_kwargs', f.extra_kwargs, 'args_schema', f.args_schema) order by f.declared_at), '[]') as signatures
             from jobs.publish_check k join jobs.task_signature f on f.task = k.task where k.name = n.name) declared
  where n.name like any (v_patterns)
  order by n.name;
end $$;

-- Keys in the queue of a task from which to read it: its first, and others evenly spread over each rank,
-- i_num in all (at most 100,000) or one for each rank, and one from which i_each jobs are left.
create or replace function jobs.sample_keys(i_task varchar, i_num integer, i_each integer) returns table (rank bigint, seq bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_ranks bigint[] := array[]::bigint[];
  v_rank bigint := (
    select jobs._rank(q.priority, q.ready_seq, q.bucket) from jobs.pending q where q.task = i_task and q.ready_seq is not null
    order by jobs._rank(q.priority, q.ready_seq, q.bucket) limit 1);
  v_first bigint;
  v_last bigint;
  v_share integer;
begin
  perform jobs._check_topics(false, array[i_task::text]);
  perform jobs._check_limit('i_num', i_num);
  perform jobs._check_limit('i_each', i_each);
  while v_rank is not null and cardinality(v_ranks) < 1000 loop
    v_ranks := v_ranks || v_rank;
    v_rank := (
      select jobs._rank(q.priority, q.ready_seq, q.bucket) from jobs.pending q
      where q.task = i_task and q.ready_seq is not null and jobs._rank(q.priority, q.ready_seq, q.bucket) > v_rank
      order by jobs._rank(q.priority, q.ready_seq, q.bucket) limit 1);
  end loop;
  v_share := greatest(least(i_num, 100000) / greatest(cardinality(v_ranks), 1), 1);
  foreach v_rank in array v_ranks loop
    v_first := (select q.ready_seq from jobs.pending q
                where q.task = i_task and q.ready_seq is not null and jobs._rank(q.priority, q.ready_seq, q.bucket) = v_rank
                order by q.ready_seq limit 1);
    v_last := (select q.ready_seq from jobs.pending q
               where q.task = i_task and q.ready_seq is not null and jobs._rank(q.priority, q.ready_seq, q.bucket) = v_rank
               order by q.ready_seq desc limit 1);
    return query select v_rank, (v_first + (v_last - v_first)::numeric * g / v_share)::bigint from generate_series(0, v_share - 1) g;
  end loop;
  return query
  select t.rank, t.seq from (
    select l.*, sum(l.size) over (order by l.rank desc, l.seq desc) as left_over
    from (select jobs._rank(q.priority, q.ready_seq, q.bucket) as rank, q.ready_seq as seq, q.size from jobs.pending q
          where q.task = i_task and q.ready_seq is not null
          order by jobs._rank(q.priority, q.ready_seq, q.bucket) desc, q.ready_seq desc limit i_each) l) t
  where t.left_over - t.size < i_each order by t.left_over desc limit 1;
end $$;

-- Jobs in the queue of a task, from a key on (null: from its head): i_num, or a few more, since packed rows
-- are returned whole, and not many more than 4 MB of bodies as they are sent. The next page begins after the
-- last key of this one.
create or replace function jobs.read_ready(i_task varchar, i_rank bigint default null, i_seq bigint default null, i_num integer default 100) returns table (
  job_id varchar, body jsonb, rank bigint, seq bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_row record;
  v_jobs bigint := 0;
  v_bytes bigint := 0;
begin
  perform jobs._check_topics(false, array[i_task::text]);
  perform jobs._check_limit('i_num', i_num);
  for v_row in
    select q.job_id, q.body, q.jobs, q.size, jobs._rank(q.priority, q.ready_seq, q.bucket) as rank, q.ready_seq as seq
    from jobs.pending q
    where q.task = i_task and q.ready_seq is not null
      and (jobs._rank(q.priority, q.ready_seq, q.bucket), q.ready_seq) >= (coalesce(i_rank, -9223372036854775808), coalesce(i_seq, -9223372036854775808))
    order by jobs._rank(q.priority, q.ready_seq, q.bucket), q.ready_seq limit i_num
  loop
    exit when v_jobs >= i_num or v_bytes >= 4194304;
    rank := v_row.rank;
    seq := v_row.seq;
    for job_id, body in select v_row.job_id, v_row.body where v_row.size = 1 union all select u.job_id, u.body from unnest(v_row.jobs) u where v_row.size > 1 loop
      v_bytes := v_bytes + jobs._text_size(body) % 268435456;   -- a body that is too large to send is not sent
      return next;
    end loop;
    v_jobs := v_jobs + v_row.size;
  end loop;
end $$;

-- Up to i_num jobs of a task that are not ready: running ones, and ones scheduled for later, chosen evenly
-- among the i_cap soonest and the i_cap latest of all tasks.
create or replace function jobs.sample_not_ready(i_task varchar, i_num integer, i_cap integer default 10000) returns setof varchar
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  perform jobs._check_topics(false, array[i_task::text]);
  perform jobs._check_limit('i_num', i_num);
  perform jobs._check_limit('i_cap', i_cap);
  return query select r.job_id from jobs._runs r where r.task = i_task limit i_num;
  return query
  with scheduled as materialized (
    select s.job_id, row_number() over (order by s.scheduled_at, s.job_id) as at, count(*) over () as total
    from ((select q.job_id, q.task, q.scheduled_at from jobs.pending q where q.ready_seq is null order by q.scheduled_at limit i_cap)
          union
          (select q.job_id, q.task, q.scheduled_at from jobs.pending q where q.ready_seq is null order by q.scheduled_at desc limit i_cap)) s
    where s.task = i_task
  )
  select s.job_id from scheduled s where s.total <= i_num or s.at = 1 or s.at * i_num / s.total > (s.at - 1) * i_num / s.total
  order by s.at;
end $$;

-- The bodies of those of these jobs that have not ended, in this order and not many more than 4 MB of them as
-- they are sent: a caller that gets fewer asks again for those after the last.
create or replace function jobs.open_bodies(i_jobs text[]) returns table (job_id varchar, body jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  v_job text;
  v_bytes bigint := 0;
begin
  if cardinality(i_jobs) > 10000 then
    raise sqlstate 'PT413' using message = format('a call asks for at most 10000 bodies, this one for %s', cardinality(i_jobs)), hint = 'ask in several calls';
  end if;
  foreach v_job in array coalesce(i_jobs, '{}') loop
    exit when v_bytes >= 4194304;
    for job_id, body in
      select g.job_id, g.body from jobs.get(v_job) g where g.status in ('pending', 'running') and jobs._allowed(false, array[g.task::text]) <> '{}'
    loop
      v_bytes := v_bytes + jobs._text_size(body) % 268435456;   -- a body that is too large to send is not sent
      return next;
    end loop;
  end loop;
end $$;
