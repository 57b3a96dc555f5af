-- What membership keeps beside the common tables: the ledger, the programme's versions, redemptions.

-- Every movement of points and of growth value, an entry a cause; append-only. Its legs sum to zero in each of the two
-- books (docs/decisions/0104).
create table ledger_entries (
    entry bigint generated always as identity,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null default now(),
    cause uuid not null,                -- key of the input in the history; of anything else the hash of `named`
    correction boolean not null,        -- a late input (the cause) made it
    shop text not null,
    customer text not null,
    named text not null default '',     -- the cause where it is no input: `<kind>@<due time>`; else empty
    -- Of each leg account, what it was earned by, amount: see ledger_legs.
    legs text not null check (json_typeof(cast(legs as json)) = 'array'),
    -- Closes, for ever, the race of anything that would count one cause twice.
    unique (shop, customer, cause)
);

-- The legs, a row each. `account`: of growth `growth`, the member's, and `granted`, the shop's side; `earned_by`: the
-- lot (the order that earned it, `review/<id>` ...), empty on most accounts. An entry that is not what is ever posted, as
-- `membership.ledger.legs` says, has one row of nulls: reading what is damaged could stop who reads everybody's.
create view ledger_legs as
select e.entry, l.number, e.shop, e.customer, l.leg ->> 0 as account, l.leg ->> 1 as earned_by,
       cast(l.leg ->> 2 as bigint) as amount,
       e.cause, e.named, e.correction, e.occurred_at, e.recorded_at,
       case when l.leg ->> 0 in ('growth', 'granted') then 'growth' else 'points' end as book
from ledger_entries e
cross join lateral json_array_elements(
    -- It is an array, of the check above, so that what stands between the legs need not be looked at.
    case when e.legs ~ (
        '^\s*\[\s*('
        '\[\s*"(pending|available|debt|issued|redeemed|expired|reversed|growth|granted)"\s*,'
        '\s*"([^"\\]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*"\s*,'
        '\s*-?([0-9]{1,18}|[1-8][0-9]{18})\s*\]'
        '[\s,]*)*\]\s*$'
    ) then cast(e.legs as json) else '[[]]' end
) with ordinality as l (leg, number);

-- The legs with their causes in words: `<source>#<id>` of the input, or `<kind>@<due time>`.
create view ledger as
select l.shop, l.customer, l.account, l.earned_by, l.amount, coalesce(nullif(l.named, ''), h.source || '#' || h.id)
       as cause,
       l.correction, l.occurred_at, l.recorded_at, l.entry, l.number, l.book
from ledger_legs l left join history h on h.key = l.cause and l.named = '';

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is append-only: post a correction instead of a %', lower(tg_op);
end
$$;
create trigger ledger_entries_append_only before update or delete on ledger_entries
    for each row execute function refuse_change();
create trigger ledger_entries_not_truncated before truncate on ledger_entries
    for each statement execute function refuse_change();

-- How many entries the ledger holds of a customer, and the sum of their hashes: what was deleted or changed shows.
create table ledger_tallies (
    shop text not null,
    customer text not null,
    entries bigint not null,
    checksum numeric not null,
    primary key (shop, customer)
);

-- The part of an entry in its customer's checksum.
create function entry_hash(e ledger_entries) returns bigint language sql immutable as $$
    select hashtextextended(
        concat_ws('|', e.legs, e.cause, e.named, e.correction, extract(epoch from e.occurred_at)),
        0)
$$;

create function tally_entries() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into ledger_tallies as t (shop, customer, entries, checksum)
    select shop, customer, count(*), sum(entry_hash(added)) from added group by shop, customer order by shop, customer
    on conflict (shop, customer) do update
    set entries = t.entries + excluded.entries, checksum = t.checksum + excluded.checksum;
    return null;
end
$$;
create trigger ledger_entries_tallied after insert on ledger_entries referencing new table as added
    for each statement execute function tally_entries();

-- What was announced last of each customer, beside the state: the record, since the outbox goes after publication.
create table announced (
    shop text not null,
    customer text not null,
    revision bigint not null,           -- of the last fact
    said jsonb not null,                -- what all facts say together: each part of the fold has names of its own in it
    primary key (shop, customer)
);

-- The programme's versions; the default programme is in force before the first.
create table programmes (
    shop text not null,
    version integer not null,
    valid_from timestamptz not null,
    body jsonb not null,
    withdrawn_at timestamptz,           -- before it came into force: it never does
    due_after text,                     -- its ladder is new: customers up to here know when it takes force; null: all
    refold_after text,                  -- a rebuild met the version late: members up to here are folded anew; null: done
    recorded_at timestamptz not null default now(),
    primary key (shop, version)         -- closes the race of two new versions
);

-- Shops whose customers are all to be folded anew because the rules themselves have changed; a row goes when it is done.
create table refolds (
    shop text not null,
    cause text not null,                -- names the change in the ledger; never used twice for a shop
    at timestamptz not null,            -- when what the change makes is dated
    after text not null default '',     -- customers up to here are done
    primary key (shop, cause)           -- closes the race of two upgrades at once
);

-- Accepted redemptions, to answer a repeated request as the first one.
create table redemptions (
    shop text not null,
    customer text not null,
    redemption_id text not null,
    points bigint not null,
    worth bigint not null,              -- minor units
    currency text not null,
    order_id text,
    order_total bigint,                 -- minor units
    at timestamptz not null,
    status text not null default 'reserved' check (status in ('reserved', 'committed', 'returned')),
    returned bigint not null default 0, -- points given back so far
    returned_at timestamptz,            -- all of them, since then
    primary key (shop, customer, redemption_id),
    unique (shop, redemption_id)        -- closes the race of two customers using one id
);

-- What was redeemed on one order, for the cap over all of them.
create index redemptions_order on redemptions (shop, order_id) where order_id is not null;
create index redemptions_at on redemptions (shop, at);

-- Changes by hand: who asked for what and why, and who decided. Rows are never deleted.
create table manual_changes (
    shop text not null,
    customer text not null,
    command_id text not null,
    kind text not null check (kind in ('points', 'tier')),
    points bigint,
    tier text,
    reason text,                        -- encrypted with the customer's key; null: the customer was erased before
    asked_by text not null,
    asked_at timestamptz not null,
    state text not null check (state in ('proposed', 'granted', 'refused')),
    decided_by text,                    -- null: granted without a second person, or nobody has decided yet
    decided_at timestamptz,
    primary key (shop, command_id),     -- closes the race of one change asked for twice
    check ((kind = 'points') = (points is not null) and (kind = 'tier') = (tier is not null))
);
create index manual_changes_customer on manual_changes (shop, customer, command_id);
create index manual_changes_waiting on manual_changes (shop, kind, command_id) where state = 'proposed';
create index manual_changes_asked on manual_changes (shop, kind, asked_at);    -- who did how much in a day or month

-- What customers were granted, each paid out once: points, a coupon, or cash and gifts that staff confirm.
create table payouts (
    shop text not null,
    customer text not null,
    payout_id text not null,
    origin text not null,               -- compensation/<ticket>, reward/<claim>, content/<id>, referral/<id>-<role>-<round>
    kind text not null check (kind in ('compensation', 'reward', 'referral', 'content')),
    form text not null check (form in ('points', 'coupon', 'cash', 'gift')),
    amount bigint not null,             -- minor units
    currency text not null,
    points bigint,
    gift text,
    order_id text,
    review_id text,                     -- that it is paid for: a review is, once
    state text not null check (state in ('due', 'paid', 'blocked', 'reversed')),
    why text,                           -- it is blocked or reversed
    approved_by text,
    paid_by text,                       -- who confirmed cash or a gift; it stays so whatever becomes of the payout
    paid_at timestamptz,                -- when they did
    reference text,                     -- of the transfer, or the coupon's code
    at timestamptz not null,
    moved_at timestamptz not null,
    primary key (shop, payout_id)       -- closes the race of one grant paid twice: the id is derived from the origin
);
create index payouts_customer on payouts (shop, customer, payout_id);
create index payouts_cash on payouts (shop, paid_at) where form = 'cash' and paid_at is not null;
create index payouts_due on payouts (shop, payout_id) where state = 'due';
create index payouts_order on payouts (shop, order_id) where kind in ('reward', 'content');
create index payouts_review on payouts (shop, customer, review_id) where review_id is not null;

-- The code by which a member brings others.
create table referral_codes (
    shop text not null,
    code text not null,
    customer text not null,
    at timestamptz not null,
    primary key (shop, code),           -- closes the race of two members for one code
    unique (shop, customer)             -- closes the race of two codes for one member
);

-- Who was brought by whom: a new customer by one member, once.
create table referrals (
    shop text not null,
    customer text not null,             -- the new one
    referral_id text not null,
    referrer text not null,
    code text not null,
    signals text[] not null,            -- what spoke against it
    decision text not null check (decision in ('none', 'waiting', 'passed', 'refused')), -- a person's
    decided_by text,
    decided_at timestamptz,
    state text not null check (state in ('made', 'review', 'refused', 'rewarded', 'reversed')),
    refused_why text,
    rounds integer not null default 0,  -- how often it was rewarded
    made_at timestamptz not null,
    moved_at timestamptz not null,
    primary key (shop, customer),       -- closes the race of two codes for one new customer
    unique (shop, referral_id)          -- closes no race: the id is derived from the customer
);
create index referrals_referrer on referrals (shop, referrer, made_at);
create index referrals_review on referrals (shop, referral_id) where state = 'review';
-- As it is exported of who referred somebody: without whom, who is another person.
create view referrals_made as
    select shop, referrer as customer, referral_id, code, state, refused_why, rounds, made_at, moved_at from referrals;
comment on view referrals_made is 'key: referral_id';

-- Hashes of devices, means of payment and addresses, which show one person behind several customers (SEC-014).
create table referral_traits (
    shop text not null,
    kind text not null,
    hash text not null,
    customer text not null,
    at timestamptz not null,
    primary key (shop, kind, hash, customer) -- closes the race of one customer's trait told twice
);
create index referral_traits_customer on referral_traits (shop, customer);

-- Members who speak for the shop.
create table partners (
    shop text not null,
    customer text not null,
    kind text not null check (kind in ('ambassador', 'affiliate')),
    status text not null check (status in ('invited', 'active', 'declined', 'ended')),
    affiliate_id text,
    commission_source text,
    by text not null,
    since timestamptz not null,
    moved_at timestamptz not null,
    primary key (shop, customer, kind)  -- closes the race of one member invited twice
);

-- Campaigns with partner merchants: terms never change; a second person approves before anything is sent or shared.
create table joint_campaigns (
    shop text not null,
    campaign_id text not null,
    terms jsonb not null,
    asked_by text not null,
    asked_at timestamptz not null,
    state text not null check (state in ('proposed', 'approved', 'refused', 'ended')),
    decided_by text,
    decided_at timestamptz,
    primary key (shop, campaign_id)     -- closes the race of two campaigns of one id
);

-- What was sent, or shared, within them; rows are never changed. No customer is named.
create table joint_deliveries (
    shop text not null,
    delivery_id text not null,
    campaign_id text not null,
    what text not null check (what in ('gift', 'sample', 'dm', 'aggregate', 'consented_list')),
    sent_by text not null check (sent_by in ('us', 'partner')),
    quantity bigint not null check (quantity > 0),
    reference text,
    by text not null,
    at timestamptz not null,
    primary key (shop, delivery_id)     -- closes the race of one delivery told twice
);
create index joint_deliveries_campaign on joint_deliveries (shop, campaign_id, what, sent_by);

-- What reviews, recommendations and content say of a customer's satisfaction, each newest by its name.
create table satisfaction_marks (
    shop text not null,
    customer text not null,
    source text not null check (source in ('review', 'recommendation', 'content')),
    name text not null,
    standing integer not null check (standing between -1 and 1),
    score integer,
    at timestamptz not null,
    primary key (shop, customer, source, name) -- closes the race of two words of one customer on one thing
);

-- What they come to for a person, under the survivor's identifier.
create table satisfaction (
    shop text not null,
    customer text not null,
    good bigint not null,
    bad bigint not null,
    recommends integer,                 -- 0 to 10, by the last answer
    last_bad_at timestamptz,
    moved_at timestamptz not null,
    primary key (shop, customer)        -- closes no race: the customer is locked
);
create index satisfaction_content on satisfaction (shop, customer) where good > 0;

-- Activities with places: their terms never change.
create table activities (
    shop text not null,
    activity_id text not null,
    terms jsonb not null,
    starts timestamptz not null,
    ends timestamptz not null,
    places bigint,
    taken bigint not null default 0,
    seed text,                          -- of the draw; shown once it is drawn
    drawn_at timestamptz,
    drawn_by text,
    recorded_at timestamptz not null default now(),
    primary key (shop, activity_id),    -- closes the race of two activities of one id
    check (taken >= 0 and (places is null or taken <= places)) -- closes the race for the last place
);
create index activities_ends on activities (shop, ends);

-- Who is invited to an activity, takes part, came, and won.
create table activity_entries (
    shop text not null,
    activity_id text not null,
    customer text not null,
    status text not null check (status in ('invited', 'taken', 'given_back', 'attended', 'absent')),
    prize integer,
    by text,
    at timestamptz not null,
    primary key (shop, activity_id, customer) -- closes the race of one customer for two places
);
create index activity_entries_customer on activity_entries (shop, customer, at);

-- What agents gave members unasked. Rows are never changed.
create table surprises (
    shop text not null,
    customer text not null,
    command_id text not null,
    what text not null,
    value bigint not null check (value >= 0), -- minor units
    currency text not null,             -- the shop's when it was given
    month date not null,                -- of the shop's calendar, by its first day
    by text not null,
    at timestamptz not null,
    primary key (shop, command_id)      -- closes the race of one surprise asked for twice
);
create index surprises_customer on surprises (shop, customer, at);
create index surprises_month on surprises (shop, month);

-- What each month has spent on them.
create table surprise_months (
    shop text not null,
    month date not null,
    currency text not null,             -- a shop that changes its currency has a row of each
    spent bigint not null default 0,    -- minor units
    primary key (shop, month, currency) -- closes the race of two who spend the last of a budget
);

-- Groups of customers on social platforms.
create table communities (
    shop text not null,
    community_id text not null,
    terms jsonb not null,
    by text not null,
    moved_at timestamptz not null,
    primary key (shop, community_id)    -- closes the race of two communities of one id
);

-- Who was invited to a community, joined and left.
create table community_members (
    shop text not null,
    community_id text not null,
    customer text not null,
    status text not null check (status in ('invited', 'joined', 'left', 'removed')),
    by text not null,
    moved_at timestamptz not null,
    primary key (shop, community_id, customer) -- closes the race of one customer invited twice
);
create index community_members_customer on community_members (shop, customer);

-- What is said in communities, by the shop and by members; questions wait for an answer.
create table community_posts (
    shop text not null,
    community_id text not null,
    post_id text not null,
    kind text not null check (kind in ('news', 'offer', 'topic', 'question', 'experience', 'answer')),
    replies_to text,                    -- the post that it answers
    about text,                         -- a SKU, an offer, an activity
    customer text,                      -- whose it is; null: the shop's
    by text,                            -- who of the shop's people wrote it; null: the customer
    words text not null,                -- a customer's are encrypted with the customer's key
    at timestamptz not null,
    answered_at timestamptz,            -- of a question: it waits no more
    answered_by text,
    hidden_at timestamptz,
    hidden_by text,
    primary key (shop, post_id),        -- closes the race of two posts of one id
    check ((customer is null) = (by is not null))
);
create index community_posts_newest on community_posts (shop, community_id, at, post_id);
create index community_posts_replies on community_posts (shop, replies_to, at, post_id) where replies_to is not null;
create index community_posts_customer on community_posts (shop, customer, at) where customer is not null;
create index community_posts_waiting on community_posts (shop, at, post_id)
    where kind = 'question' and answered_at is null and hidden_at is null;

-- What is owed in available points by the month in which they expire, counted once an hour; replaced whole.
create table liability_months (
    shop text not null,
    month date not null,                -- its first day
    points bigint not null,
    lots bigint not null,
    primary key (shop, month)           -- closes no race: the snapshot is replaced under a lock of liability_totals
);

-- Of each shop, when that was, and sums over members of whom points have ended: for the rate of breakage.
create table liability_totals (
    shop text primary key,              -- closes no race: as above
    as_of timestamptz not null,
    members bigint not null,
    expired numeric not null,
    redeemed numeric not null,
    expired_squared numeric not null,
    redeemed_squared numeric not null,
    product numeric not null
);

-- Offers: terms that never change, and what is shared of them by all customers.
create table offers (
    shop text not null,
    offer_id text not null,
    terms jsonb not null,
    starts timestamptz not null,
    ends timestamptz not null,
    stopped_at timestamptz,             -- ended by hand before `ends`
    use_limit bigint,
    budget bigint,                      -- minor units
    uses bigint not null default 0,     -- reserved or committed, by all customers
    spent bigint not null default 0,    -- what these take off, minor units
    spent_by jsonb not null default '{}', -- the same by currency of the uses
    recorded_at timestamptz not null default now(),
    primary key (shop, offer_id),       -- closes the race of two offers of one id
    -- Close the race of two customers for the last use, and for the last of the budget.
    check (uses >= 0 and (use_limit is null or uses <= use_limit)),
    check (spent >= 0 and (budget is null or spent <= budget))
);
create index offers_ends on offers (shop, ends);

-- Coupons: codes that were issued. An automatic offer has one under its own id.
create table coupons (
    shop text not null,
    code text not null,
    offer_id text not null,
    batch text not null,
    holder text not null,               -- the customer whom the batch gave it to, or `#<number>` within the batch
    customer text,                      -- who alone may use it; null: whoever has the code
    valid_from timestamptz not null,
    valid_until timestamptz not null,
    use_limit bigint,                   -- null: as often as the offer allows
    uses bigint not null default 0,     -- reserved or committed
    voided_at timestamptz,
    issued_at timestamptz not null,
    primary key (shop, code),           -- closes the race of two coupons of one code
    unique (shop, offer_id, batch, holder), -- closes the race of a batch issued twice
    check (uses >= 0 and (use_limit is null or uses <= use_limit)) -- closes the race for the last use of a code
);
create index coupons_customer on coupons (shop, customer, valid_until) where customer is not null;

-- Each use of a coupon on an order.
create table coupon_uses (
    shop text not null,
    order_id text not null,
    code text not null,
    offer_id text not null,
    customer text,
    amount bigint not null,             -- what it took off, minor units
    currency text not null,
    status text not null check (status in ('reserved', 'committed', 'released', 'over_limit')),
    paid bigint,                        -- what was paid for the order's goods, minor units: the offer's revenue
    order_revision bigint not null default -1, -- of the order's version by which it moved last
    promised boolean not null default false, -- it was reserved; otherwise the order alone has named it
    refused text,                       -- why it is over_limit
    gifts text[] not null default '{}', -- SKUs that came with it
    at timestamptz not null,
    moved_at timestamptz not null,
    primary key (shop, order_id, code)  -- closes the race of one coupon used twice on an order
);
create index coupon_uses_customer on coupon_uses (shop, offer_id, customer) where customer is not null;
create index coupon_uses_offer on coupon_uses (shop, offer_id, at);
create index coupon_uses_gifts on coupon_uses (shop, customer, at) where gifts <> '{}';

-- Customers whom batches of coupons leave out, so that their effect can be told.
create table coupon_hold_outs (
    shop text not null,
    offer_id text not null,
    batch text not null,
    customer text not null,
    at timestamptz not null,
    primary key (shop, offer_id, batch, customer) -- closes the race of one batch asked for twice
);
create index coupon_hold_outs_customer on coupon_hold_outs (shop, customer);

-- Checkouts that were reserved, to answer a repeated request as the first one, and to void them whole.
create table checkouts (
    shop text not null,
    order_id text not null,
    customer text,
    times integer not null,             -- how often it was voided and reserved again
    asked jsonb not null,
    answer jsonb not null,
    codes text[] not null,
    redemption_id text,
    by_quota boolean not null,
    status text not null check (status in ('reserved', 'committed', 'voided')),
    at timestamptz not null,
    primary key (shop, order_id)
);

-- Typed columns over the fold's state, for reports; absent in the state means zero.
alter table customers
    add column enrolled_at text generated always as (state -> 'tiers' ->> 'enrolled') stored,
    add column tier text generated always as (state -> 'tiers' -> 'standing' ->> 'tier') stored, -- its id; null: no member
    add column candidate text generated always as (state -> 'tiers' -> 'standing' ->> 'candidate') stored, -- a tier's id
    add column pending bigint generated always as (coalesce((state -> 'points' ->> 'pending')::bigint, 0)) stored,
    add column available bigint generated always as (coalesce((state -> 'points' ->> 'available')::bigint, 0)) stored,
    add column debt bigint generated always as (coalesce((state -> 'points' ->> 'debt')::bigint, 0)) stored,
    add column growth bigint generated always as (coalesce((state -> 'growth' ->> 'value')::bigint, 0)) stored;
create index customers_tier on customers (shop, tier);
create index customers_enrolled on customers (shop, enrolled_at) where enrolled_at is not null;
create index customers_candidate on customers (shop, customer) where candidate is not null;
