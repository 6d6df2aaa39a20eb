//! migrations/schema.sql is the schema as it is installed, for people to read.

use std::path::Path;

use pgjobs_tests::Db;

/// One row for each object, in the order of the file. Texts that differ between versions of PostgreSQL (views, bodies
/// of functions) are left out: they are in migrations/functions.
const OBJECTS: &str = r#"
select text from (
  select 1 as kind, c.relname as name, format(E'create sequence jobs.%s;\n', c.relname) as text
  from pg_class c where c.relnamespace = 'jobs'::regnamespace and c.relkind = 'S'
  union all
  select 2, t.typname, format(E'create type jobs.%s as enum (%s);\n', t.typname,
    (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid))
  from pg_type t where t.typnamespace = 'jobs'::regnamespace and t.typtype = 'e'
  union all
  select case c.relkind when 'c' then 3 when 'v' then 6 else 4 end, c.relname,
    case c.relkind when 'v' then format(E'-- view jobs.%s:\n%s\n', c.relname, k.list)
      else format(E'create %s jobs.%s %s(\n%s\n)%s;\n%s', case c.relkind when 'c' then 'type' else 'table' end, c.relname,
        case c.relkind when 'c' then 'as ' else '' end,
        concat_ws(E',\n', k.list, (
          select string_agg(format('  constraint %s %s', n.conname, pg_get_constraintdef(n.oid)), E',\n' order by n.contype desc, n.conname)
          from pg_constraint n where n.conrelid = c.oid and n.contype in ('p', 'u', 'c', 'f'))),
        case when c.relkind = 'p' then ' partition by ' || pg_get_partkeydef(c.oid) else '' end,
        coalesce((select string_agg(pg_get_indexdef(i.indexrelid) || E';\n', '' order by i.indexrelid::regclass::text)
                  from pg_index i where i.indrelid = c.oid and not i.indisprimary), '')) end
  from pg_class c,
    lateral (
      select string_agg(format('  %s%s', a.attname, case when c.relkind = 'v' then ' ' || format_type(a.atttypid, null) else
          format(' %s%s%s', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then ' not null' else '' end,
                 coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) end), E',\n' order by a.attnum) as list
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) k
  where c.relnamespace = 'jobs'::regnamespace and c.relkind in ('r', 'p', 'c', 'v') and not c.relispartition
  union all
  select case when p.proname ~ '^_' then 8 else 7 end, p.proname || p.oid::regprocedure,
    format('-- %s jobs.%s(%s)%s', case p.prokind when 'p' then 'procedure' else 'function' end, p.proname, pg_get_function_arguments(p.oid),
      coalesce(' returns ' || pg_get_function_result(p.oid), ''))
  from pg_proc p where p.pronamespace = 'jobs'::regnamespace
) s order by kind, name collate "C""#;

#[tokio::test]
async fn schema_sql_is_the_schema_as_installed() {
    let db = Db::new().await;
    let mut session = db.connect().await;
    sqlx::query("set search_path = pg_catalog").execute(&mut session).await.unwrap();
    let objects: Vec<String> = sqlx::query_scalar(OBJECTS).fetch_all(&mut session).await.unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/schema.sql");
    let recorded = std::fs::read_to_string(&file).unwrap();
    // The comment at its head is written by hand.
    let (head, _) = recorded.split_once("\n\n").unwrap();
    let schema = format!("{head}\n\n{}\n", objects.join("\n"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, &schema).unwrap();
    }
    let different = schema.lines().zip(recorded.lines()).find(|(now, then)| now != then);
    assert!(
        schema == std::fs::read_to_string(&file).unwrap(),
        "migrations/schema.sql is not the schema ({different:?}); write it anew with BLESS=1 cargo test --test it schema_file"
    );
}
