-- What every service's database holds beside its own tables.

-- The aggregate: one row a customer, locked by every writer; `state` is the service's fold of the customer's inputs.
create table customers (
    shop text not null,
    customer text not null,
    state json,                         -- as the fold wrote it: smaller than jsonb, and read whole
    last_time timestamptz,              -- key of the last input folded: (time, rank, source, id)
    last_rank integer,
    last_source text,
    last_id text,
    done_until timestamptz,             -- latest due time that was acted on
    due_at timestamptz,                 -- earliest thing that falls due
    revision bigint not null default 0, -- facts announced about this customer
    inputs integer not null default 0,  -- how many were folded: who has many is folded anew in turns
    merged_into text,                   -- who absorbed the customer, whose inputs are folded into theirs; null: nobody
    merge_revision bigint not null default 0, -- of the merge or its undoing that counts: the newest
    merged_at timestamptz,              -- when it was said
    once_merged boolean not null default false, -- was one person with another, or still is
    merged_state json,                  -- of an absorbed customer: the state that was announced last
    primary key (shop, customer)        -- closes the race of two first events of one customer
) with (fillfactor = 70);
create index customers_merged on customers (shop, merged_into) where merged_into is not null;
-- In the order of a sweep's page: at a month's end many are due at one instant, and none of them is to be sorted.
create index customers_due on customers (due_at, shop, customer) where due_at is not null;

-- Tasks of sweeps that failed, tried again at `retry_at`; whoever is set aside of a job is left out of its work list.
create table set_aside (
    shop text not null,
    customer text not null,
    job text not null,
    what text not null,                 -- tells tasks of one customer apart; often empty
    tries integer not null,
    retry_at timestamptz not null,
    detail text not null,               -- what failed and where, without personal data
    since timestamptz not null default now(),
    primary key (shop, customer, job, what) -- closes the race of two processes setting one task aside
);
create index set_aside_retry on set_aside (job, retry_at);

-- What a service folds, of each customer: it is claimed here, kept for ever, and folded anew when something comes late.
create table history (
    -- What has a fixed width first, so that nothing is padded between.
    key uuid primary key,               -- hash of (shop, source, id): closes the race of two deliveries of one event
    hash uuid not null,                 -- of the body before encryption: same id, other body is a dead letter
    at timestamptz not null,
    recorded_at timestamptz not null default now(),
    rank smallint not null,
    held boolean not null default false, -- claimed and not folded yet: something that it is judged by is not known
    postponed boolean not null default false, -- claimed, and folded when its customer is folded anew in turns
    shop text not null,
    customer text not null,             -- into whose state it is folded
    source text not null,
    id text not null,
    type text not null,
    fields text not null,               -- JSON: what the fold reads of the event, and nothing personal
    origin text,                        -- under whose identifier it came, where the customer has absorbed that one
    correlation text                    -- of what is held or postponed, to be passed on
);
create index history_customer on history (shop, customer, at);
create index history_held on history (shop, at, key) where held;
create index history_held_customer on history (shop, customer, at) where held;
create index history_postponed on history (shop, customer) where postponed;

-- Customers with many inputs, to be folded anew in turns: something of theirs is postponed, or a rule has changed.
create table long_histories (
    shop text not null,
    customer text not null,
    cause text,                         -- what has changed and when, as of a refold; null: late inputs alone
    at timestamptz,                     -- what that changes is dated so
    since timestamptz not null default now(),
    worker uuid,                        -- the process that is at it, until its lease ends
    leased_until timestamptz,
    primary key (shop, customer)        -- closes no race: who inserts or deletes has the customer locked
);

-- What a customer's state keeps in rows of its own, loaded where an input concerns it: orders, lots, redemptions.
create table items (
    shop text not null,
    customer text not null,
    name text collate "C" not null,     -- its kind and id, as in `order/1001`
    body text not null,                 -- JSON
    primary key (shop, customer, name)  -- closes no race: its customer is locked
) with (fillfactor = 90);

-- Claimed events that no history holds; a claim outlives every way in which a repeat can come (docs/operating.md).
create table inbox (
    key uuid primary key,               -- hash of (shop, source, id): closes the race of two deliveries of one event
    hash uuid not null,                 -- of the body before encryption: same id, other body is a dead letter
    recorded_at timestamptz not null default now()
);
create index inbox_recorded on inbox (recorded_at);

-- Claims recorded before this are gone.
create table forgotten (
    single boolean primary key default true check (single), -- closes the race of two first prunings: one row
    before timestamptz not null
);

-- Next offset to read; fences a zombie member and survives the loss of the group's offsets.
create table offsets (
    topic text not null,
    partition integer not null,
    next bigint not null,
    cluster text not null,
    primary key (topic, partition)
);

-- Whoever reads a topic anew from its start counts on the claims of all that it holds.
create function refuse_start() returns trigger language plpgsql as $$
begin
    if exists (select from forgotten) then
        raise exception 'claims of old events are gone, so the topics are not read again into this database: '
            'rebuild the service into an empty one';
    end if;
    return null;
end
$$;
create trigger offsets_kept before delete or truncate on offsets for each statement execute function refuse_start();

-- Facts to publish; columns are those of Debezium's outbox event router. A ring of partitions, one a day: one of which
-- all facts were published long enough ago is emptied before its day comes again (docs/decisions/0009).
create table outbox (
    seq bigint generated always as identity,
    slot smallint not null default (floor(extract(epoch from now()) / 86400)::bigint % 16),
    id text not null,
    aggregatetype text not null,        -- topic
    aggregateid text not null,          -- Kafka key
    type text not null,
    shop text not null,
    payload text not null,
    recorded_at timestamptz not null default now(),
    published_at timestamptz,
    refused text,                       -- why Kafka will never take it; such a row is kept and alarmed about
    primary key (seq, slot)             -- closes no race: `seq` is drawn
) partition by list (slot);
create index outbox_unpublished on outbox (seq) where published_at is null and refused is null;
-- The few facts that Kafka will never take, counted every few seconds: without this the whole outbox is read for it.
create index outbox_refused on outbox (seq) where refused is not null;
do $$
begin
    for slot in 0..15 loop
        execute format('create table outbox_%s partition of outbox for values in (%s)', slot, slot);
    end loop;
end
$$;

-- Facts that are being sent again, in order, before any new one: those from `first` to `upto`, of which up to `done` are.
create table republishing (
    single boolean primary key default true check (single), -- closes the race of two commands: one row
    first bigint not null,
    done bigint not null,
    upto bigint not null
);

-- Says that this database is being filled from the topics: nothing goes out of it before the row goes.
create table rebuilding (
    single boolean primary key default true check (single), -- closes the race of two beginnings: one row
    began_at timestamptz not null default now(),
    worker uuid not null                -- the process that is at it; who finds another one here stops
);

-- Up to where a rebuild reads each partition, and how far what stands on the service's own topics was noted.
create table rebuilding_until (
    topic text not null,
    partition integer not null,
    until bigint not null,              -- the first offset that is not read
    announced bigint not null default 0,     -- of an own topic: facts before this offset are in `announced_facts`
    primary key (topic, partition)      -- closes the race of two notes of one end
);

-- What is announced during a rebuild, until it shows whether it stands on the topic already: of facts with a revision the
-- last of each type, of others each.
create table rebuilt_facts (
    topic text not null,
    key text not null,                  -- Kafka's
    standing text not null,             -- its type, or what types are one: the last of them counts
    name text not null,                 -- the fact's id where it has no revision, so that each counts by itself
    shop text not null,
    seq bigint generated always as identity,
    payload text not null,
    primary key (topic, key, standing, name) -- closes no race: the customer is locked
);
create index rebuilt_facts_apart on rebuilt_facts (seq) where name <> '';

-- What the service's own topic says last, of facts with a revision: of each customer and type.
create table announced_facts (
    key text not null,                  -- Kafka's
    standing text not null,
    revision bigint not null,
    said uuid not null,                 -- hash of what the fact says to be so
    primary key (key, standing)         -- closes no race: one process rebuilds
);

-- Of events that a sampled trace led to, while spans are made: what comes of them later goes on with the trace.
create table traces (
    key uuid primary key,               -- hash of (shop, id): closes the race of two readings of one event
    traceparent text not null,
    recorded_at timestamptz not null default now()
);
create index traces_recorded on traces (recorded_at);

-- What could not be read or handled; the body is encrypted.
create table dead_events (
    dead_id bigint generated always as identity primary key,
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    cluster text not null,              -- offsets of another Kafka cluster are other records
    shop text,
    customer text,                      -- whose body goes with their erasure
    source text,
    event_id text,
    type text,
    slug text not null,
    detail text not null,
    body bytea,                         -- null: the customer was erased, or it was sent again long ago
    recorded_at timestamptz not null default now(),
    resent_at timestamptz,
    unique (cluster, topic, partition, "offset") -- closes the race of two members finding the same culprit
);
create index dead_events_customer on dead_events (shop, customer) where body is not null;
create index dead_events_shop on dead_events (shop, dead_id);
create index dead_events_resent on dead_events (resent_at) where body is not null;
-- With which master key it is encrypted (common.crypto.sealed: the same expression).
create index dead_events_sealed on dead_events (substring(encode(substring(body from 1 for 37), 'escape') from '^[^:]*:[^:]*')) where body is not null;

-- Customers' data keys, wrapped by the master key; an erased marker is permanent.
create table customer_keys (
    shop text not null,
    customer text not null,
    key_id text,
    wrapped text,
    erased_at timestamptz,
    primary key (shop, customer)        -- closes the race of two keys for one customer
);

create table api_keys (
    prefix text primary key,            -- closes the race of two keys drawn with one prefix
    hash bytea not null,
    shop text not null,
    scopes text[] not null,
    name text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

-- Versions of a shop's name, zone and currency; the earliest holds for all time before it too.
create table shop_settings (
    shop text not null,
    version integer not null,
    valid_from timestamptz not null,
    body jsonb not null,
    refold_after text,                  -- customers after this one are still to be folded by it; null: nobody is
    primary key (shop, version)         -- closes the race of two next versions
);
create index shop_settings_refolds on shop_settings (shop, version) where refold_after is not null;

-- Imports of shops' files: under way from the latest start until the latest end.
create table imports_under_way (
    shop text not null,
    job_id text not null,
    started_at timestamptz,
    ended_at timestamptz,
    primary key (shop, job_id)          -- closes the race of two processes that read the topic
);

-- Switches of the service's own, per shop.
create table settings (
    shop text not null,
    key text not null,
    value jsonb not null,
    primary key (shop, key)
);

-- The set clock of a replay; a row here moves forward, never back.
create table clock (
    single boolean primary key default true check (single), -- closes the race of two first settings: one row
    now timestamptz not null
);

-- By what a process knows whether its master key is the one with which this database's texts are sealed.
create table master_key (
    single boolean primary key default true check (single), -- closes the race of two first starts: one row
    mark bytea not null                 -- derived from the key, which cannot be computed back from it
);

-- The Kafka cluster this service publishes to; facts marked as published are in its log and in no other.
create table cluster (
    single boolean primary key default true check (single), -- closes the race of two first relays: one row
    id text not null
);
