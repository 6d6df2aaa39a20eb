-- The log of runs: what a task logs while it runs, where its worker was told to keep that. The lines are
-- stored by jobs._store_progress (34_progress.sql), or with the outcome of the run (jobs.settle).

-- The lines that the runs of a job logged, in order: i_num of them (at most 10,000), after the one at
-- i_position (0: from the beginning; null: the last ones). The position of a line is its attempt times a
-- million plus its number in that run, so a reader that follows a job gives the last position that it has. A
-- run that logs more than its worker keeps ends with a line that says how many were dropped. Times are those
-- of the worker's clock. They are kept for history_days, counted from the day of the run. For those who may
-- read arguments of jobs: lines are what the program logs. A restricted role (85_topic_grants.sql) sees jobs
-- of the tasks that it may consume. Reads by index the days since the job was created, and locks nothing.
create or replace function jobs.job_log(i_job varchar, i_position bigint default 0, i_num integer default 1000) returns table (
  "position" bigint, attempt integer, at timestamptz, level text, target text, message text, fields jsonb
)
language plpgsql stable rows 10 security definer
set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
  perform jobs._check_limit('i_num', i_num);
  if pg_sequence_last_value('jobs.progress_made') is null then
    return;
  end if;
  return query execute format('select s.* from (
    select l.attempt * 1000000::bigint + l.number as position, l.attempt, (l.line ->> 0)::timestamptz, l.line ->> 1, l.line ->> 2, l.line ->> 3, nullif(l.line -> 4, ''null'')
    from (select p.attempt, p.line + e.n - 1 as number, e.line
          from (select p.attempt, p.line, p.lines, p.task from jobs.log p where p.job_id = $1 and p.attempt >= $2 / 1000000 and %s
                union all
                select h.attempt, 1, s.lines, h.task from jobs._history_of(array[$1::text], false) h, lateral jobs._said(h.said) s
                where h.said is not null and h.attempt >= $2 / 1000000) p,
            jsonb_array_elements(case jsonb_typeof(p.lines) when ''array'' then p.lines else ''[]'' end) with ordinality e(line, n)
          where jobs._is_under(p.task, $4)) l
    where l.attempt * 1000000::bigint + l.number > $2
    order by 1 %s limit $3) s order by 1', jobs._runs_since(array[i_job::text]), case when i_position is null then 'desc' else '' end)
  using i_job, coalesce(i_position, 0), least(coalesce(i_num, 1000), 10000), jobs._limits(false);
end $$;
