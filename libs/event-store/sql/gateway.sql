-- 5. Once, by the gateway: every event in the order in which it learned of them, and what they made of each row.

create table feed (
  position       bigint primary key,                    -- 1, 2, 3 … without gaps: one projector, under an advisory lock
  known_at       timestamptz not null,                  -- never falls with rising position
  topic          text   not null,
  stream         text   collate "C" not null,
  version        bigint not null,
  id             uuid   not null,
  at             timestamptz not null,
  type           text   not null,
  schema_version smallint not null,
  data           json   not null,
  meta           json   not null,
  unique (stream, version)
);

create index on feed (known_at);

create table projection (
  name     text primary key,
  position bigint not null default 0                    -- folded up to here, in the same transaction as its rows
);
