-- Notes the objects that schema jobs has before a migration, in a setting of this transaction: what is
-- created after this gets its grants (functions/99_grants.sql), and what an administrator granted or revoked
-- on older objects stays. In a new installation nothing is noted, also beside the tables of the Python
-- package.
select pg_catalog.set_config('pgjobs.known_objects', case when pg_catalog.to_regclass('jobs.config') is not null then (
  select pg_catalog.string_agg(o.oid::text, ',')
  from (select p.oid from pg_catalog.pg_proc p where p.pronamespace = 'jobs'::pg_catalog.regnamespace
        union all
        select c.oid from pg_catalog.pg_class c where c.relnamespace = 'jobs'::pg_catalog.regnamespace) o) else '' end, true);
