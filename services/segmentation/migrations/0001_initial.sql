-- What segmentation holds beside the common tables: typed columns over a customer's state, and the shops' statistics.

-- The RFM score is an array in the order of attributes.rfm.rules.Score. Read by lists and reports. They have no indexes
-- on purpose: each would be written at every order of every customer, and a list walks the primary key and stops at its
-- page.
alter table customers
    add column stage text generated always as (state -> 'stage' ->> 'value') stored,
    add column life_cycle text generated always as (state -> 'life_cycle' ->> 'value') stored,
    add column rfm_class text generated always as (state -> 'rfm' -> 'score' ->> 1) stored,
    add column lapsed text generated always as (state -> 'lapse' ->> 'episode') stored,
    add column completed_orders integer generated always as (coalesce(cast(state -> 'purchases' ->> 'completed' as integer), 0)) stored;

-- Statistics of a shop as of 00:00 on the 1st of each month in its zone: computed once, inputs to every fold.
-- Sums and counts, so that means are exact; `median_gap_doubled` is twice the median, in days.
create table shop_statistics (
    shop text not null,
    month date not null,
    as_of timestamptz not null,
    gaps bigint not null,
    median_gap_doubled integer,
    buyers bigint not null,
    recency_sum bigint not null,
    frequency_sum bigint not null,
    monetary jsonb not null,            -- currency -> [sum in minor units, buyers]
    recorded_at timestamptz not null default now(),
    primary key (shop, month)           -- closes the race of two processes computing one month
);

-- Who is a member, as membership says: the other base of the repurchase rate (C-2).
create table members (
    shop text not null,
    customer text not null,
    enrolled_at timestamptz not null,
    primary key (shop, customer)        -- closes the race of two announcements of one enrolment
);

-- Orders without a customer count in the shop's totals alone. `completed` is false once such an order was closed.
create table anonymous_orders (
    shop text not null,
    order_id text not null,
    at timestamptz not null,
    completed boolean not null,
    paid bigint not null,               -- minor units, before refunds
    currency text not null,
    revision bigint not null,
    primary key (shop, order_id)        -- closes the race of two versions of one order; the newest stays
);
create table anonymous_refunds (
    shop text not null,
    refund_id text not null,
    order_id text,
    amount bigint not null,             -- minor units
    currency text not null,
    primary key (shop, refund_id)       -- closes the race of two reports of one refund
);
