-- 4. Once per service, in its own schema, owned by its own role: what it has heard, and what it has to do.

-- How far a consumer is in a stream. The event's id tells a repeated record from another history.
create table inbox_head (
  consumer text   collate "C",
  stream   text   collate "C",
  version  bigint not null,
  event_id uuid,
  told     bigint not null default 0,                   -- the highest version anybody told of
  state    text   not null default 'flowing' check (state in ('flowing', 'gap', 'blocked')),
  primary key (consumer, stream)
) with (fillfactor = 70);

create table inbox_parked (
  consumer      text   collate "C",
  stream        text   collate "C",
  version       bigint,
  topic         text   not null,
  partition_no  int    not null,
  record_offset bigint not null,
  headers       json   not null,
  value         bytea,
  code          text   not null,
  message       text   not null,
  attempts      int    not null default 0,
  parked_at     timestamptz not null default now(),
  primary key (consumer, stream, version)
);

create table timer (
  stream  text collate "C",
  name    text,
  due_at  timestamptz not null,
  command json not null,
  context json not null default '{}',                   -- of whoever set it: the story goes on when it is due
  primary key (stream, name)
);

create index on timer (due_at);

-- Written each 200 events. Only shortens a cold load; may be emptied at any time.
create table snapshot (
  stream  text   collate "C" primary key,
  version bigint not null,
  shape   text   not null,
  state   json   not null
);
