-- What segmentation holds beside the common tables: typed columns over a customer's state, and the shops' statistics.

-- The RFM score is an array in the order of attributes.rfm.rules.Score. Read by lists and reports. They have no indexes
-- on purpose: each would be written at every order of every customer, and a list walks the primary key and stops at its
-- page.
alter table customers
    add column stage text generated always as (state -> 'stage' ->> 'value') stored,
    add column life_cycle text generated always as (state -> 'life_cycle' ->> 'value') stored,
    add column rfm_cell text generated always as (state -> 'rfm' -> 'score' ->> 0) stored,
    add column rfm_class text generated always as (state -> 'rfm' -> 'score' ->> 1) stored,
    add column rfm_group text generated always as (state -> 'rfm' -> 'score' ->> 9) stored,
    add column lapsed text generated always as (state -> 'lapse' ->> 'episode') stored,
    add column churn_risk text generated always as (state -> 'churn_risk' ->> 'strength') stored,
    add column churn_reason text generated always as (state -> 'churn_reason' ->> 'reason') stored,
    add column first_day text collate "C" generated always as (state -> 'purchases' ->> 'first_day') stored,
    add column last_day text collate "C" generated always as (state -> 'purchases' ->> 'last_day') stored,
    add column completed_orders integer generated always as (coalesce(cast(state -> 'purchases' ->> 'completed' as integer), 0)) stored;

-- What statistics and reports read of the items, typed: a completed order with its refunds, or a refund of no order.
-- Written with the items; one narrow row each, so that the totals of a shop parse no JSON and join nothing.
create table sales (
    shop text not null,
    customer text not null,
    name text collate "C" not null,     -- the item's
    day date not null,                  -- of the shop
    gone date,                          -- since then the order counts for nothing
    currency text not null,
    orders smallint not null,           -- 1, or 0 for a refund
    paid bigint not null,               -- minor units, before refunds
    refunded bigint not null,           -- minor units, of an order at most what was paid
    primary key (shop, customer, name)  -- closes no race: its customer is locked
) with (fillfactor = 80);
-- The weeks of a report, of a shop with ten years of them; days rise, so it grows at its end.
create index sales_day on sales (shop, day);

-- Statistics of a shop as of 00:00 on the 1st of each month in its zone: computed once, announced, inputs to every fold.
create table shop_statistics (
    shop text not null,
    version integer not null,           -- number of the month: 12 * year + month - 1
    as_of timestamptz not null,
    body jsonb not null,                -- shop_statistics.state.ShopStatistics
    refold_after text,                  -- a rebuild met them late: customers up to here are folded anew; null: done
    recorded_at timestamptz not null default now(),
    primary key (shop, version)         -- closes the race of two processes computing one month
);

-- Statistics in the making: one row a portion of the shop's customers, those up to `upto`; gone when the month is stored.
create table statistics_portions (
    shop text not null,
    month date not null,
    upto text not null,
    gaps jsonb not null,                -- length in days -> how many
    buyers bigint not null,
    recency_sum bigint not null,
    frequency_sum bigint not null,
    monetary jsonb not null,            -- currency -> [sum in minor units, buyers]
    places jsonb not null,              -- of R, F and M: place -> buyers
    orders bigint not null default 0,   -- all of before the month
    late bigint not null default 0,     -- of late_orders: those that the first portion found, and so the count knows
    primary key (shop, month, upto)     -- closes the race of two processes counting one portion
);

-- Orders that were told after the statistics of a month, and completed before it: when they are many and no more come,
-- that month's statistics and fits are made anew. One row a shop and database connection, so that no two batches wait
-- for each other; what was noted before statistics were begun to be counted is gone with them.
create table late_orders (
    shop text not null,
    backend integer not null,           -- the connection's process in PostgreSQL
    orders bigint not null,
    first_at timestamptz not null,      -- when the first of them was folded
    last_at timestamptz not null,
    primary key (shop, backend)         -- closes no race: a connection has one transaction at a time
);

-- Models of lifetime value as of the instant of each month's statistics: fitted once, announced, read by predictions.
create table value_fits (
    shop text not null,
    version integer not null,           -- number of the month, as in shop_statistics
    as_of timestamptz not null,
    body jsonb not null,                -- lifetime_value.state.LifetimeFit
    valued text collate "C" default '', -- customers up to here have been valued by it; null: all
    recorded_at timestamptz not null default now(),
    primary key (shop, version)         -- closes the race of two processes fitting one month
);

-- What each buyer is worth by the newest fit, as of its month; no row without a fit of values. Counted anew each month
-- from what is known then, so it is no record.
create table customer_values (
    shop text not null,
    customer text not null,
    month date not null,
    value bigint not null,              -- minor units of the shop's currency
    grade smallint,                     -- 1 to 5, by fifths of the buyers
    alive real not null,                -- probability of not having left
    purchases real not null,            -- expected over the fit's horizon
    primary key (shop, customer)        -- closes no race: one process values a page, whose rows it replaces
);
create index customer_values_value on customer_values (shop, value desc, customer);

-- Models of churn, alike.
create table churn_fits (
    shop text not null,
    version integer not null,           -- number of the month, as in shop_statistics
    as_of timestamptz not null,
    body jsonb not null,                -- churn.state.ChurnFit
    recorded_at timestamptz not null default now(),
    primary key (shop, version)         -- closes the race of two processes fitting one month
);

-- Fits in the making: one row a portion of the shop's customers, those up to `upto`; gone when the fit is stored.
create table value_portions (
    shop text not null,
    month date not null,
    upto text not null,
    share integer not null,             -- one in so many buyers is sampled
    buyers bigint not null,
    repeat_buyers bigint not null,
    sample jsonb not null,              -- of each the days on which was bought: lifetime_value.rules.Day
    primary key (shop, month, upto)     -- closes the race of two processes sampling one portion
);

-- Versions of the shop's thresholds; the defaults are in force before the first. Inputs to every fold.
create table thresholds (
    shop text not null,
    version integer not null,
    valid_from timestamptz not null,
    body jsonb not null,
    withdrawn_at timestamptz,           -- before it came into force: it never does
    refold_after text,                  -- a rebuild met the version late: customers up to here are folded anew; null: done
    recorded_at timestamptz not null default now(),
    primary key (shop, version)         -- closes the race of two new versions
);

-- Shops of which statistics or thresholds changed: customers up to `after` have had their due times computed anew.
create table reschedulings (
    shop text primary key,              -- closes the race of two changes at once: one rescheduling does for both
    after text not null,
    since timestamptz not null default '1970-01-01 00:00+00' -- the earliest change: due times know all before it
);

-- How far a shop's customers have been counted by where they went from month to month; months are their first days.
-- Derived from sales: nothing of it is announced, and a rebuild counts anew.
create table monthly_flow_walks (
    shop text primary key,              -- closes the race of two processes that begin to count
    since date not null,                -- the first month that is counted
    counted date,                       -- the newest month of which everybody is counted; null: none
    upto date,                          -- the months after it up to this one are being counted; null: none is
    after text,                         -- of these months customers up to here have been counted
    due_at timestamptz                  -- the next walk does not begin before
);
-- Customers by life cycle (kind `life_cycle`) or RFM cell (`rfm`) at the start and the end of a month; '': no order
-- counts. Written by the walk, and where late news changes a sale of a month that is counted.
create table monthly_flows (
    shop text not null,
    kind text not null,
    month date not null,
    old text not null,
    new text not null,
    customers bigint not null,
    primary key (shop, kind, month, old, new) -- closes the race of two that add to one count
);

-- What customers did short of ordering, counted: sums, so that no order of arrival shows. The first sign of interest
-- stands in the history too; the rest is kept nowhere else.
create table activity (
    shop text not null,
    customer text not null,
    day date not null,                  -- of the shop
    kind text not null,                 -- type of the event
    category text not null,             -- of what it concerned, as the event says; '': not said
    count bigint not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    primary key (shop, customer, day, kind, category) -- closes the race of two batches that count for one customer
) with (fillfactor = 80);

-- Who is a member, as membership says: the other base of the repurchase rate (C-2).
create table members (
    shop text not null,
    customer text not null,
    enrolled_at timestamptz not null,
    primary key (shop, customer)        -- closes the race of two announcements of one enrolment
);

-- The tier of each member, as membership announced it last: a fact of segments, and a filter of the list of customers.
create table member_tiers (
    shop text not null,
    customer text not null,
    tier_id text not null,              -- what stays when a tier is renamed
    tier text not null,                 -- its name as announced
    revision bigint not null,           -- of the newest announcement
    primary key (shop, customer)        -- closes the race of two announcements of one member
);
-- The members of one tier in order of id: a list of a rare tier reads its members alone.
create index member_tiers_tier on member_tiers (shop, tier_id, customer);

-- Who came by another one's code, as membership judges: the newest round of a referral counts.
create table referrals (
    shop text not null,
    customer text not null,             -- the new one
    referral_id text not null,
    round integer not null,
    confirmed boolean not null,         -- false: found untrue again, in the same round
    primary key (shop, customer, referral_id) -- closes the race of two announcements of one referral
);

-- Versions of the goals that a shop sets itself; the newest of each counts.
create table goals (
    shop text not null,
    goal text not null,
    version integer not null,
    valid_from timestamptz not null,
    body jsonb not null,                -- goals.state.Goal
    primary key (shop, goal, version)   -- closes the race of two next versions
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

-- Tags that people gave or took away, each as it stands: the newest of a tag wins, whenever it comes.
create table tags (
    shop text not null,
    customer text not null,
    tag text not null,
    borne boolean not null,             -- false: taken away
    source text not null,
    at timestamptz not null,
    cause text collate "C" not null,    -- id of the event; of two at one instant the later id wins
    primary key (shop, customer, tag)   -- closes the race of two changes of one tag
) with (fillfactor = 80);
create index tags_by_name on tags (shop, tag, customer) where borne;

-- Versions of the segments that a shop defines; the newest of each counts.
create table segment_definitions (
    shop text not null,
    segment text not null,
    version integer not null,
    valid_from timestamptz not null,
    body jsonb not null,                -- segments.state.Definition
    compared text collate "C",          -- customers up to here have been compared with it; null: all, or it is not the newest
    primary key (shop, segment, version) -- closes the race of two next versions
);
create index segment_definitions_compared on segment_definitions (shop, segment) where compared is not null;

-- Who is in which segment, and was: one row a stay, kept for ever. Written under the customer's lock.
create table segment_stays (
    shop text not null,
    customer text not null,
    segment text not null,
    episode text not null,              -- names the stay
    entered_at timestamptz not null,
    entered_why text,
    left_at timestamptz,
    left_why text,
    primary key (shop, customer, segment, episode)
) with (fillfactor = 80);
-- Closes the race of two entries into one segment.
create unique index segment_stays_open on segment_stays (shop, segment, customer) where left_at is null;
create index segment_stays_entered on segment_stays (shop, segment, entered_at);
create index segment_stays_left on segment_stays (shop, segment, left_at) where left_at is not null;

-- Customers whose segments are to be looked at again: at once where something of theirs changed, or when a date turns a
-- condition. Written under the customer's lock, by shops with segments alone.
create table segment_dues (
    shop text not null,
    customer text not null,
    due_at timestamptz not null,
    changed boolean not null,           -- something of theirs changed; otherwise the date alone
    primary key (shop, customer)        -- closes no race: the customer is locked
) with (fillfactor = 80);
create index segment_dues_due on segment_dues (due_at, shop, customer);

-- What a shop says of its customers, without what is personal; by the highest revision.
create table profiles (
    shop text not null,
    customer text not null,
    revision bigint,                    -- null: orders alone tell of the customer
    gender text,
    region text,                        -- province or state
    city text,
    city_level text,                    -- profiles.rules.CityLevel; null: not known
    education text,
    credit_level text,
    source text,
    life_state text,                    -- derived of the address by orders-ingest
    born_from smallint,                 -- the first of five years of birth
    sent_state text,                    -- the life state by the address of the newest order that counts and tells one
    primary key (shop, customer)        -- closes the race of two versions of one profile
) with (fillfactor = 80);

-- How each completed order was bought, and what; by the order's highest revision. What it was worth stands in `sales`.
create table order_facts (
    shop text not null,
    customer text not null,
    order_id text collate "C" not null,
    revision bigint,                    -- null: its way alone is known
    day date,                           -- of the shop, on which it was placed; else on which it completed
    hour smallint,                      -- of the shop; null: the time of day is not known
    promoted boolean,                   -- a coupon, promotion or the like was used
    units integer,
    entry_path text,
    platform text,                      -- on which it was bought, as the shop writes it; null: the shop does not say
    lines jsonb,                        -- [sku, category, brand, quantity, paid in minor units, mark] each; null: none
    journey bigint,                     -- revision of the measured way; null: not measured
    silent boolean,                     -- without a chat
    decision_seconds integer,           -- from first view to order
    compared_items integer,
    reviews_viewed integer,
    life_state text,                    -- by the address; null: it tells none
    placed_at timestamptz,              -- of orders with a life state alone
    primary key (shop, customer, order_id) -- closes the race of two versions of one order
) with (fillfactor = 90);
create index order_facts_life_state on order_facts (shop, customer, placed_at, order_id) where life_state is not null;

-- Reviews and complaints, without their texts.
create table reviews (
    shop text not null,
    customer text not null,
    review_id text not null,
    day date not null,                  -- of the shop
    at timestamptz not null,
    stars smallint,
    photos smallint not null,
    primary key (shop, customer, review_id) -- closes the race of two deliveries of one review
);
create index reviews_day on reviews (shop, day);
create table complaints (
    shop text not null,
    customer text not null,
    ticket_id text not null,
    kind text not null,                 -- as feedback has them: complaint, quality, return …
    day date not null,                  -- of the shop, on which it was opened
    opened_at timestamptz not null,
    answered_at timestamptz,
    resolved_at timestamptz,
    rating smallint,                    -- stars for how it was handled
    revision bigint not null,
    primary key (shop, customer, ticket_id) -- closes the race of two states of one ticket; the highest revision stays
);
create index complaints_day on complaints (shop, day);

-- What texts of customers show of their buyer type, as feedback read them: a story, haggling, asking for praise.
create table signals (
    shop text not null,
    customer text not null,
    source text not null,               -- review, answer or ticket
    name text collate "C" not null,     -- of which one
    part text not null,                 -- the question of a survey, else empty
    day date not null,                  -- of the shop
    signals text[] not null,
    reader text not null,               -- version of the words that found them; the newest counts
    primary key (shop, customer, source, name, part) -- closes the race of two readings of one text
);

-- The buyer type of customers, and what shifts in their taste, as announced last; no row where nothing ever was. Kept in
-- shops with segments. Written under the customer's lock.
create table customer_types (
    shop text not null,
    customer text not null,
    type text,
    confidence text not null,
    primary key (shop, customer)        -- closes no race: the customer is locked
) with (fillfactor = 80);
create index customer_types_type on customer_types (shop, type, customer) where type is not null;
create table taste_shifts (
    shop text not null,
    customer text not null,
    rising text[] not null,             -- categories, those with most units first
    falling text[] not null,
    primary key (shop, customer)        -- closes no race: the customer is locked
) with (fillfactor = 80);
-- Shops whose customers are typed: all of them from an instant on, when what their types rest on is new.
create table typings (
    shop text primary key,              -- closes the race of two reasons at once: one walk does for both
    from_at timestamptz not null,
    after text                          -- customers up to here have been typed since; null: all
);

-- What recommendations rest on: the products that were sold in the last half year, and which are bought with which.
-- Counted anew each day from what is known then, so they are no record.
create table products (
    shop text not null,
    sku text not null,
    category text,
    brand text,
    orders integer not null,            -- of the baskets that were looked at
    recent integer not null,            -- of those of the last month
    price bigint,                       -- paid for one, the median, in minor units of the shop's currency
    is_new boolean not null,
    neighbours jsonb not null,          -- [sku, score] each, those that are bought with it most, the first first
    primary key (shop, sku)             -- closes no race: one process counts
);
create index products_recent on products (shop, recent desc, sku);
create table product_models (
    shop text primary key,              -- closes the race of two processes counting one shop
    day date not null,                  -- of the shop, on which it was counted
    baskets integer not null,
    first_at timestamptz not null,      -- when it was counted for the first time
    counted_at timestamptz not null,
    due_at timestamptz not null         -- when it is counted again, if no import ends before
);

-- Identifiers of customers who are one person after merges, the survivor's own among them; nobody else's. It repeats
-- `customers.merged_into`, flat, so that facts are read by person with one join. Written by merges.
create table people (
    shop text not null,
    customer text not null,
    person text not null,               -- the survivor
    primary key (shop, customer)        -- closes no race: everybody concerned is locked
);
create index people_person on people (shop, person);

-- Facts that stand under the identifier under which they came, by person: the rows of everybody whom no merge concerns,
-- and those of all identifiers of a person under the survivor's. A condition on shop and customer goes into both halves.
create view activity_of_people as
    select shop, customer, day, kind, category, count, first_at, last_at from activity t
    where not exists (select from people p where p.shop = t.shop and p.customer = t.customer)
    union all
    select p.shop, p.person, t.day, t.kind, t.category, t.count, t.first_at, t.last_at
    from people p join activity t on t.shop = p.shop and t.customer = p.customer;
create view reviews_of_people as
    select shop, customer, review_id, day, at, stars, photos from reviews t
    where not exists (select from people p where p.shop = t.shop and p.customer = t.customer)
    union all
    select p.shop, p.person, t.review_id, t.day, t.at, t.stars, t.photos
    from people p join reviews t on t.shop = p.shop and t.customer = p.customer;
create view complaints_of_people as
    select shop, customer, ticket_id, kind, day, opened_at, answered_at, resolved_at, rating from complaints t
    where not exists (select from people p where p.shop = t.shop and p.customer = t.customer)
    union all
    select p.shop, p.person, t.ticket_id, t.kind, t.day, t.opened_at, t.answered_at, t.resolved_at, t.rating
    from people p join complaints t on t.shop = p.shop and t.customer = p.customer;
create view signals_of_people as
    select shop, customer, source, name, part, day, signals from signals t
    where not exists (select from people p where p.shop = t.shop and p.customer = t.customer)
    union all
    select p.shop, p.person, t.source, t.name, t.part, t.day, t.signals
    from people p join signals t on t.shop = p.shop and t.customer = p.customer;
-- The survivor's profile; where the survivor has none, that of the first of the others by name. Where it tells no life
-- state, what the survivor's row says of the person's orders.
create view profiles_of_people as
    select shop, customer, gender, region, city, city_level, education, credit_level, source,
           coalesce(life_state, sent_state) as life_state, born_from
    from profiles t
    where not exists (select from people p where p.shop = t.shop and p.customer = t.customer)
    union all
    select said.shop, said.customer, gender, region, city, city_level, education, credit_level, source,
           coalesce(life_state, (
               select s.sent_state from profiles s where s.shop = said.shop and s.customer = said.customer
           )) as life_state, born_from
    from (
        select distinct on (p.shop, p.person) p.shop, p.person as customer, t.gender, t.region, t.city, t.city_level,
               t.education, t.credit_level, t.source, t.life_state, t.born_from
        from people p join profiles t on t.shop = p.shop and t.customer = p.customer
        order by p.shop, p.person, t.revision is null, p.customer <> p.person, p.customer
    ) said;
-- The tags that somebody bears; of all changes of a tag under a person's identifiers the newest counts.
create view borne_tags as
    select shop, customer, tag, source, at from tags t
    where borne and not exists (select from people p where p.shop = t.shop and p.customer = t.customer)
    union all
    select shop, customer, tag, source, at from (
        select distinct on (p.shop, p.person, t.tag) p.shop, p.person as customer, t.tag, t.borne, t.source, t.at
        from people p join tags t on t.shop = p.shop and t.customer = p.customer
        order by p.shop, p.person, t.tag, t.at desc, t.cause desc
    ) newest where borne;
-- How the orders of absorbed customers were bought, by person: their sales are the survivor's, and stand there.
create view absorbed_order_facts as
    select p.shop, p.person as customer, f.order_id, f.revision, f.day, f.hour, f.promoted, f.units, f.entry_path,
           f.platform, f.lines, f.silent, f.decision_seconds, f.compared_items, f.reviews_viewed, f.life_state,
           f.placed_at
    from people p join order_facts f on f.shop = p.shop and f.customer = p.customer
    where p.customer <> p.person;
-- Orders that count, with how they were bought.
create view counted_orders as
    select f.shop, f.customer, f.order_id, f.day, f.hour, f.promoted, f.units, f.entry_path, f.lines, f.silent,
           f.decision_seconds, f.compared_items, f.reviews_viewed, f.life_state, f.placed_at, s.currency, s.paid,
           s.refunded
    from order_facts f join sales s on s.shop = f.shop and s.customer = f.customer and s.name = 'order/' || f.order_id
    where s.gone is null and s.orders > 0 and f.revision is not null
    union all
    select f.shop, f.customer, f.order_id, f.day, f.hour, f.promoted, f.units, f.entry_path, f.lines, f.silent,
           f.decision_seconds, f.compared_items, f.reviews_viewed, f.life_state, f.placed_at, s.currency, s.paid,
           s.refunded
    from absorbed_order_facts f
    join sales s on s.shop = f.shop and s.customer = f.customer and s.name = 'order/' || f.order_id
    where s.gone is null and s.orders > 0 and f.revision is not null;
