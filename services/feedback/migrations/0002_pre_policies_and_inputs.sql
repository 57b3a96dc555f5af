-- The shop's rules of asking, and the completed orders that questions are folded from.

-- Versions of the shop's rules; the newest that was valid when an order was completed counts for it.
create table policies (
    shop text not null,
    version integer not null,
    valid_from timestamptz not null,
    policy jsonb not null,
    primary key (shop, version)         -- closes the race of two people saving the same next version
);

-- Every telling of a completed order: what `verify` folds the questions from.
create table completed_orders (
    shop text not null,
    customer text not null,
    cause text not null,                -- source#id of the event
    order_id text not null,
    completed_at timestamptz not null,
    correlation_id text,
    primary key (shop, customer, cause) -- closes the race of two deliveries of one event
);

-- Of the orders told before, the first of each customer is known. What was asked while its order was unknown bears
-- the survey's id for a cause.
insert into completed_orders (shop, customer, cause, order_id, completed_at, correlation_id)
select shop, customer, cause, order_id, completed_at, correlation_id from usage_questions where position('#' in cause) > 0;
