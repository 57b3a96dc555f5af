-- The growth ledger, and folding anew of all who were folded before growth was counted.

-- Every movement of growth value; append-only. The legs of one cause sum to zero.
create table growth_entries (
    shop text not null,
    customer text not null,
    account text not null,              -- `growth`: the member's; `granted`: the shop's side
    origin text not null,               -- what earned it: `order/<id>`, `review/<id>` ...; empty on `granted`
    amount bigint not null check (amount <> 0),
    cause text not null,                -- as in ledger_entries
    correction boolean not null,        -- a late input (the cause) made it
    occurred_at timestamptz not null,
    recorded_at timestamptz not null default now(),
    entry bigint generated always as identity,
    -- Closes, for ever, the race of anything that would count one cause twice.
    unique (shop, customer, account, origin, cause)
);
create trigger growth_entries_append_only before update or delete on growth_entries
    for each row execute function refuse_change();
create trigger growth_entries_not_truncated before truncate on growth_entries
    for each statement execute function refuse_change();

create function tally_growth() returns trigger language plpgsql as $$
begin
    insert into ledger_tallies as t (shop, customer, book, entries, checksum)
    select shop, customer, 'growth', count(*), sum(entry_hash(account, origin, amount, cause, correction, occurred_at))
    from added group by shop, customer order by shop, customer
    on conflict (shop, customer, book) do update
    set entries = t.entries + excluded.entries, checksum = t.checksum + excluded.checksum;
    return null;
end
$$;
create trigger growth_entries_tallied after insert on growth_entries referencing new table as added
    for each statement execute function tally_growth();

-- Shops whose customers are all to be folded anew because the rules themselves have changed; a row goes when it is done.
create table refolds (
    shop text not null,
    cause text not null,                -- names the change in the ledger; never used twice for a shop
    at timestamptz not null,            -- when what the change makes is dated
    after text not null default '',     -- customers up to here are done
    primary key (shop, cause)           -- closes the race of two upgrades at once
);
insert into refolds (shop, cause, at) select distinct shop, 'growth@0002', now() from customers;
