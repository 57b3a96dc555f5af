-- What the shop may set (thresholds), and what it takes to fold only the customers whom new statistics or thresholds change.

-- Versions of the shop's thresholds; the defaults are in force before the first. Inputs to every fold.
create table thresholds (
    shop text not null,
    version integer not null,
    valid_from timestamptz not null,
    body jsonb not null,
    refold_after text,                  -- a rebuild met the version late: customers up to here are folded anew; null: done
    recorded_at timestamptz not null default now(),
    primary key (shop, version)         -- closes the race of two new versions
);

-- Shops of which statistics or thresholds changed: customers up to `after` have had their due times computed anew.
create table reschedulings (
    shop text primary key,              -- closes the race of two changes at once: one rescheduling does for both
    after text not null
);

-- The window over which the means were made: scores are measured over the same.
alter table shop_statistics add column window_months integer not null default 12;
-- Of all the above, as it was when stored: statistics cannot be computed anew, since more is known by then.
alter table shop_statistics add column digest text not null default '';

-- Statistics in the making: one row a portion of the shop's customers, those up to `upto`; gone when the month is stored.
create table statistics_portions (
    shop text not null,
    month date not null,
    upto text not null,
    gaps jsonb not null,                -- length in days -> how many
    buyers bigint not null,
    recency_sum bigint not null,
    frequency_sum bigint not null,
    monetary jsonb not null,            -- as in shop_statistics
    primary key (shop, month, upto)     -- closes the race of two processes counting one portion
);

-- Inputs of a month whose statistics are not stored yet; folded, and gone from here, when they are.
create table held_inputs (
    shop text not null,
    customer text not null,
    at timestamptz not null,
    source text not null,
    id text not null,
    body text not null,
    primary key (shop, customer, source, id) -- closes the race of two deliveries of one input
);
create index held_inputs_at on held_inputs (shop, at);
