-- Pauses: topics whose jobs no claim takes. Nothing reads this table until the first pause is made.
create table jobs.pause (
  topic varchar collate "C" primary key,
  pattern text not null,               -- the topic as a LIKE pattern
  paused_at timestamptz not null,
  paused_by name not null,
  until timestamptz,                   -- when it ends by itself; null: with jobs.resume_topic
  note text
);

-- Has a value once a topic was paused or a limit was set: until then claims look for neither.
create sequence jobs.restrictions_made as bigint;
