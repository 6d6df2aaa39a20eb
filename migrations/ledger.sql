-- Checks jobs.schema_migrations when schema jobs exists. Runs after conditions.sql, every time; not a
-- migration.
-- KNOWN stands for the migrations of this version, each with the checksum of its file.
do $ledger$
declare
  v_newest bigint;
  v_lost text;
  v_failed text;
  v_other text;
begin
  if pg_catalog.to_regclass('jobs.config') is null or not exists (
    select from pg_catalog.pg_attribute a where a.attrelid = pg_catalog.to_regclass('jobs.schema_migrations') and a.attname = 'checksum') then
    return;   -- pgjobs is not installed
  end if;
  select coalesce(pg_catalog.max(m.version), 0) into v_newest from jobs.schema_migrations m;
  select pg_catalog.string_agg(k.version::text, ', ' order by k.version) into v_lost
  from (values KNOWN) k(version, checksum)
  where k.version <= greatest(v_newest, 1) and not exists (select from jobs.schema_migrations m where m.version = k.version);
  select pg_catalog.string_agg(m.version::text, ', ' order by m.version) filter (where not m.success),
    pg_catalog.string_agg(m.version::text, ', ' order by m.version) filter (where m.checksum <> k.checksum)
  into v_failed, v_other
  from jobs.schema_migrations m left join (values KNOWN) k(version, checksum) on k.version = m.version;
  if v_lost is not null then
    raise sqlstate 'PT412' using
      message = pg_catalog.format('schema jobs is there, but jobs.schema_migrations has no row of migration %s: what it lacks cannot be told', v_lost),
      hint = 'put the rows back as they were, from a backup or from the script that `pgjobs migrate --sql` prints (its inserts into that table)';
  elsif v_failed is not null then
    raise sqlstate 'PT412' using
      message = pg_catalog.format('jobs.schema_migrations says that migration %s did not succeed (success = false)', v_failed),
      hint = 'pgjobs records only what succeeded: find out who changed the row; if the schema is whole, set success = true again';
  elsif v_other is not null then
    raise sqlstate 'PT412' using
      message = pg_catalog.format('migration %s was applied here by another build of pgjobs: its checksum is not that of this program''s file', v_other),
      hint = 'use the release that made this schema or a later one; a schema of an unreleased build has to be made anew';
  end if;
end $ledger$;
