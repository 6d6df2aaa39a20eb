-- What must hold before a migration changes anything. Runs first, by itself, every time; not a migration.
--
-- Schema jobs and everything in it must belong to the caller or a superuser: its functions run as the role
-- that installs them, and call each other by name, so a role that may create a function there acts as the
-- installing role. And before the first migration the schema must be empty, or contain only what the Python
-- package 0.2.1 created.
do $conditions$
declare
  v_schema oid := (select n.oid from pg_catalog.pg_namespace n where n.nspname = 'jobs');
  v_owner name := (select pg_catalog.pg_get_userbyid(n.nspowner) from pg_catalog.pg_namespace n where n.nspname = 'jobs');
  v_me text := pg_catalog.quote_ident(current_user);
  v_strangers text;
begin
  if pg_catalog.current_setting('server_encoding') <> 'UTF8' then
    raise sqlstate 'PT412' using
      message = pg_catalog.format('the database %I has the encoding %s, and pgjobs needs UTF8', pg_catalog.current_database(), pg_catalog.current_setting('server_encoding')),
      hint = 'create a database with `encoding ''UTF8'' template template0` and install pgjobs there';
  end if;
  if v_schema is null then
    if not pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') then
      raise sqlstate 'PT412' using
        message = pg_catalog.format('the role %I may not create the schema jobs in the database %I', current_user, pg_catalog.current_database()),
        hint = pg_catalog.format('whoever administers the database runs: create schema jobs authorization %s', v_me);
    end if;
    return;
  end if;
  if not pg_catalog.has_schema_privilege(v_schema, 'create') then
    raise sqlstate 'PT412' using
      message = pg_catalog.format('the role %I may not create anything in the schema jobs, which belongs to %I', current_user, v_owner),
      hint = pg_catalog.format('migrate as %I', v_owner);
  end if;

  -- Owners are in pg_shdepend, except the first superuser of a server, who is trusted.
  select pg_catalog.string_agg(pg_catalog.format('%s (of %I)', s.what, r.rolname), ', ' order by s.what) into v_strangers
  from (select v_owner as owner, 'the schema itself' as what
        union all
        select pg_catalog.pg_get_userbyid(o.refobjid), pg_catalog.pg_describe_object(d.classid, d.objid, 0)
        from pg_catalog.pg_depend d
        join pg_catalog.pg_shdepend o on o.classid = d.classid and o.objid = d.objid and o.deptype = 'o'
          and o.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
          and o.dbid = (select b.oid from pg_catalog.pg_database b where b.datname = pg_catalog.current_database())
        where d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass and d.refobjid = v_schema and d.deptype = 'n') s
  join pg_catalog.pg_roles r on r.rolname = s.owner
  where s.owner <> current_user and not r.rolsuper;
  if v_strangers is not null then
    raise sqlstate 'PT412' using
      message = pg_catalog.format('the role %I will not migrate what belongs to others in the schema jobs: %s', current_user, pg_catalog.left(v_strangers, 1000)),
      hint = pg_catalog.format('their owner could run statements as %s; migrate as the owner of the schema, or hand it over with `alter ... owner to %s`', v_me, v_me);
  end if;
  select pg_catalog.string_agg(distinct coalesce(r.rolname::text, 'public'), ', ') into v_strangers
  from pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a left join pg_catalog.pg_roles r on r.oid = a.grantee
  where n.oid = v_schema and a.privilege_type = 'CREATE' and a.grantee <> n.nspowner
    and r.rolname is distinct from current_user and r.rolsuper is not true;
  if v_strangers is not null then
    raise sqlstate 'PT412' using
      message = pg_catalog.format('others may create objects in the schema jobs: %s', v_strangers),
      hint = pg_catalog.format('they could run statements as %s: revoke create on schema jobs from %s', v_me, v_strangers);
  end if;

  if exists (select from pg_catalog.pg_class c where c.relnamespace = v_schema and c.relname = 'schema_migrations')
    and exists (select from pg_catalog.pg_class c where c.relnamespace = v_schema and c.relname = 'config')
    and exists (select from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
                where c.relnamespace = v_schema and c.relname = 'schema_migrations' and a.attname = 'checksum') then
    return;   -- pgjobs is installed
  end if;
  select pg_catalog.string_agg(pg_catalog.pg_describe_object(d.classid, d.objid, 0), ', ' order by d.classid, d.objid) into v_strangers
  from pg_catalog.pg_depend d
  left join pg_catalog.pg_class c on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and c.oid = d.objid
  left join pg_catalog.pg_type t on d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and t.oid = d.objid
  left join pg_catalog.pg_proc p on d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and p.oid = d.objid
  where d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass and d.refobjid = v_schema and d.deptype = 'n'
    and not (
      -- Objects of the Python package.
      (select pg_catalog.count(*) = 5 from pg_catalog.pg_attribute a join pg_catalog.pg_class o on o.oid = a.attrelid
       where o.relnamespace = v_schema and a.attnum > 0 and not a.attisdropped
         and (o.relname, a.attname) in (('migrations', 'migration'), ('job_queue', 'job_id'), ('job_queue', 'run_at'), ('job', 'job_id'), ('job', 'complete_on')))
      and coalesce(
        case when c.relkind in ('r', 'v', 'S', 'i') then c.relname in ('migrations', 'job_queue', 'job_queue_id_seq', 'job', 'expired', 'running', 'all', 'job_number')
             when c.relkind = 'c' then c.relname = 'bulk_job' end,
        t.typname in ('job_status', 'bulk_job'),
        p.proname in ('publish', 'publish_bulk', 'ack', 'nack', 'clean_timeout', 'consume'), false));
  if v_strangers is not null then
    raise sqlstate 'PT412' using
      message = pg_catalog.format('the schema jobs holds objects that are not of pgjobs: %s', pg_catalog.left(v_strangers, 1000)),
      hint = 'pgjobs needs this schema for itself: rename yours (alter schema jobs rename to ...), or use another database';
  end if;
end $conditions$;
