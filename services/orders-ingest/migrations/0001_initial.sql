-- What was published of orders without a customer, encrypted: the customer who claims one gets it again.
create table archive (
    shop text not null,
    order_id text not null,
    source text not null,
    id text not null,
    at timestamptz not null,            -- when it happened
    body bytea not null
);
create index archive_order on archive (shop, order_id);

-- Each order as it stands by its newest version: the greatest (revision, state_number, source, event_id). The row is
-- made before anything about the order is decided, so that all that concerns it locks it first: also a refund that
-- came before its order, whose row then has no revision yet.
create table orders (
    shop text not null,
    order_id text not null,
    customer text not null,             -- '' where none is known
    revision bigint,                    -- null: no version came yet
    state_number smallint,
    source text,
    event_id text,
    numbered boolean,                   -- ranked by the shop's own version numbers
    state text,
    currency text,
    goods_paid bigint,                  -- minor units
    freight bigint,
    at timestamptz,                     -- of the version
    body json,                          -- the order's data, personal fields sealed; read whole, so kept as written
    reached smallint not null default 0, -- the states in which it was told, a bit each: told again it is a correction
    paid_told_at timestamptz,           -- earliest `time` of a version in the state; of what names its times in fields
    shipped_told_at timestamptz,        -- (paid_at, shipped_at, delivered_at) these go first
    delivered_told_at timestamptz,
    promised_by timestamptz,            -- of the newest version that promises a delivery, by (revision, state, time)
    promised_revision bigint,
    promised_state smallint,
    due_at timestamptz,                 -- when something of it falls due: promise, reminder, completion by itself
    primary key (shop, order_id)        -- closes the race of two first versions of one order: it has one owner
) with (fillfactor = 80);
create index orders_due on orders (due_at) where due_at is not null;
create index orders_customer on orders (shop, customer) where customer <> '';

-- The number of each completed order among its customer's, given once and never changed, also when the order is closed.
create table completed_orders (
    shop text not null,
    order_id text not null,
    customer text not null,             -- under whom it was numbered
    sequence bigint not null check (sequence > 0),
    primary key (shop, order_id),       -- closes the race of two completed versions of one order: it has one number
    unique (shop, customer, sequence)   -- closes the race of two orders of one customer: no two have the same
);

-- Merges of customers and their undoings, as they were announced: of each absorbed customer the newest counts, which
-- stands in `customers`.
create table merges (
    number bigint generated always as identity, -- by which they are listed
    shop text not null,
    absorbed text not null,
    sequence bigint not null,
    survivor text not null,
    undone boolean not null,            -- it says that the merge never was
    at timestamptz not null,
    primary key (shop, absorbed, sequence) -- closes the race of two merges that absorb one customer
);
create index merges_number on merges (shop, number);
-- As it is exported (docs/decisions/0030): of the identifier that was absorbed, which is one with the survivor.
create view merges_of_customers as
    select shop, absorbed as customer, sequence, survivor, undone, at from merges;
comment on view merges_of_customers is 'key: sequence';

-- Who stands for an absorbed customer: the end of the chain.
create function survivor_of(of_shop text, of_customer text) returns text language sql stable as $$
    with recursive chain as (
        select c.customer, c.merged_into from customers c where c.shop = of_shop and c.customer = of_customer
        union
        select c.customer, c.merged_into
        from chain a join customers c on c.shop = of_shop and c.customer = a.merged_into
    )
    select customer from chain where merged_into is null
$$;

-- Each refund, by its own id, whichever event brings it. One whose order is not known yet waits (held); one that its
-- order, when it came, did not fit is set aside and shown. Neither was published.
create table refunds (
    shop text not null,
    refund_id text not null,
    state text not null check (state in ('counted', 'held', 'set_aside')),
    customer text not null,             -- the order's; of one that is not counted: whom it names; '' where nobody
    order_id text,                      -- null where none could be matched
    amount bigint not null,             -- of goods, minor units
    freight bigint not null,
    currency text not null,
    at timestamptz not null,
    slug text,                          -- why it was set aside
    source text not null,
    event_id text not null,
    body bytea,                         -- of one that is not counted: as it came, encrypted
    said text,                          -- of one that counts, JSON: by what is judged whether its order came back whole
    primary key (shop, refund_id)       -- closes the race of one refund brought by two events
);
create index refunds_order on refunds (shop, order_id) where order_id is not null;
create index refunds_waiting on refunds (shop, state, refund_id) where state <> 'counted';

-- Events of refunds that waited, or were set aside, when another event brought the refund anew: their claims stay.
create table replaced_refunds (
    shop text not null,
    source text not null,
    event_id text not null,
    primary key (shop, source, event_id) -- closes the race of two repetitions of one replacement
);

-- Each customer's profile as it stands, personal fields sealed; the highest revision counts.
create table profiles (
    shop text not null,
    customer text not null,
    revision bigint not null,
    numbered boolean not null,          -- ranked by the shop's own version numbers
    registered_at timestamptz not null, -- earliest time at which the customer was known
    changed_at timestamptz not null,    -- of the newest version
    body jsonb not null,
    primary key (shop, customer)        -- closes the race of two registrations
) with (fillfactor = 80);

-- The newest consent that came, for each channel and purpose; what is effective is messaging's to say.
create table consents (
    shop text not null,
    customer text not null,
    channel text not null,
    purpose text not null,
    granted boolean not null,
    at timestamptz not null,
    source text,
    primary key (shop, customer, channel, purpose) -- closes the race of two consents of one channel
);

create table import_jobs (
    shop text not null,
    job_id text not null,
    layout text not null,
    name text not null,                 -- of the source: /shops/<shop>/import/<name>
    state text not null check (state in ('reading', 'staged', 'running', 'done', 'failed')),
    detail text,
    upload_id text,                     -- of a file that was sent in parts
    size bigint,                        -- of that file, bytes
    read bigint,                        -- of these
    copied bigint not null default 0,   -- lines of what its reader writes that are stored; reading goes on behind them
    copied_hash bytea,                  -- of these lines: another version of the reader begins anew
    under_way boolean not null default false, -- its start was announced, and no end since
    staged bigint not null default 0,   -- events to take
    accepted bigint not null default 0,
    duplicates bigint not null default 0,
    refused bigint not null default 0,
    findings jsonb not null,            -- what was counted and shown while reading the file
    asked jsonb not null,               -- how it was read: currency, zone, decimals, columns; and its heading
    mends text,                         -- the job whose refused lines it brings again
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    primary key (shop, job_id)
);
create index import_jobs_open on import_jobs (created_at) where state in ('reading', 'staged', 'running');

-- Events of staged files that were not taken yet; taken in order of (at, line) once the clock has passed `at`.
create table import_rows (
    shop text not null,
    job_id text not null,
    at timestamptz not null,
    line bigint not null,
    part integer not null,              -- several refunds of one cancelled line
    original bytea not null,            -- hash of what the file says, by which a repeat is recognised
    body bytea not null,                -- encrypted
    primary key (shop, job_id, at, line, part) -- closes the race of two runners staging one file
);
create index import_rows_at on import_rows (at);

-- Files that are sent in parts, under an id of the caller's.
create table import_uploads (
    shop text not null,
    upload_id text not null,
    size bigint not null,               -- of the whole file, bytes
    job_id text,                        -- the import that reads it, or has read it
    created_at timestamptz not null default now(),
    used_at timestamptz not null default now(), -- parts go when nobody has sent one for some days
    primary key (shop, upload_id)
);
create index import_uploads_used on import_uploads (used_at);

-- Their parts, of one size but the last; gone when the file was read.
create table import_parts (
    shop text not null,
    upload_id text not null,
    number integer not null,            -- from 1
    hash bytea not null,                -- of the part: the same again changes nothing, another one is refused
    body bytea not null,                -- encrypted
    primary key (shop, upload_id, number) -- closes the race of two senders of one part
);
-- What is encrypted cannot be compressed.
alter table import_parts alter column body set storage external;

-- Lines and events of files that could not be taken, with the reason: quarantine, nothing is lost.
create table import_refusals (
    shop text not null,
    job_id text not null,
    line bigint not null,
    slug text not null,
    detail text not null,
    text bytea not null,                -- the line as it was, or the event made of it; encrypted
    record bigint not null default 0,   -- by which the line's events are named; 0: `text` is an event
    of_record bigint not null default 0, -- the first line of its order, with which it is mended; 0: it stands alone
    number bigint generated always as identity -- a line may be refused several times; pages end at a number
);
create unique index import_refusals_job on import_refusals (shop, job_id, number);
create index import_refusals_number on import_refusals (shop, number); -- all of a shop's are looked through for an erasure

-- What an order has several of (special requests, parcels, words of the carrier, returns, exchanges, reshipments; and
-- what was announced of it when it fell due), each by its newest stage.
create table order_details (
    shop text not null,
    order_id text not null,
    type text not null,                 -- of the event
    name text not null,                 -- within the order and type
    told smallint not null,             -- the stages in which it was told, a bit each: each is announced once
    stage smallint not null,
    at timestamptz not null,
    source text not null,
    event_id text not null,
    body json not null,                 -- as published, personal fields sealed; read whole, so kept as written
    primary key (shop, order_id, type, name) -- closes the race of two tellings of one detail
);
create index order_details_open on order_details (shop, type, order_id, name)
    where stage = 0 and type in ('order.special_request', 'order.returned');
-- As they are exported: of the customer whose order it is.
create view details_of_orders as
    select o.shop, o.customer, d.order_id, d.type, d.name, d.told, d.stage, d.at, d.source, d.event_id, d.body
    from orders o join order_details d on d.shop = o.shop and d.order_id = o.order_id
    where o.customer <> '';
comment on view details_of_orders is 'key: order_id, type, name';

-- The shop's products as they stand by their newest versions: the greatest (revision, source, event_id).
create table products (
    shop text not null,
    sku text not null,
    revision bigint not null,
    numbered boolean not null,          -- ranked by the shop's own version numbers
    source text not null,
    event_id text not null,
    at timestamptz not null,            -- of the version
    body json not null,                 -- the product's data; read whole, so kept as written
    lacks smallint not null,            -- how many of the needed fields are missing
    missing text not null,              -- their names, with spaces between
    primary key (shop, sku)             -- closes the race of two first versions of one product
);
create index products_incomplete on products (shop, sku) where lacks > 0;

-- Visits of the shop within an hour; the count of the highest (revision, said_by, event_id) stands.
create table visits (
    shop text not null,
    hour timestamptz not null,          -- its start
    source text not null,               -- of the traffic, in the shop's own words; '' where it is not said
    counted_by text not null,           -- shop, or views: made here
    visits bigint not null,
    revision bigint not null,
    said_by text not null,              -- source of the event
    event_id text not null,
    primary key (shop, hour, source, counted_by) -- closes the race of two first counts of an hour
);

-- Signs of interest (views, views of panels, chats) of the last days, by customer and day in UTC: commutative, so each
-- is added to its day in whatever order it comes.
create table behaviour_days (
    shop text not null,
    customer text not null,
    day date not null,
    signs jsonb not null,               -- array of [milliseconds since 1970, kind, SKU or order, seconds]
    primary key (shop, customer, day)   -- closes the race of two first signs of a day
) with (fillfactor = 80);
create index behaviour_days_day on behaviour_days (day);

-- The way to each order that came within those days, as it was measured and announced last.
create table journeys (
    shop text not null,
    order_id text not null,
    customer text not null,
    placed_at timestamptz not null,
    revision bigint not null default 0, -- 0: not measured yet
    silent boolean,
    decision_seconds bigint,
    compared_items integer,
    reviews_viewed integer,
    chats integer,
    chat_seconds integer,
    due_at timestamptz,                 -- when it is to be measured (again)
    primary key (shop, order_id)        -- closes the race of two first versions of one order
);
create index journeys_due on journeys (due_at) where due_at is not null;
create index journeys_customer on journeys (shop, customer, placed_at);

-- What customers are recognised by, as their profiles stand: keyed hashes of e-mails, phones and accounts. Those who
-- share one may be one person. And what they are looked for by: names, whole and their first parts.
create table recognised_by (
    shop text not null,
    customer text not null,
    kind text not null,                 -- email, phone, account:<platform>, name
    hash bytea not null,
    primary key (shop, customer, kind, hash)
);
create index recognised_by_sign on recognised_by (shop, kind, hash, customer);

-- Counts by shop and hour: events taken and refused, versions of orders, chats, steps of checkouts, what feeds told. In
-- parts, one for each of some connections, so that those who count at the same time do not wait for each other.
create table tallies (
    shop text not null,
    hour timestamptz not null,          -- its start
    what text not null,                 -- events, live, orders, refused, chats, checkout:<step>, left:<step>,
                                        -- feed:<name>, feed refused:<name>
    part smallint not null,
    times bigint not null,
    seconds bigint not null,            -- told with it
    primary key (shop, hour, what, part) -- closes the race of two that count first
) with (fillfactor = 50);
create index tallies_hour on tallies (hour) where what in ('events', 'refused');

-- Comparisons of a shop's own list of orders with ours, page by page; what was missed is applied as it is found.
create table reconciliations (
    shop text not null,
    run_id text not null,
    since timestamptz not null,         -- the list holds all orders that reached their state within [since, until)
    until timestamptz not null,
    began_at timestamptz not null,
    ended_at timestamptz,
    same bigint not null default 0,     -- orders that were as the list says
    polled text,                        -- the system whose list is asked page by page; null: pages are sent
    place text,                         -- where its next page begins, JSON; null: at the beginning
    pages integer not null default 0,   -- that came
    barren integer not null default 0,  -- of these, the last ones in a row that held no order not seen before
    failures integer not null default 0, -- in a row
    trouble text,                       -- why the next page is waited for; of a run that has ended: why before the list
    asks_at timestamptz,                -- when the next page is asked for, by whoever leases the run until then
    primary key (shop, run_id)          -- closes the race of two beginnings of one run
);
create index reconciliations_asking on reconciliations (asks_at) where polled is not null and ended_at is null;

-- Orders that the shop's list held, until the run ends: what of ours it lacks shows then.
create table reconciled_orders (
    shop text not null,
    run_id text not null,
    order_id text not null,
    primary key (shop, run_id, order_id) -- closes the race of one page that is sent twice at once
);

-- What differed, and what became of it.
create table reconciliation_findings (
    shop text not null,
    run_id text not null,
    order_id text not null,
    kind text not null check (kind in ('missed', 'behind', 'ahead', 'refused', 'absent')),
    detail text not null,
    primary key (shop, run_id, order_id) -- the first finding of an order stands, however often its page is sent
);
create index reconciliation_findings_kind on reconciliation_findings (shop, run_id, kind, order_id);

-- When another service last heard from a customer: a ticket, an answer, points spent, a click. Retention looks at it.
create table last_heard (
    shop text not null,
    customer text not null,
    at timestamptz not null,            -- of the event
    primary key (shop, customer)        -- closes the race of two first signs
) with (fillfactor = 80);

-- Customers who are being erased or were: what is asked of one of a person's identifiers is done for all of them.
create table erasures (
    shop text not null,
    customer text not null,
    person text not null,               -- the identifier by which all of them are reported together
    asked_at timestamptz not null,
    because text not null,              -- asked, or retention
    looked_for bytea,                   -- texts by which rows without a customer are found, encrypted; null: all removed
    rows_after bigint not null default 0,     -- of those rows, dead deliveries and refused lines up to here are done
    removed jsonb not null default '{}', -- by table, what held personal text and does no more
    primary key (shop, customer)        -- closes the race of two requests for one customer
);
create index erasures_open on erasures (asked_at) where looked_for is not null;

-- Which service has confirmed that nothing personal of the customer is left with it, and what rows still name them.
create table erasure_confirmations (
    shop text not null,
    customer text not null,
    service text not null,
    at timestamptz not null,            -- learnt
    kept jsonb not null,
    primary key (shop, customer, service)
);

-- What people, and shops that leave, ask for by law through a vendor's webhook; kept until a person has answered it.
create table privacy_requests (
    shop text not null,
    vendor text not null,
    request_id text not null,           -- the vendor's name of the delivery
    kind text not null check (kind in ('data_request', 'redact', 'shop_redact')),
    customer text,                      -- null: all of the shop's
    asked_at timestamptz not null,
    done_at timestamptz,
    primary key (shop, vendor, request_id) -- closes the race of one delivery that comes twice at once
);

-- Agreements with partners, who are given orders and customers under pseudonyms (SEC-007).
create table sharing_partners (
    shop text not null,
    partner text not null,
    version integer not null check (version > 0), -- of its terms
    name text not null,
    purpose text not null,
    basis text not null check (basis in ('consent', 'pseudonyms')),
    customer_fields text[] not null,
    order_fields text[] not null,
    reference text,                     -- of a contract or a joint campaign
    agreed_by text not null,
    agreed_at timestamptz not null,
    key bytea,                          -- of its pseudonyms, encrypted; null once it was revoked
    key_number integer not null check (key_number > 0),
    key_since timestamptz not null,
    key_by text not null,
    described text[] not null,          -- fields that describe a person, of all its terms under this key
    widest text not null check (widest in ('consent', 'pseudonyms')), -- basis of all its terms under this key
    revoked_by text,
    revoked_at timestamptz,
    primary key (shop, partner)         -- closes the race of two agreements under one name
);

-- The register: what was shared under them. Rows are never changed.
create table shares (
    shop text not null,
    partner text not null,
    share_id text not null,
    what text not null check (what in ('customers', 'orders')),
    fields text[] not null,
    since timestamptz,
    until timestamptz,
    purpose text not null,              -- the agreement's at that time, as its basis
    basis text not null,
    asked_by text not null,
    asked_at timestamptz not null,
    primary key (shop, partner, share_id) -- closes the race of two shares of one name
);

-- Each file that was written of a share, recorded before its first line went out.
create table share_files (
    number bigint generated always as identity primary key,
    shop text not null,
    partner text not null,
    share_id text not null,
    key_number integer not null,        -- under which pseudonyms
    purpose text not null,              -- the agreement's as it was written, as its basis
    basis text not null,
    begun_at timestamptz not null,
    ended_at timestamptz,               -- null: broken off, or under way
    customers bigint not null default 0,
    rows bigint not null default 0,
    withheld bigint not null default 0  -- customers whose description was left out
);
create index share_files_share on share_files (shop, partner, share_id);

-- What customers say of partners who want to know them; '' in the place of a partner: of all.
create table sharing_consents (
    shop text not null,
    customer text not null,
    partner text not null,
    granted boolean not null,
    source text,
    at timestamptz not null,
    primary key (shop, customer, partner) -- closes the race of two statements on one partner
);

-- With which master key each customer's key is wrapped ('' the founding one): finds those that a replaced one wraps.
create index customer_keys_wrapped on customer_keys (left(wrapped, position('.' in wrapped)));
-- Likewise of what else it seals (common.crypto.sealed: the same expression), where there may be many rows.
create index archive_sealed on archive (substring(encode(substring(body from 1 for 37), 'escape') from '^[^:]*:[^:]*'));
create index refunds_sealed on refunds (substring(encode(substring(body from 1 for 37), 'escape') from '^[^:]*:[^:]*')) where body is not null;
create index import_refusals_sealed on import_refusals (substring(encode(substring(text from 1 for 37), 'escape') from '^[^:]*:[^:]*'));
