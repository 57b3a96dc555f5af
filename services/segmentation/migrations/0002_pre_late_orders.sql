-- Orders that were told after the statistics of a month, and completed before it: when they are many and no more come,
-- that month's statistics and fits are made anew. One row a shop and database connection, so that no two batches wait
-- for each other; gone with the next statistics.
create table late_orders (
    shop text not null,
    backend integer not null,           -- the connection's process in PostgreSQL
    orders bigint not null,
    first_at timestamptz not null,      -- when the first of them was taken
    last_at timestamptz not null,
    primary key (shop, backend)         -- closes no race: a connection has one transaction at a time
);
alter table statistics_portions add column orders bigint not null default 0; -- all of before the month
