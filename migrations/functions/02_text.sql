-- Text for people: escaped, quoted, cut.

-- Escapes untrusted text for a message, which people read on terminals and in logs. Characters that are not
-- just visible, such as control characters and those that change the order of letters, are written as \u{1b},
-- as the command line does.
create or replace function jobs._escaped(i_text text) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select case when i_text !~ c.acts then i_text
    else (select string_agg(case when t.letter ~ c.acts then E'\\u{' || to_hex(ascii(t.letter)) || '}' else t.letter end, '' order by t.nth)
          from regexp_split_to_table(i_text, '') with ordinality t(letter, nth)) end
  from (select E'[\\u0001-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufdd0-\\ufdef\\ufeff\\uffa0\\ufff9-\\ufffb\\U000e0000-\\U000e0fff]' as acts) c
$$;

-- The same for a name: in quotes, and cut to the length that a name may have.
create or replace function jobs._shown(i_text text) returns text
language sql immutable parallel safe
return '''' || pg_catalog.replace(jobs._escaped(case when pg_catalog.length(i_text) > 200 then pg_catalog.left(i_text, 200) || '...' else i_text end), '''', '''''') || '''';

-- What is stored of an error, because it is sent with the job to its next consumer: at most 64 KiB, where a
-- character takes up to four bytes.
create or replace function jobs._short_error(i_error text) returns text
language sql immutable parallel safe
return case
  when pg_catalog.octet_length(i_error) <= 65536 then i_error
  when pg_catalog.octet_length(i_error) = pg_catalog.length(i_error) then pg_catalog.left(i_error, 65500) || ' ... (cut at 65500 characters)'
  else pg_catalog.left(i_error, 16375) || ' ... (cut at 16375 characters)' end;

-- Whether a text is a task name that publishing accepts.
create or replace function jobs._is_name(i_name text) returns boolean
language sql immutable parallel safe
return pg_catalog.length(i_name) between 1 and 200 and i_name !~ '[[:cntrl:]]';

-- Which of several jobs a message is about.
create or replace function jobs._which(i_at bigint, i_of integer) returns text
language sql immutable parallel safe
return case when i_of > 1 then pg_catalog.format('job %s of %s: ', i_at, i_of) else '' end;
