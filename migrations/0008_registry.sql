-- The registry: what tasks there are, as the workers that have them declare.

-- Upserts tasks, given as a JSON array of {name, aliases, doc, args_schema, result_schema, retries,
-- timeout, priority, keep}. Writes only what changed, so that a hundred workers that start at once with
-- the same tasks leave one version of each row.
create function jobs.register_tasks(i_tasks jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := jobs.now();
begin
  insert into jobs.task as t (name, aliases, doc, args_schema, result_schema, retries, timeout, priority, keep, declared_at)
  select g.name, coalesce(g.aliases, '{}'), coalesce(g.doc, ''), g.args_schema, g.result_schema, g.retries, g.timeout, g.priority, coalesce(g.keep, 'all'), v_now
  from jsonb_to_recordset(i_tasks)
    g(name text, aliases text[], doc text, args_schema jsonb, result_schema jsonb, retries integer, timeout numeric, priority integer, keep text)
  order by g.name
  on conflict (name) do update
  set aliases = excluded.aliases, doc = excluded.doc, args_schema = excluded.args_schema,
      result_schema = excluded.result_schema, retries = excluded.retries, timeout = excluded.timeout,
      priority = excluded.priority, keep = excluded.keep, declared_at = excluded.declared_at
  where (t.aliases, t.doc, t.args_schema, t.result_schema, t.retries, t.timeout, t.priority, t.keep)
    is distinct from (excluded.aliases, excluded.doc, excluded.args_schema, excluded.result_schema,
                      excluded.retries, excluded.timeout, excluded.priority, excluded.keep);
end $$;
