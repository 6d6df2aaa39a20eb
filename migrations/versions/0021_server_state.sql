-- What programs that use several servers have to know of this one. Nothing of pgjobs reads this table for itself.
create table jobs.server_state (
  only_row boolean primary key default true check (only_row),
  draining_since timestamptz not null,   -- there is a row only while the server is draining
  draining_by name not null,
  note text
);
