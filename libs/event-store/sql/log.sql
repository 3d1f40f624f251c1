-- The log itself: parts 1 to 3 of the schema, for PostgreSQL 18. setUpStore runs them once, as superuser; it has made
-- the roles before, for roles belong to a whole server and this schema to one database of it.
-- service.sql and gateway.sql are what each service keeps in a schema of its own.

-- ---------------------------------------------------------------------------------------------------------------
-- 1. Who may do what. Everything belongs to es_owner, and nobody logs in as es_owner. A service logs in under its own
-- role, reads its own partitions and appends through es.append, so no running program can change an event.

create schema es authorization es_owner;

set role es_owner;

-- ---------------------------------------------------------------------------------------------------------------
-- 2. What is stored. A context is one topic and the one service that owns it; every table has a partition per context.
-- Partitions, not row policies: a plain GRANT on a partition is a right that everybody can read.

create table es.context (
  context_no smallint primary key,
  name       text unique not null,                      -- 'migration' for the topic holdfast.migration
  owner      name unique not null                       -- the login role of the owning service
);

create table es.prefix (                                -- a stream's key is <prefix>-<id>
  prefix     text primary key,
  context_no smallint not null references es.context
);

create sequence es.stream_no;

create sequence es.gpos cache 1;                        -- a larger cache would let a later event get a smaller number

-- The head of a stream. Its row lock is the append lock, so the versions of a stream are dense.
create table es.stream (
  context_no    smallint not null,
  stream_no     bigint   not null default nextval('es.stream_no'),
  key           text     collate "C" not null check (octet_length(key) <= 200),
  partition_key text     collate "C" not null,          -- the Kafka record key, fixed at birth
  version       bigint   not null default 0
) partition by list (context_no);

-- json, not jsonb: what is sent again years later is byte for byte what was sent first.
create table es.event (
  context_no     smallint    not null,
  gpos           bigint      not null default nextval('es.gpos'),  -- order of sending; it never leaves the store
  stream_no      bigint      not null,
  version        bigint      not null,
  id             uuid        not null,
  at             timestamptz not null default clock_timestamp(),
  type           text        not null,
  schema_version smallint    not null,
  data           json        not null check (octet_length(data::text) <= 524288),
  meta           json        not null                   -- correlation, causation, trace, actor, command
) partition by list (context_no);

-- A row here means: Kafka has not acknowledged this event yet. Presence, not a position, so there is no gap to guess.
create table es.outbox (
  context_no smallint not null,
  gpos       bigint   not null
) partition by list (context_no);

-- The calls are generated from the topic registry in libs/contracts. The login role must exist. As es_owner:
--   call es.add_context(6::smallint, 'migration', 'holdfast_migrator', '{migration,migration-plan,migration-orders,inbox-migrator}');
create procedure es.add_context(no smallint, context text, login name, prefixes text[]) language plpgsql as $$
begin
  insert into es.context values (no, context, login);

  insert into es.prefix select unnest(prefixes), no;

  -- Room in each page lets a head be updated in place.
  execute format('create table es.%I partition of es.stream
    (primary key (stream_no), unique (key)) for values in (%s) with (fillfactor = 70)', 'stream_' || context, no);

  execute format('create table es.%I partition of es.event
    (primary key (gpos), unique (stream_no, version), unique (id)) for values in (%s)', 'event_' || context, no);

  -- Every row is deleted soon after it was written: vacuum early and without pauses.
  execute format('create table es.%I partition of es.outbox (primary key (gpos)) for values in (%s)
    with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0)', 'outbox_' || context, no);

  execute format('grant usage on schema es to %I', login);

  execute format('grant execute on function es.append, es.resend to %I', login);

  execute format('grant select on es.%I, es.%I, es.%I to %I',
    'stream_' || context, 'event_' || context, 'outbox_' || context, login);

  execute format('grant delete on es.%I to %I', 'outbox_' || context, login);
end $$;

-- ---------------------------------------------------------------------------------------------------------------
-- 3. Append: the only way in. One call carries any number of streams, each at most once, and their events in order.
-- Call it under READ COMMITTED: every statement below must see what was committed while it waited for a lock.

create type es.verdict as (
  entry     int,                                        -- the stream's place in the call
  stream_no bigint,                                     -- null: no such stream
  head      bigint,                                     -- its version before this call
  repeated  bigint,                                     -- where the entry's last event stands already, from an earlier call
  before    int,                                        -- how many of the call's events belong to earlier entries
  go        boolean                                     -- this stream, and every other of its unit, may be written
);

create function es.append(
  keys           text[],                                -- one per stream
  partition_keys text[],
  expected       bigint[],                              -- n: exactly; 0: must not exist; -1: must exist; null: any
  units          int[],                                 -- streams of the same number are written together or not at all
  ends           int[],                                 -- number of the stream's last event
  entries        int[],                                 -- one per event: the place of its stream
  ids            uuid[],
  types          text[],
  schema_versions smallint[],
  datas          json[],
  metas          json[]
)
returns table (outcome text, version bigint)            -- one per stream, in order: appended, repeated or conflict
language plpgsql security definer
set search_path = pg_catalog, pg_temp
-- Planning at every call would cost as much as a small append, so plans are generic and cached per connection. One made
-- while the tables were empty must not scan them whole when they are full, so only index lookups are left to choose.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  ctx      smallint := (select c.context_no from es.context c where c.owner = session_user);
  verdicts es.verdict[];
begin
  if exists (
    select from unnest(keys) k(key)
    where not exists (select from es.prefix p where p.context_no = ctx and starts_with(k.key, p.prefix || '-'))
  ) then
    raise exception 'NOT_OWNER' using errcode = 'HF001', detail = session_user || ' may not append to these streams';
  end if;

  -- Births and locks follow the order of keys, so two calls never wait for each other in a circle.
  insert into es.stream (context_no, key, partition_key)
  select ctx, c.key, c.partition_key
  from unnest(keys, partition_keys, expected) c(key, partition_key, expected)
  where coalesce(c.expected, 0) = 0
    and not exists (select from es.stream s where s.context_no = ctx and s.key = c.key)
  order by c.key
  on conflict do nothing;

  perform from es.stream s where s.context_no = ctx and s.key = any(keys) order by s.key for update;

  verdicts := array(
    select row(
      c.entry, s.stream_no, coalesce(s.version, 0), earlier.version, coalesce(ends[c.entry - 1], 0),
      bool_and(
        s.version is not null
        and earlier.version is null
        and (c.expected is null or c.expected = s.version or (c.expected = -1 and s.version > 0))
      ) over (partition by c.unit)
    )::es.verdict
    from unnest(keys, expected, units, ends) with ordinality c(key, expected, unit, last, entry)
    left join es.stream s on s.context_no = ctx and s.key = c.key
    left join es.event earlier on earlier.context_no = ctx and earlier.id = ids[c.last] and earlier.stream_no = s.stream_no
    order by c.entry
  );

  update es.stream s
  set version = v.head + ends[v.entry] - v.before
  from unnest(verdicts) v
  where v.go and s.context_no = ctx and s.stream_no = v.stream_no;

  with written as (
    insert into es.event (context_no, stream_no, version, id, type, schema_version, data, meta)
    select ctx, v.stream_no, v.head + e.n - v.before, e.id, e.type, e.schema_version, e.data, e.meta
    from unnest(entries, ids, types, schema_versions, datas, metas)
      with ordinality e(entry, id, type, schema_version, data, meta, n)
    cross join lateral (select (verdicts[e.entry]).*) v
    where v.go
    order by e.n                                        -- gpos rises with the version
    returning gpos
  )
  insert into es.outbox (context_no, gpos) select ctx, w.gpos from written w;

  -- A head born for a unit that may not be written was never born: no version 0, no partition key left behind.
  delete from es.stream s
  using unnest(verdicts) v
  where not v.go and s.context_no = ctx and s.stream_no = v.stream_no and s.version = 0;

  return query
  select
    case when v.repeated is not null then 'repeated' when v.go then 'appended' else 'conflict' end,
    coalesce(v.repeated, case when v.go then v.head + ends[v.entry] - v.before else v.head end)
  from unnest(verdicts) v
  order by v.entry;
end $$;

-- A consumer misses versions and asks: they become unsent again. How many are on their way now.
create function es.resend(stream_key text, from_version bigint, to_version bigint) returns bigint
language sql security definer
set search_path = pg_catalog, pg_temp
begin atomic
  with again as (
    insert into es.outbox (context_no, gpos)
    select e.context_no, e.gpos
    from es.context c
    join es.stream s on s.context_no = c.context_no and s.key = stream_key
    join es.event e on e.context_no = c.context_no and e.stream_no = s.stream_no
    where c.owner = session_user and e.version between from_version and to_version
    order by e.gpos
    limit 10000
    on conflict do nothing
    returning 1
  )
  select count(*) from again;
end;

-- Functions are everybody's unless one says otherwise; add_context grants them service by service.
revoke all on all routines in schema es from public;

reset role;
