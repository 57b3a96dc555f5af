-- What every service's database holds beside its own tables.

-- The aggregate: one row a customer, locked by every writer; `state` is the service's fold of the customer's inputs.
create table customers (
    shop text not null,
    customer text not null,
    state jsonb,
    last_time timestamptz,              -- key of the last input folded: (time, rank, source, id)
    last_rank integer,
    last_source text,
    last_id text,
    done_until timestamptz,             -- latest due time that was acted on
    due_at timestamptz,                 -- earliest thing that falls due
    revision bigint not null default 0, -- facts announced about this customer
    primary key (shop, customer)        -- closes the race of two first events of one customer
) with (fillfactor = 70);
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

-- Every input of a customer, so that a late one can fold the customer again.
create table inputs (
    shop text not null,
    customer text not null,
    at timestamptz not null,
    rank integer not null,
    source text not null,
    id text not null,
    type text not null,
    body text not null,
    recorded_at timestamptz not null default now()
);
create index inputs_customer on inputs (shop, customer, at);

-- Claimed events; outlives every way in which a repeat can come.
create table inbox (
    shop text not null,
    source text not null,
    id text not null,
    hash bytea not null,                -- of the body before encryption: same id, other body is a dead letter
    recorded_at timestamptz not null default now(),
    primary key (shop, source, id)      -- closes the race of two deliveries of one event
);

-- Next offset to read; fences a zombie member and survives the loss of the group's offsets.
create table offsets (
    topic text not null,
    partition integer not null,
    next bigint not null,
    cluster text not null,
    primary key (topic, partition)
);

-- Facts to publish; columns are those of Debezium's outbox event router.
create table outbox (
    seq bigint generated always as identity primary key,
    id text not null,
    aggregatetype text not null,        -- topic
    aggregateid text not null,          -- Kafka key
    type text not null,
    shop text not null,
    payload text not null,
    recorded_at timestamptz not null default now(),
    published_at timestamptz,
    refused text                        -- why Kafka will never take it; such a row is kept and alarmed about
);
create index outbox_unpublished on outbox (seq) where published_at is null and refused is null;

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
    body bytea,
    recorded_at timestamptz not null default now(),
    resent_at timestamptz,
    unique (cluster, topic, partition, "offset") -- closes the race of two members finding the same culprit
);
create index dead_events_customer on dead_events (shop, customer) where body is not null;

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

-- The Kafka cluster this service publishes to; facts marked as published are in its log and in no other.
create table cluster (
    single boolean primary key default true check (single), -- closes the race of two first relays: one row
    id text not null
);
