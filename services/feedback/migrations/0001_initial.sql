-- What feedback owns: the first order of each customer, the surveys asked, the reviews received.

-- The order the usage question is about, and when it falls due (FBK-007). Of a customer whose completed orders are all
-- void, or whose orders are not known yet (topics read out of order), the order's columns are null.
create table usage_questions (
    shop text not null,
    customer text not null,
    order_id text,
    completed_at timestamptz,
    cause text,                         -- source#id of the event that completed the order
    correlation_id text,
    due_at timestamptz,                 -- null once asked, or when the customer was erased
    survey_id text,                     -- null until asked; what was asked stays asked
    passed_over boolean not null default false, -- the person is asked under another identifier
    -- Closes the race of two sweeps (`due_at` goes with the asking).
    primary key (shop, customer)
);
create index usage_questions_first on usage_questions (shop, completed_at);
create index usage_questions_due on usage_questions (due_at, shop, customer) where due_at is not null;

-- Every survey asked.
create table surveys (
    shop text not null,
    customer text not null,
    survey_id text not null,
    kind text not null,
    form_id text not null,
    form_version integer not null,      -- of the policy that holds the form
    order_id text,                      -- what it is about; null where it is about none
    ticket_id text,
    agent text,
    cause_at timestamptz,               -- null while only the answers are known (topics read out of order)
    answered_at timestamptz,
    primary key (shop, customer, survey_id)     -- closes the race of two answers of one survey
);
create index surveys_by_token on surveys (shop, survey_id);
create index surveys_by_order on surveys (shop, order_id);
create index surveys_asked on surveys (shop, form_id, cause_at);
create index surveys_answered on surveys (shop, form_id, answered_at) where answered_at is not null;

-- When each customer is looked at next by the schedules of surveys; a row only where the shop has any.
create table survey_turns (
    shop text not null,
    customer text not null,
    due_at timestamptz,                 -- null: no occasion is to come, or the customer was erased
    taken_until timestamptz,            -- occasions due up to then were asked or passed over
    primary key (shop, customer)        -- closes the race of two sweeps
);
create index survey_turns_due on survey_turns (due_at, shop, customer) where due_at is not null;

-- The answers, one row a question in the order of `place`; `text` is encrypted with the customer's key.
create table survey_answers (
    shop text not null,
    customer text not null,
    survey_id text not null,
    place smallint not null,
    question text not null,
    score smallint check (score between 0 and 10),
    choices text[] not null,
    text text,
    primary key (shop, customer, survey_id, question)   -- closes the race of two answers of one question
);

-- Reviews as they came; `text` and `photos` are encrypted with the customer's key.
create table reviews (
    shop text not null,
    customer text not null,
    review_id text not null,
    order_id text,
    sku text,
    stars smallint check (stars between 1 and 5),
    dsr_goods smallint check (dsr_goods between 1 and 5),           -- goods as described
    dsr_service smallint check (dsr_service between 1 and 5),
    dsr_shipping smallint check (dsr_shipping between 1 and 5),
    text text,
    photos text[] not null,             -- https addresses or ids
    source text,
    submitted_at timestamptz not null,
    primary key (shop, customer, review_id)     -- closes the race of two deliveries of one review
);
create index reviews_by_id on reviews (shop, review_id, customer);

-- Tickets as they stand by their newest revision; `body` is the event's data, personal texts encrypted.
create table tickets (
    shop text not null,
    customer text not null,
    ticket_id text not null,
    revision bigint not null,
    kind text not null,
    state text not null check (state in ('open', 'in_progress', 'waiting', 'resolved')),
    priority smallint not null,         -- 0 is served first
    owner text,
    order_id text,
    opened_at timestamptz not null,
    answered_at timestamptz,
    resolved_at timestamptz,
    answers integer not null,
    reopened integer not null,
    overdue boolean not null,           -- a due of it passed unmet
    next_by timestamptz,                -- of its clocks the one that runs; null once it is resolved
    due_at timestamptz,                 -- when it is looked at whether a due passed; null: never
    compensation text,                  -- its state; null: none was claimed or proposed
    automatic_at timestamptz,           -- when it was granted by the shop's rule
    alone_at timestamptz,               -- when one person granted it, whom nobody else looked at
    body jsonb not null,
    primary key (shop, customer, ticket_id)
);
create unique index tickets_by_id on tickets (shop, ticket_id);     -- closes the race of two tickets opened under one id
create index tickets_queue on tickets (shop, priority, next_by, ticket_id) where state <> 'resolved';
create index tickets_due on tickets (due_at, shop, customer) where due_at is not null;
create index tickets_alone on tickets (shop, alone_at) where alone_at is not null;
create index tickets_opened on tickets (shop, opened_at);

-- What was done with each ticket, a row a revision: the data of the event that announced it.
create table ticket_entries (
    shop text not null,
    customer text not null,
    ticket_id text not null,
    revision bigint not null,
    entry_id text not null,
    type text not null,
    at timestamptz not null,
    body jsonb not null,
    primary key (shop, customer, ticket_id, revision),          -- closes the race of two people at one ticket
    unique (shop, customer, ticket_id, entry_id)                -- closes the race of two deliveries of one entry
);

-- The photos that claims were judged by, as keyed hashes of their addresses or ids, each with the ticket it came with first.
create table claim_photos (
    shop text not null,
    photo bytea not null,
    ticket_id text not null,
    primary key (shop, photo)           -- closes the race of two claims with one photo: the later one waits, and sees it
);

-- The fingerprints of claims' photos that are kept here, each in four parts by which near ones are found.
create table claim_prints (
    shop text not null,
    band smallint not null,
    value integer not null,
    fingerprint text not null,          -- 16 hex digits
    ticket_id text not null,
    primary key (shop, band, value, fingerprint, ticket_id)     -- a repetition brings rows that stand
);

-- Photos that are kept: where their bytes lie, encrypted with the customer's key, and what they are compared by.
create table photos (
    shop text not null,
    customer text not null,
    photo_id text not null,
    stored_as text,                     -- null, as digest, fingerprint and turned, once the customer was erased
    content_type text not null,
    size integer not null,
    width integer not null,
    height integer not null,
    digest text,                        -- keyed hash of the bytes
    fingerprint text,                   -- null where the photo shows one colour alone
    turned text[],                      -- fingerprints of its other turns and mirrorings
    at timestamptz not null,
    primary key (shop, customer, photo_id)      -- closes the race of two uploads under one id
);

-- Photos of erased customers whose bytes the store is still to remove.
create table removed_photos (
    stored_as text primary key          -- two removals of one photo are one
);

-- Claims of rewards for reviews, a row a revision: the data of the event that announced it.
create table reward_claims (
    shop text not null,
    customer text not null,
    claim_id text not null,
    revision bigint not null,
    newest boolean not null,            -- it is how the claim stands
    review_id text not null,
    order_id text not null,
    state text not null check (state in ('claimed', 'approved', 'refused')),
    type text not null,
    at timestamptz not null,
    body jsonb not null,
    primary key (shop, customer, claim_id, revision)            -- closes the race of two decisions of one claim
);
create index reward_claims_by_id on reward_claims (shop, claim_id) where newest;
create index reward_claims_approved on reward_claims (shop, at) where newest and state = 'approved';

-- By what rewards that stand were earned, as keyed hashes of reviews, words and photos, each with the claim or content.
create table reward_grounds (
    shop text not null,
    ground text not null,
    origin text not null,               -- claim/<id> or content/<id>
    primary key (shop, ground, origin)  -- a repetition brings rows that stand
);

-- What people of the shop must do (XCT-003), a row a revision: the data of the event that announced it. The customer of a
-- task that is the shop's own is empty.
create table staff_tasks (
    shop text not null,
    customer text not null,
    task_id text not null,
    revision bigint not null,
    newest boolean not null,            -- it is how the task stands
    state text not null check (state in ('open', 'ended')),
    kind text not null,
    owner text,
    due_at timestamptz not null,
    type text not null,
    at timestamptz not null,
    body jsonb not null,
    primary key (shop, customer, task_id, revision)             -- closes the race of two changes of one task
);
create index staff_tasks_by_id on staff_tasks (shop, task_id) where newest;
create index staff_tasks_queue on staff_tasks (shop, state, due_at, task_id) where newest;

-- Content about the goods (FBK-042), a row a revision: the data of the event that announced it, texts and photos of
-- customers encrypted. The shop's own has an empty customer.
create table contents (
    shop text not null,
    customer text not null,
    content_id text not null,
    revision bigint not null,
    newest boolean not null,            -- it is how the content stands
    state text not null check (state in ('submitted', 'approved', 'refused', 'withdrawn')),
    kind text not null,
    sku text,
    grade text,
    featured boolean not null,
    submitted_at timestamptz not null,
    type text not null,
    at timestamptz not null,
    body jsonb not null,
    primary key (shop, customer, content_id, revision)          -- closes the race of two decisions of one content
);
create index contents_by_id on contents (shop, content_id) where newest;
create index contents_rewarded on contents (shop, at) where newest and body -> 'reward' ->> 'at' is not null;
create index contents_by_state on contents (shop, state, submitted_at, content_id) where newest;
create index contents_waiting on contents (shop, submitted_at, content_id)
    where newest and state = 'approved' and body ->> 'no_reward' = 'another_person';
create index contents_shown on contents (shop, kind, featured desc, grade, submitted_at desc, content_id)
    where newest and state = 'approved';
create index contents_of_product on contents (shop, kind, sku, featured desc, grade, submitted_at desc, content_id)
    where newest and state = 'approved';

-- Each customer's tier by the newest revision: whose tickets are urgent.
create table tiers (
    shop text not null,
    customer text not null,
    revision bigint not null,
    tier_id text,
    name text not null,
    primary key (shop, customer)        -- closes the race of two revisions: the highest stays
);
create index tiers_by_name on tiers (shop, name);
create index tiers_by_id on tiers (shop, tier_id);

-- Each customer's buyer type by the newest revision; null: too little is known.
create table buyer_types (
    shop text not null,
    customer text not null,
    revision bigint not null,
    buyer_type text,
    primary key (shop, customer)        -- closes the race of two revisions: the highest stays
);
create index buyer_types_by_type on buyer_types (shop, buyer_type) where buyer_type is not null;

-- Which tiers return goods for free, by version of membership's programme.
create table free_returns (
    shop text not null,
    version bigint not null,
    valid_from timestamptz not null,
    tiers text[] not null,              -- ids
    quotas jsonb not null,              -- by tier id, of those that return a limited number: uses, months, carry_over
    withdrawn boolean not null,         -- it never comes into force
    primary key (shop, version)         -- a repetition brings rows that stand
);

-- Free returns that membership promised each customer: what is used of a quota.
create table return_uses (
    shop text not null,
    customer text not null,
    order_id text not null,
    at timestamptz not null,            -- of the newest of its events
    day date,                           -- in whose period it counts; null while only its end was read
    given_back boolean not null,
    primary key (shop, customer, order_id)      -- closes the race of two events of one use: the newest stays
);

-- Since when customers are members: nothing is carried over to who was none.
create table enrolled (
    shop text not null,
    customer text not null,
    revision bigint not null,
    at timestamptz,
    primary key (shop, customer)        -- closes the race of two revisions: the highest stays
);

-- Who was brought by whom, as membership announces it, and whether that was found true: an order of theirs counts.
create table referred (
    shop text not null,
    customer text not null,             -- the new one
    referral_id text not null,
    referrer text,                      -- null while only its end was read
    made_at timestamptz,
    round integer not null,             -- of the newest end
    confirmed boolean not null,
    primary key (shop, customer)        -- a customer is brought once
);
create index referred_by on referred (shop, referrer, customer);
-- As it is exported of who referred somebody: without whom, who is another person.
create view referrals_made as
    select shop, referrer as customer, referral_id, made_at, round, confirmed from referred where referrer is not null;
comment on view referrals_made is 'key: referral_id';

-- Where each customer says, or the shop knows, that they come from, by the newest revision of the profile.
create table customer_sources (
    shop text not null,
    customer text not null,
    revision bigint not null,
    source text,
    primary key (shop, customer)        -- closes the race of two revisions: the highest stays
);

-- Versions of the shop's rules; the newest that was valid when an order was completed counts for it.
create table policies (
    shop text not null,
    version integer not null,
    valid_from timestamptz not null,
    policy jsonb not null,
    refold_after text,                  -- a rebuild met it after orders: of customers after this one, questions are still
                                        -- due as without it; null: of nobody
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

-- Texts of reviews, answers and tickets as they were understood: topics, sentiment, signals; no word of them is kept.
-- It follows from the texts and the shop's newest model, so it is made again at any time, and goes with the texts.
create table readings (
    shop text not null,
    customer text not null,
    source text not null check (source in ('review', 'answer', 'ticket')),
    name text not null,                 -- of the review, survey or ticket
    part text not null,                 -- the survey's question; empty elsewhere
    at timestamptz not null,
    stars smallint,
    sku text,
    reader text,                        -- what read it: the rules or a model; null: it is to be read
    sentiment smallint,                 -- -1, 0 or 1
    liked text[],                       -- topics, by what is said of them
    mentioned text[],
    disliked text[],
    signals text[],                     -- of buyer types
    expectation smallint,               -- 1: surpassed, -1: disappointed
    primary key (shop, customer, source, name, part)    -- closes the race of two deliveries of one text
);
create index readings_due on readings (shop, customer) where reader is null;
create index readings_at on readings (shop, at) where reader is not null;
create index readings_unread on readings (shop, at) where reader is null;
create index readings_sku on readings (shop, sku, at) where sku is not null and reader is not null;

-- What the texts of a day (by UTC) say, counted: all together, by topic, by signal.
create table said_days (
    shop text not null,
    day date not null,
    kind text not null check (kind in ('all', 'topic', 'signal')),
    name text not null,
    texts bigint not null,
    liked bigint not null,
    disliked bigint not null,
    surpassed bigint not null,
    disappointed bigint not null,
    stars_sum bigint not null,
    stars_count bigint not null,
    primary key (shop, day, kind, name)     -- closes the race of two who count one day
);

-- Days whose texts changed since they were counted.
create table said_marks (
    shop text not null,
    day date not null,
    primary key (shop, day)                 -- closes the race of who reads a text and who counts its day
);

-- Models of sentiment that a shop trained on its own stars; the newest that is in use reads its texts.
create table sentiment_models (
    shop text not null,
    number integer not null,
    trained_at timestamptz not null,
    texts integer not null,             -- it learnt from, and was judged by
    right_of_model integer not null,    -- of the held-out ones, whose sentiment it and the rules read right
    right_of_rules integer not null,
    held_out integer not null,
    in_use boolean not null,            -- it reads better than the rules
    model bytea,                        -- null where it is not in use
    primary key (shop, number)          -- closes the race of two trainings
);
