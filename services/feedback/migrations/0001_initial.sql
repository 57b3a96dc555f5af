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
    -- Closes the race of two sweeps (`due_at` goes with the asking).
    primary key (shop, customer)
);
create index usage_questions_due on usage_questions (due_at, shop, customer) where due_at is not null;

-- Every survey asked, with its answer; `text` is encrypted with the customer's key.
create table surveys (
    shop text not null,
    customer text not null,
    survey_id text not null,
    kind text not null,
    order_id text not null,
    cause_at timestamptz,               -- null while only the answer is known (topics read out of order)
    answered_at timestamptz,
    stars smallint check (stars between 1 and 5),
    text text,
    primary key (shop, customer, survey_id)     -- closes the race of two answers of one survey
);
create index surveys_by_token on surveys (shop, survey_id);
create index surveys_by_order on surveys (shop, order_id);

-- Reviews as they came; `text` is encrypted with the customer's key.
create table reviews (
    shop text not null,
    customer text not null,
    review_id text not null,
    order_id text,
    sku text,
    stars smallint check (stars between 1 and 5),
    text text,
    source text,
    submitted_at timestamptz not null,
    primary key (shop, customer, review_id)     -- closes the race of two deliveries of one review
);
create index reviews_by_id on reviews (shop, review_id, customer);
