-- The shop's rules of asking, and the orders that questions are folded from.

-- Versions of the shop's rules; the newest that was valid when an order was completed counts for it.
create table policies (
    shop text not null,
    version integer not null,
    valid_from timestamptz not null,
    policy jsonb not null,
    primary key (shop, version)         -- closes the race of two people saving the same next version
);

-- Every version and refund of a customer's orders: what the questions are folded from.
create table order_inputs (
    shop text not null,
    customer text not null,
    order_id text not null,
    cause text not null,                -- source#id of the event
    at timestamptz not null,
    rank smallint not null,             -- of the event's type, among inputs of one instant
    correlation_id text,
    refund boolean not null,            -- the body is a refund's, otherwise a version's
    body jsonb not null,                -- state, revision, currency, amounts and lines; no personal data
    primary key (shop, customer, order_id, cause)   -- closes the race of two deliveries of one event
);

-- What follows from them: each completed order, with its question.
create table completed_orders (
    shop text not null,
    customer text not null,
    order_id text not null,
    completed_at timestamptz not null,
    cause text not null,
    correlation_id text,
    due_at timestamptz,                 -- null where the shop asks nobody
    counts boolean not null,            -- it was neither closed nor refunded whole when its question fell due
    primary key (shop, customer, order_id)          -- closes the race of two processes that evaluate one order
);
create index completed_orders_first on completed_orders (shop, customer, completed_at, order_id collate "C") where counts;
