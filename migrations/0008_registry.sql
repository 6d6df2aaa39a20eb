-- The registry: what tasks there are, as the workers that have them declare.

-- The tasks of a JSON array, with the defaults of what is left out.
create function jobs._declared(i_tasks jsonb) returns table (
  name varchar, aliases text[], doc text, args_schema jsonb, result_schema jsonb, retries integer, timeout numeric,
  priority integer, keep text, params jsonb, open boolean, check_mode text
)
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select g.name, coalesce(g.aliases, '{}'), coalesce(g.doc, ''), g.args_schema, g.result_schema, g.retries, g.timeout,
    g.priority, coalesce(g.keep, 'all'), g.params, coalesce(g.open, false), coalesce(g."check", 'strict')
  from jsonb_to_recordset(i_tasks) g(name text, aliases text[], doc text, args_schema jsonb, result_schema jsonb, retries integer,
    timeout numeric(9, 2), priority integer, keep text, params jsonb, open boolean, "check" text)
$$;

-- Upserts tasks, given as a JSON array of {name, aliases, doc, args_schema, result_schema, retries,
-- timeout, priority, keep, params, open, check}. The last declaration of a task is the one in force; which
-- bodies may be published is kept of each (jobs.task_form). Without params its bodies are not checked.
-- Writes only what changed, so that a hundred workers that start at once with the same tasks leave one
-- version of each row.
create function jobs.register_tasks(i_tasks jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := jobs.now();
begin
  if exists (select from jobs.topic_grant) then
    i_tasks := jobs._declarable(i_tasks);
  end if;
  insert into jobs.task as t (name, aliases, doc, args_schema, result_schema, retries, timeout, priority, keep, params, open, check_mode, fits, declared_at)
  select d.*, jobs._compiled(d.args_schema, d.params, d.open), v_now
  from jobs._declared(i_tasks) d left join jobs.task o on o.name = d.name
  where (o.aliases, o.doc, o.args_schema, o.result_schema, o.retries, o.timeout, o.priority, o.keep, o.params, o.open, o.check_mode)
    is distinct from (d.aliases, d.doc, d.args_schema, d.result_schema, d.retries, d.timeout, d.priority, d.keep, d.params, d.open, d.check_mode)
  order by d.name
  on conflict (name) do update
  set aliases = excluded.aliases, doc = excluded.doc, args_schema = excluded.args_schema,
      result_schema = excluded.result_schema, retries = excluded.retries, timeout = excluded.timeout,
      priority = excluded.priority, keep = excluded.keep, params = excluded.params, open = excluded.open,
      check_mode = excluded.check_mode, fits = excluded.fits, declared_at = excluded.declared_at
  where (t.aliases, t.doc, t.args_schema, t.result_schema, t.retries, t.timeout, t.priority, t.keep, t.params, t.open, t.check_mode)
    is distinct from (excluded.aliases, excluded.doc, excluded.args_schema, excluded.result_schema, excluded.retries, excluded.timeout,
                      excluded.priority, excluded.keep, excluded.params, excluded.open, excluded.check_mode);
  if found then
    perform jobs._refresh_publish_checks();
  end if;
  perform jobs._remember_forms(i_tasks, v_now);
end $$;

-- Keeps which forms of these tasks were declared when, and forgets those of which no use is left.
create function jobs._remember_forms(i_tasks jsonb, i_now timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update jobs.task_form f set declared_at = i_now
  where f.ctid = any (array(
    select g.ctid from jobs._declared(i_tasks) d join jobs.task_form g on g.task = d.name
    where g.declared_at < i_now - interval '10 minutes' and (g.params, g.open, g.args_schema) is not distinct from (d.params, d.open, d.args_schema)
    for update of g skip locked));   -- whoever holds one writes the same
  insert into jobs.task_form (task, params, open, args_schema, declared_at)
  select d.name, d.params, d.open, d.args_schema, i_now
  from jobs._declared(i_tasks) d
  where not exists (select from jobs.task_form f
                    where f.task = d.name and (f.params, f.open, f.args_schema) is not distinct from (d.params, d.open, d.args_schema));
  if found then
    delete from jobs.task_form f where f.task in (select d.name from jobs._declared(i_tasks) d) and not jobs._is_in_use(f);
  end if;
end $$;

-- Whether a body in this form may still find a worker: it was declared within a day (a deployment, or its
-- undoing, is under way), or a worker lives that registered no later than it was last declared.
create function jobs._is_in_use(i_form jobs.task_form) returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select i_form.declared_at > jobs.now() - interval '1 day' or exists (
    select from jobs.worker w
    where w.lost_at is null and w.expires_at > jobs.now() and i_form.task = any (w.tasks)
      and w.started_at < i_form.declared_at + interval '11 minutes')
$$;

-- Writes down anew what publishing looks up; publishers meanwhile see what was there before. A task's own
-- name goes before the alias of another.
create function jobs._refresh_publish_checks() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  lock table jobs.publish_check in share row exclusive mode;
  delete from jobs.publish_check;
  insert into jobs.publish_check (name, task, mode, names, fits)
  select distinct on (n.name) n.name, t.name, case when t.params is null then 'off' else coalesce(t.check_mode_set, t.check_mode) end,
    case when not t.open then array(select p->>'name' from jsonb_array_elements(t.params) p) end, t.fits
  from jobs.task t, unnest(t.aliases || t.name::text) n(name)
  order by n.name, n.name <> t.name, t.name;
end $$;

-- Says whether bodies of a task are checked when they are published: `off`, `warn`, `strict`; null leaves it
-- to the worker's declaration again. In force for whoever publishes after this commits.
create function jobs.check_task(i_task varchar, i_mode text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if i_mode not in ('off', 'warn', 'strict') then
    raise sqlstate 'PT400' using message = 'a task is checked as off, warn or strict; null leaves it to its declaration';
  end if;
  update jobs.task t set check_mode_set = i_mode where t.name = i_task;
  if not found then
    raise sqlstate 'PT404' using message = 'no task of this name is declared', hint = 'jobs.tasks() lists them';
  end if;
  perform jobs._refresh_publish_checks();
end $$;
