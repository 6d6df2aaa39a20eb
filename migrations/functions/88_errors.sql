-- Errors of failed jobs, grouped: those that differ only in numbers, ids and quoted text are one group.

-- What a group of errors has in common, as a pattern that jobs.start_operation takes for i_error: the first
-- line of the error (of a Python traceback the last, which has the error), with * for numbers, ids and
-- quoted text.
create or replace function jobs._error_pattern(i_error text) returns text
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  v_line text := case when starts_with(i_error, 'Traceback (') then (regexp_match(left(rtrim(i_error), 100000), '[^' || chr(10) || ']*$'))[1]
                      else split_part(ltrim(left(i_error, 10000)), chr(10), 1) end;
  v_text text := btrim(left(v_line, 300));
begin
  v_text := regexp_replace(v_text, '"[^"]*("|$)', '"*"', 'g');
  v_text := regexp_replace(v_text, '`[^`]*(`|$)', '`*`', 'g');
  v_text := regexp_replace(v_text, '''[^'']*''', '''*''', 'g');
  v_text := regexp_replace(v_text, '[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|0x[0-9a-fA-F]+|[0-9a-f]*[0-9][0-9a-f]{11,}|[0-9]+([.,:_-][0-9]+)*', '*', 'g');
  return left(regexp_replace(v_text, '"[*]"$|`[*]`$', '*'), 200);
end $$;

-- The errors of failed jobs under a topic (null: any) that ended since i_since (null: a day ago), grouped
-- by task and by what the errors have in common, the largest groups first, at most i_limit. Looks at the
-- newest i_window jobs of any task that did not succeed, at most a million, in the order of their ids. `error` is a pattern that
-- jobs.start_operation takes for i_error; `first_at` and `last_at` are when the first and the last of them
-- ended, `example` is the last by id; `exact` is false when there are more jobs than were looked at. Errors
-- may have arguments in them, so this is for administrators; a restricted role that may call it sees its
-- tasks. PT400 for a negative number. Locks nothing.
create or replace function jobs.errors(i_topic text default null, i_since timestamptz default null, i_limit integer default 50, i_window integer default 100000)
returns table (task varchar, error text, jobs bigint, first_at timestamptz, last_at timestamptz, example varchar, exact boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_partition_pruning = on set jit = off as $$
declare
  v_some jsonb;
  v_found jsonb := jsonb_build_array();
  v_in_sight text := jobs._in_sight('h.task');
  v_week text;
  v_looked bigint;
  v_left bigint := least(i_window, 1000000);
begin
  perform jobs._check_limit('i_limit', i_limit), jobs._check_limit('i_window', i_window);
  for v_week in select w from jobs._weeks() w where v_left > 0 loop
    begin
      execute format('with looked as materialized (
          select f.fits, case when f.fits then h.task end as task, case when f.fits then left(h.traceback, 10000) end as error, h.job_id, h.complete_on
          from jobs.job h, lateral (select h.status = ''failed'' and h.task like $1%s as fits offset 0) f
          where h.status <> ''success'' and h.complete_on >= $2%s order by h.job_id desc limit $3
        ) select (select count(*) from looked), (
          select jsonb_agg(jsonb_build_array(g.task, g.error, g.jobs, g.first_at, g.last_at, g.example))
          from (select e.task, min(e.error) as error, count(*) as jobs, min(e.complete_on) as first_at, max(e.complete_on) as last_at, max(e.job_id) as example
                from looked e where e.fits group by e.task, translate(left(e.error, 300), ''0123456789'', ''0000000000'')) g)', v_in_sight, v_week)
      into v_looked, v_some using coalesce(jobs._pattern(i_topic), '%'), coalesce(i_since, jobs.now() - interval '1 day'), v_left;
      raise sqlstate 'PT000';
    exception when sqlstate 'PT000' then null;
    end;
    v_found := v_found || coalesce(v_some, '[]');
    v_left := v_left - v_looked;
    exit when v_left <= 0;
  end loop;
  return query
  select (f->>0)::varchar, jobs._error_pattern(f->>1), sum((f->>2)::bigint)::bigint, min((f->>3)::timestamptz), max((f->>4)::timestamptz), max((f->>5) collate "C")::varchar, v_left > 0
  from jsonb_array_elements(v_found) f group by 1, 2 order by 3 desc, 1, 2 limit i_limit;
end $$;
