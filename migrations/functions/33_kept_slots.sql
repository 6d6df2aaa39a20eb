-- Pending jobs that limits know of: those that are blocked at a bucket, and those in order that keep their
-- slots until their next run (on_end.kept). What changes or ends such a job from outside has to leave its
-- limits right.

-- What follows from a job's end, without the slots that it has kept: for where it holds none any more.
-- Inlined.
create or replace function jobs._without_kept(i_on_end jobs.on_end) returns jobs.on_end
language sql immutable parallel safe
return case when (i_on_end).kept is null then i_on_end
  when (i_on_end).unique_name is not null or (i_on_end).node is not null or (i_on_end).steps
    then row((i_on_end).unique_name, (i_on_end).unique_key, (i_on_end).until_started, null, (i_on_end).node, (i_on_end).nth, (i_on_end).steps)::jobs.on_end end;

-- What follows from the end of a job that is published anew, as a job of its own: neither a node of a workflow nor
-- steps. Inlined.
create or replace function jobs._without_node(i_on_end jobs.on_end) returns jobs.on_end
language sql immutable parallel safe
return case when (i_on_end).unique_name is not null
  then row((i_on_end).unique_name, (i_on_end).unique_key, (i_on_end).until_started, null, null, null, null)::jobs.on_end end;

-- The place of a job that leaves its bucket: before every watermark, in its old order, as for jobs that are
-- released. Inlined.
create or replace function jobs._unblocked_seq(i_bucket bigint, i_ready_seq bigint) returns bigint
language sql immutable parallel safe
return case when i_bucket is not null and i_ready_seq > 0 then i_ready_seq - 4611686018427387904 else i_ready_seq end;

-- After the arguments of a pending job have changed, whose row the caller has locked: where they make another
-- key, gives back the slots that it has kept of the old one, and if it is blocked there, makes it ready. Then
-- it comes before others of its priority until a claim has looked at it. Where the key is the same, it keeps
-- its place.
create or replace function jobs._change_key(i_job text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_nestloop = on set jit = off as $$
declare
  v_job record;
  v_buckets bigint[];
begin
  select q.ctid as at, q.task, q.bucket, q.on_end into v_job from jobs.pending q where q.job_id = i_job and (q.bucket is not null or (q.on_end).kept is not null);
  if not found then
    return;
  end if;
  v_buckets := array(select jobs._bucket_id(a.limit_id, a.key) from jobs._asked(array[v_job.at], jobs._limits_of(array[v_job.task::text])) a);
  if v_job.bucket <> all (v_buckets) then
    update jobs.pending q set bucket = null, ready_seq = jobs._unblocked_seq(q.bucket, q.ready_seq) where q.job_id = i_job;
  end if;
  if (v_job.on_end).kept <@ v_buckets is false then
    perform jobs._give_back_kept(array[v_job.on_end]);
    update jobs.pending q set on_end = jobs._without_kept(q.on_end) where q.job_id = i_job;
  end if;
end $$;
