-- What messaging keeps: contact data as ciphertext, permissions, what candidates rest on, decisions, the queue.
-- `recorded_at` of an input says when it was known, so that `verify` checks every decision anew by what was known then.
-- By the clock and not by the transaction's start: inputs are written under the customer's lock, so whatever bears a
-- time before the start of a decision's transaction was there for it to see.

-- The customer's contact data as the newest revision says; personal fields are ciphertext, opened only to send.
create table contacts (
    shop text not null,
    customer text not null,
    revision bigint not null,
    at timestamptz not null,            -- time of the event, the tie-break of two with one revision
    name text,
    language text,
    zone text,
    recorded_at timestamptz not null default clock_timestamp(), -- when it was known
    primary key (shop, customer)        -- closes the race of two first profiles of one customer
);

-- Every address that a customer had, by channel, from which revision on: the row of the newest revision is the one that
-- is written to. The keyed hash finds who has the same one; it holds its channel.
create table contact_addresses (
    shop text not null,
    customer text not null,
    channel text not null,
    revision bigint not null,
    at timestamptz not null,
    field text not null,                -- of the profile
    sealed text,                        -- ciphertext, opened only to send; null once a newer revision is there
    state text not null check (state in ('sealed', 'valid', 'invalid')), -- sealed: its key has not come yet
    address bytea,                      -- the hash of a valid one
    primary key (shop, customer, channel, revision, at) -- closes the race of two deliveries of one profile
);
create index contact_addresses_address on contact_addresses (shop, address) where address is not null;

-- Addresses that bounced for good, whoever has them, and which of them were freed again; the later of the two holds, in
-- whatever order they come.
create table bounces (
    shop text not null,
    address bytea not null,
    at timestamptz,                     -- null: a rebuild has read that it was freed, and not yet that it bounced
    lifted_at timestamptz,
    primary key (shop, address)         -- closes the race of two hand-offs to one address
);

-- When a shop's last customer was erased: decisions before it may have rested on what is forgotten since.
create table addresses_forgotten (
    shop text primary key,
    at timestamptz not null
);

-- Every statement about permission; the newest by time holds, whenever it was read (SEC-005).
create table permissions (
    shop text not null,
    customer text not null,
    channel text not null,
    purpose text not null,
    at timestamptz not null,
    rank integer not null,
    source text not null,
    id text not null,
    state text not null check (state in ('granted', 'withdrawn', 'opted_out')),
    via text,
    recorded_at timestamptz not null default clock_timestamp(),
    address bytea,                      -- hash of the address that it is about, once it is known
    address_known_at timestamptz,
    undated boolean not null default false, -- nobody said when: `at` is when it was read
    primary key (shop, customer, channel, purpose, at, source, id) -- closes the race of an API answer and its own event read back
);
-- The newest statement about an address in one probe, however many customers have it. A hash holds its channel.
create index permissions_address on permissions (shop, address, purpose, at desc, (state <> 'granted') desc)
    where address is not null;

-- Facts that candidates rest on (tier, lapse episode, survey), each revision with the time from which it holds.
create table conditions (
    shop text not null,
    customer text not null,
    subject text not null,
    revision bigint not null,
    at timestamptz not null,
    value text not null,
    recorded_at timestamptz not null default clock_timestamp(), -- when it was known
    primary key (shop, customer, subject, revision) -- closes the race of two deliveries of one revision
);

-- Versions and refunds of orders, and what carriers said of their parcels: what decides about notices and questions.
create table order_news (
    shop text not null,
    customer text not null,
    order_id text not null,
    cause text not null,                -- source#id of the event
    kind text not null check (kind in ('version', 'refund', 'parcel')),
    at timestamptz not null,
    said jsonb not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (shop, customer, order_id, cause) -- closes the race of two deliveries of one event
);

-- When the customer placed, paid or completed orders: such a one is not lapsed any more.
create table purchases (
    shop text not null,
    customer text not null,
    at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(), -- when it was known
    primary key (shop, customer, at)    -- two orders at one instant say the same here
);

-- Messages that may be sent. Events insert them, the sweep alone decides them.
create table candidates (
    shop text not null,
    customer text not null,
    message_id text not null,
    flow text not null,
    purpose text not null,              -- and rank: the flow's when it was made; another release may not know the flow
    rank integer not null,
    channel text not null,
    cause text not null,
    cause_at timestamptz not null,
    due_at timestamptz not null,
    release_at timestamptz,             -- when it is next decided; null once decided
    outcome text check (outcome in ('hold', 'send', 'suppress')),
    reason text,
    decided_at timestamptz,
    details jsonb not null,
    condition_subject text,
    condition_revision bigint,
    condition_value text,
    causation text,
    correlation text,
    template text not null,             -- of its text, and what makes it untrue, as its flow said when it was made
    untrue jsonb,
    -- Closes the race of two events that ask for the same message: its id is derived from customer, flow, cause and channel.
    primary key (shop, customer, message_id)
) with (fillfactor = 80);
create index candidates_due on candidates (release_at) where release_at is not null;
-- The notices among them: they are looked for beside whatever backlog of offers is due.
create index candidates_notices on candidates (release_at) where release_at is not null and purpose = 'transactional';
-- What goes out next in a shop, also beside another shop's backlog.
create index candidates_open on candidates (shop, release_at, message_id) where release_at is not null;
-- What of a customer's is still to be decided, among all that was decided over the years.
create index candidates_waiting on candidates (shop, customer) where release_at is not null;
create index candidates_no_sender on candidates (channel) where outcome = 'hold' and reason = 'no_sender';
create index candidates_paused on candidates (shop, cause) where outcome = 'hold' and reason = 'campaign_paused';
-- Of whom a message is that a link or a gateway names alone. A hash: ids come in no order, and a tree of them would be
-- several times as large, so that a large campaign would read and write most of its pages again and again.
create index candidates_message on candidates using hash (message_id);
-- What was decided last in a shop.
create index candidates_decided on candidates (shop, decided_at, message_id) where release_at is null;
-- What became of one flow's messages; the keys are few, so that the index stays small.
create index candidates_flow on candidates (shop, flow) where flow <> 'campaign';

-- Every decision that is announced, also each hold, with its reason; never changed.
create table decisions (
    shop text not null,
    customer text not null,
    message_id text not null,
    at timestamptz not null,
    outcome text not null,
    reason text not null,
    detail text,
    until timestamptz,
    policy_version integer not null,
    recorded_at timestamptz default now(), -- null: read back by a rebuild; what was known then is not known now
    primary key (shop, customer, message_id, at, outcome, reason) -- closes the race of two sweeps deciding one candidate
);

-- The queue, and the record of what was sent. A row holds its place under the caps from the moment it is queued.
create table messages (
    shop text not null,
    customer text not null,
    message_id text not null,
    flow text not null,
    purpose text not null,
    rank integer not null,
    channel text not null,
    at timestamptz not null,            -- decided
    leave_before timestamptz,           -- end of its window; after it the message is decided again
    state text not null default 'queued'
        check (state in ('queued', 'leased', 'sent', 'failed', 'unknown', 'suppressed')),
    reason text,
    attempts integer not null default 0,
    next_try_at timestamptz not null default '-infinity', -- real time, also in a replay: a provider's patience
    lease uuid,
    lease_until timestamptz,            -- real time; renewed while its hand-off lasts
    started boolean not null default false, -- its hand-off may have begun: only then is a dead sender's message in doubt
    may_leave_until timestamptz,        -- real time; after it the holder asks again before it gives the text away
    recalled boolean not null default false, -- what speaks against it came while it was leased: it must not leave any more
    sent_at timestamptz,
    address bytea,                      -- hash of the address for which it was decided; null of notices, which no cap counts
    sent_to bytea,                      -- hash of the address to which it was handed over, if that is another: of notices
    primary key (shop, customer, message_id) -- closes the race of two sweeps queueing one candidate
) with (fillfactor = 80);
create index messages_address on messages (shop, address, at) where address is not null;
create index messages_queued on messages (channel, shop, rank, at, message_id) where state = 'queued'; -- a shop that is paused holds up no other
create index messages_leased on messages (lease_until) where state = 'leased';
create index messages_unknown on messages (at) where state = 'unknown';

-- Messages that had been handed off after the instant to which everything was set back: a restore writes it, from what
-- was announced (docs/operating.md, "Restore to an instant"), before any process runs. None leaves a second time.
create table left_before_restore (
    shop text not null,
    customer text not null,
    message_id text not null,
    state text not null check (state in ('sent', 'unknown')),
    at timestamptz not null,            -- of the hand-off
    primary key (shop, customer, message_id) -- closes no race: one restore writes it
);

-- What gateways said became of messages that they took, each of the two ends once, in whatever order they came (M4).
create table receipts (
    shop text not null,
    customer text not null,
    message_id text not null,
    said text not null check (said in ('delivered', 'undelivered', 'clicked', 'read', 'taken', 'never_taken')),
    code text,                          -- the gateway's own word; of a click the number of the link; who told of doubt
    at timestamptz not null,            -- learnt
    primary key (shop, customer, message_id, said) -- closes the race of two deliveries of one receipt
);

-- Links of messages that were asked for. Judged a minute later; who was no person is only kept here.
create table clicks (
    shop text not null,
    customer text not null,
    message_id text not null,
    link integer not null,
    at timestamptz not null,
    robot boolean not null,             -- by a program that says so
    due_at timestamptz,                 -- when it is judged; null: it was
    primary key (shop, customer, message_id, link, at) -- closes the race of two requests of one instant
);
create index clicks_due on clicks (due_at) where due_at is not null;

-- Versions of the shop's rules of contact; the highest is in force.
create table policies (
    shop text not null,
    version integer not null,
    at timestamptz not null,
    policy jsonb not null,
    withdrawn_at timestamptz,           -- before it came into force: it never does
    free_after text,                    -- what is held for hours of customers after this one is still to be decided by it; null: of nobody
    addresses text[] not null default '{}', -- mailboxes that it makes the shop's own, in their one form
    primary key (shop, version)         -- closes the race of two people saving the same next version
);
-- Which shops name an address: the race of two that name one is closed by an advisory lock on it.
create index policies_addresses on policies using gin (addresses);
create index policies_freeing on policies (at) where free_after is not null;

-- A channel on which nothing is handed off for now, since a provider refuses us: for every shop (shop = ''), for one,
-- or to one address of a shop.
create table pauses (
    channel text not null,
    shop text not null,
    address bytea not null default '',  -- its hash; '': all addresses
    since timestamptz not null,         -- real time, of the first refusal
    until timestamptz not null,         -- real time; then it is tried again, and a refusal doubles the pause
    pause_s double precision not null,
    stage text not null,
    reason text not null,
    reply text not null,                -- the provider's words, without addresses
    primary key (channel, shop, address) -- closes the race of two senders that meet the same refusal
);

-- Versions of flows, each of one flow; where a shop has none of a flow, the library's holds.
create table flow_versions (
    shop text not null,
    version integer not null,
    at timestamptz not null,
    document jsonb not null,
    primary key (shop, version)         -- closes the race of two people saving the same next version
);

-- What is so about a customer elsewhere: of each subject the newest revision, and the one before it.
create table standings (
    shop text not null,
    customer text not null,
    subject text not null,
    revision bigint not null,
    at timestamptz not null,
    value text not null,                -- '': it is not so any more
    before_revision bigint,
    before_at timestamptz,
    before_value text,
    primary key (shop, customer, subject) -- closes the race of two deliveries of one revision
);
-- Whom an audience holds. What each order changes of a customer, the number of orders and the points, is found by nobody
-- through an index.
create index standings_audience on standings (shop, subject, value, customer) where subject not in ('orders', 'points');

-- Segments that the shop defined: what a campaign, a flow or a policy may name.
create table defined_segments (
    shop text not null,
    segment text not null,
    version integer not null,           -- of its definition; the newest holds
    archived boolean not null,
    primary key (shop, segment)         -- closes the race of two versions read at once
);

-- Offers that the shop set: what a campaign, a flow or a parcel plan may name.
create table defined_offers (
    shop text not null,
    offer_id text not null,
    starts timestamptz,                 -- null: that it was stopped was read first
    ends timestamptz,
    needs_coupons boolean,
    stopped_at timestamptz,
    primary key (shop, offer_id)        -- closes the race of setting and stopping read at once
);

-- Days of the customer's own that come every year, as keyed hashes: the day itself is not read from them.
create table personal_dates (
    shop text not null,
    customer text not null,
    kind text not null,
    revision bigint not null,           -- of the profile, for birthdays: one of an older profile does not count
    at timestamptz not null,
    sealed text,                        -- a birthday whose key has not come
    day bytea,                          -- hash of shop, kind and MM-DD
    primary key (shop, customer, kind)  -- one day of each kind
);
create index personal_dates_day on personal_dates (shop, kind, day, customer) where day is not null;

-- Customers on their way through a flow. `number` counts the moves, the last of which `step`, `until` and `reason` are of.
create table flow_runs (
    shop text not null,
    customer text not null,
    run_id text not null,
    flow text not null,
    version integer not null,
    cause text not null,
    started_at timestamptz not null,
    details jsonb not null,
    condition_subject text,
    condition_revision bigint,
    condition_value text,
    causation text,
    correlation text,
    number integer not null default 0,
    step text,
    until timestamptz,
    reason text,
    due_at timestamptz,                 -- when it is looked at next; null: it has ended
    primary key (shop, customer, run_id), -- closes the race of two events that start the same run
    unique (shop, customer, flow, cause)
) with (fillfactor = 80);
create index flow_runs_due on flow_runs (due_at) where due_at is not null;
create index flow_runs_open on flow_runs (shop, customer) where due_at is not null;
create index flow_runs_flow on flow_runs (shop, flow, started_at desc, run_id);

-- Every move of a run; never changed.
create table flow_moves (
    shop text not null,
    customer text not null,
    run_id text not null,
    number integer not null,
    at timestamptz not null,
    reason text not null,
    step text,
    until timestamptz,
    path text[] not null,
    asked integer not null,
    primary key (shop, customer, run_id, number) -- closes the race of two sweeps moving one run
);

-- The days on which a dated flow begins, one row each; customers are entered in order, up to `entered_upto`.
create table flow_days (
    shop text not null,
    flow text not null,
    day date not null,
    begins_at timestamptz not null,     -- when the first customer may be entered: the day has begun somewhere
    entered_upto text not null default '',
    entered integer not null default 0,
    done boolean not null default false,
    primary key (shop, flow, day)       -- closes the race of two sweeps that plan the same day
);
create index flow_days_due on flow_days (begins_at) where not done;

-- Products, as far as messages need them: whether they are in stock, and when they are launched.
create table products (
    shop text not null,
    sku text not null,
    revision bigint not null,
    name text,
    stock integer,
    launched_on date,
    primary key (shop, sku)
);
create index products_launched on products (shop, launched_on) where launched_on is not null;

-- Versions of a shop's own templates, numbered over all of them; the newest approved one of each is in force.
create table template_versions (
    shop text not null,
    version integer not null,
    at timestamptz not null,
    template text not null,
    document jsonb not null,
    author text,
    approved_by text,                   -- null: a draft
    primary key (shop, version)         -- closes the race of two people saving the same next version
);
create index template_versions_template on template_versions (shop, template, version desc);

-- Customers' coupons, as membership tells of them. One that was used before its issue was read has no customer yet.
create table coupons (
    shop text not null,
    code text not null,
    customer text,
    offer_id text,
    valid_from timestamptz,
    valid_until timestamptz,
    used_at timestamptz,
    free boolean,                       -- the use was given back
    amount bigint,                      -- what it took off an order that was paid, minor units
    currency text,                      -- of the order that it was used on
    told_at timestamptz,                -- of the newest word about a use
    primary key (shop, code)            -- closes the race of two deliveries of one issue
);
create index coupons_customer on coupons (shop, customer, valid_until) where customer is not null;

-- Requests for coupons that membership declined.
create table declined_coupons (
    shop text not null,
    customer text not null,
    batch text not null,                -- the request's name
    reason text not null,
    at timestamptz not null,
    primary key (shop, customer, batch) -- closes the race of two deliveries of one answer
);

-- Versions of campaigns, numbered over all of the shop's; each has the state that it left its campaign in.
create table campaign_versions (
    shop text not null,
    version integer not null,
    at timestamptz not null,
    campaign text not null,
    document jsonb not null,
    state text not null check (state in ('draft', 'running', 'paused', 'stopped', 'finished')),
    reason text,
    by text,                            -- who started, paused, resumed or stopped it, where a person did
    primary key (shop, version)         -- closes the race of two people saving the same next version
);
create index campaign_versions_campaign on campaign_versions (shop, campaign, version desc);
create index campaign_versions_paused on campaign_versions (shop, campaign) where state = 'paused';

-- How far each campaign has got: its customers are looked at in order, up to `entered_upto`.
create table campaigns (
    shop text not null,
    campaign text not null,
    state text not null default 'draft',
    starts_at timestamptz,
    entered_upto text not null default '',
    looked_at integer not null default 0,
    treated integer not null default 0,
    held_out integer not null default 0,
    total integer not null default 0,
    done boolean not null default false,
    watched_at timestamptz,             -- when its harm was last counted
    primary key (shop, campaign)
);
create index campaigns_running on campaigns (starts_at) where state = 'running' and not done;
create index campaigns_halted on campaigns (shop) where state in ('paused', 'stopped');

-- Who is in which arm of a campaign, and since when.
create table campaign_members (
    shop text not null,
    campaign text not null,
    customer text not null,
    arm text not null,
    at timestamptz not null,
    primary key (shop, campaign, customer) -- nobody comes in twice
);

create index candidates_campaign on candidates (shop, flow, cause) where flow = 'campaign';

-- What customers wrote back, as ciphertext.
create table replies (
    shop text not null,
    customer text not null,
    reply_id text not null,
    at timestamptz not null,
    channel text not null,
    said text not null check (said in ('out', 'in', 'other')),
    text text,
    message_id text,                    -- the message that it answers, where that is known
    primary key (shop, customer, reply_id) -- closes the race of two deliveries of one reply
);
-- Mailboxes that are read for answers: how far, and by whom.
create table mailboxes (
    mailbox text primary key,           -- user, host and folder
    validity bigint,                    -- of the numbers (IMAP's UIDVALIDITY)
    uid bigint,                         -- of the last mail that was taken
    lease_until timestamptz not null default '-infinity', -- real time; until then one process reads it
    trouble text,                       -- why it could not be read at the last look
    since timestamptz                   -- real time, of the first look in trouble
);
create index replies_newest on replies (shop, at desc, reply_id desc);

-- Messages of the channel `phone` that were handed to people are tasks.
create index messages_calls on messages (shop, sent_at) where channel = 'phone' and state = 'sent';

-- Calls that were made for them, in order; the note is ciphertext.
create table calls (
    shop text not null,
    customer text not null,
    message_id text not null,
    number integer not null,
    at timestamptz not null,
    outcome text not null check (outcome in ('reached', 'no_answer', 'call_again', 'refused', 'wrong_number')),
    by text not null,
    note text,
    again_at timestamptz,               -- when it is tried once more; null: the task is done
    primary key (shop, customer, message_id, number) -- closes the race of two people telling of one call
);

-- Who has a task, and until when: of no use after that, and not rebuilt.
create table call_claims (
    shop text not null,
    customer text not null,
    message_id text not null,
    taken_by text not null,
    taken_until timestamptz not null,
    address bytea,                      -- hash of the number that was shown: a `wrong_number` is about it
    primary key (shop, customer, message_id) -- closes the race of two people taking one task
);

-- Versions of the shop's parcel plan; the highest is in force.
create table parcel_plans (
    shop text not null,
    version integer not null,
    at timestamptz not null,
    document jsonb not null,
    primary key (shop, version)         -- closes the race of two people saving the same next version
);

-- The parcels of orders as they were planned: once, however often they are printed.
create table parcels (
    shop text not null,
    customer text not null,
    order_id text not null,
    version integer not null,           -- of the plan; 0: the shop had none
    gift boolean not null,
    show_price boolean not null,
    at timestamptz not null,
    primary key (shop, customer, order_id) -- closes the race of two people printing one plan
);

-- What went into the parcels of orders, on top first.
create table parcel_inserts (
    shop text not null,
    customer text not null,
    order_id text not null,
    insert text not null,
    place integer not null,
    version integer not null,
    at timestamptz not null,
    primary key (shop, customer, order_id, insert) -- an insert lies in a parcel once
);

-- The first scan of each insert's code.
create table insert_scans (
    shop text not null,
    customer text not null,
    order_id text not null,
    insert text not null,
    at timestamptz not null,
    primary key (shop, customer, order_id, insert) -- closes the race of two scans at once
);
