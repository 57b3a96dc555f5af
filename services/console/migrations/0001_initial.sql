-- The console's own store: people, what they may do where, their sessions, and what they looked at and changed.
-- Of the business it holds what no service owns: paperwork, and reports of what the services said.

create table people (
    person_id bigint generated always as identity primary key,
    name text not null,
    password text,                   -- argon2id, with its parameters; null: signs in by an identity provider alone
    issuer text,                     -- the identity provider, and its name for the person, which stays
    subject text,
    totp bytea,                      -- sealed with a key derived from the master key; null: no second factor
    totp_step bigint,                -- the last time step whose code was taken: a code counts once
    mail bytea,                      -- where reports are sent, sealed likewise; null: nowhere
    created_at timestamptz not null default now(),
    left_at timestamptz              -- when the last role was taken away: the name is free, and nothing signs them in
);
-- Names are compared without case. Closes the race of two invitations taken up under one name.
create unique index people_name on people (lower(name)) where left_at is null;
-- Closes the race of two sign-ins by a provider that make one person.
create unique index people_subject on people (issuer, subject) where subject is not null;

create table shops_of_people (
    person_id bigint not null references people on delete cascade,
    shop text not null,
    role text not null check (role in ('owner', 'marketer', 'agent', 'operator', 'viewer')),
    agreed_at timestamptz,           -- to keep what is seen of its customers confidential; null: sees none of it
    signed_out_at timestamptz,       -- by an owner: sessions that began before open this shop no more
    primary key (person_id, shop)
);

-- What somebody did against the confidentiality they agreed to; while one is not handled they see no customer.
create table violations (
    violation bigint generated always as identity primary key,
    person_id bigint not null references people on delete cascade,
    shop text not null,
    noted_at timestamptz not null default now(),
    noted_by text not null,
    what text not null,
    handled_at timestamptz,
    handled_by text,
    outcome text
);
create index violations_person on violations (person_id);

-- One-time links by which people come in; the token's hash alone is kept.
create table invitations (
    token bytea primary key,
    number bigint generated always as identity, -- by which an owner takes it back
    made_by bigint references people on delete cascade, -- counts while they own the shop; null: by the command
    role text not null check (role in ('owner', 'marketer', 'agent', 'operator', 'viewer')),
    shop text,                       -- null: who takes it up names the shop (the first owner)
    made_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);

-- One-time links by which a person who lost the password or the second factor comes in again.
create table recoveries (
    person_id bigint primary key references people on delete cascade, -- a newer link takes the place of the older one
    token bytea not null unique,     -- its hash alone is kept
    made_by bigint references people on delete cascade, -- counts while they own every shop of the person; null: by the command
    expires_at timestamptz not null
);

create table sessions (
    token bytea primary key,         -- hash of what the cookie holds
    person_id bigint not null references people on delete cascade,
    began_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index sessions_person on sessions (person_id);
create index sessions_expiry on sessions (expires_at);

-- Failed attempts to sign in, per name and per address, both as keyed hashes. Old ones are deleted at the next attempt.
create table failed_attempts (
    subject bytea not null,
    at timestamptz not null default now()
);
create index failed_attempts_subject on failed_attempts (subject, at);
create index failed_attempts_at on failed_attempts (at);

-- What a person asked to see of personal data, for as long as it is shown.
create table looks (
    session bytea not null references sessions (token) on delete cascade,
    object text not null,
    until timestamptz not null,
    primary key (session, object)
);

-- Names for the filters of the list of customers: somebody's own, or the shop's.
create table views (
    view_id bigint generated always as identity primary key,
    shop text not null,
    person_id bigint references people on delete cascade, -- null: everybody of the shop sees it
    name text not null,
    query text not null,             -- of the list's address
    made_at timestamptz not null default now()
);
-- Of one name the newest filters count. Closes the race of two that save under one name.
create unique index views_name on views (shop, coalesce(person_id, 0), lower(name));

-- Each look at personal data and each change. Rows are added and never changed, numbered without a gap.
create table audit (
    entry bigint primary key         -- closes the race of two that add at once, past the lock by which they take turns
        check (entry > 0),           -- the first is 1: whatever stands before it nobody wrote, and `verify` says so too
    at timestamptz not null,
    person_id bigint,                -- no reference: an entry outlives its person
    person text not null,
    shop text,
    action text not null,
    object text not null,
    outcome text not null,
    form text,
    chain bytea not null             -- keyed hash of this entry and of the one before: console.main verify follows it
);
create index audit_shop on audit (shop, entry);

-- How far the audit goes, sealed: who cuts off its tail cannot seal what is left.
create table audit_end (
    one boolean primary key default true check (one),
    entry bigint not null,
    seal bytea not null              -- keyed hash of the last entry's number and chain
);
-- A form that is sent twice is one action: closes the race of a double click.
create unique index audit_form on audit (form) where form is not null;

-- Paperwork that no service owns: budgets, risks, competitors, departments, lessons, plans. A version is never changed.
create table records (
    shop text not null,
    kind text not null,
    name text not null,              -- as people call it; others point to it by it
    version int not null,            -- closes the race of two who change one: the second is told
    state text not null check (state in ('in_force', 'asked', 'refused', 'ended')),
    fields jsonb not null,
    person_id bigint not null,       -- who wrote, decided or ended; no reference: a record outlives its person
    person text not null,
    asked_by bigint,                 -- whose wish it was: somebody else decides
    at timestamptz not null default now(),
    primary key (shop, kind, name, version)
);

-- Reports of ended periods, made once whatever the number of replicas, and kept.
create table reports (
    shop text not null,
    kind text not null check (kind in ('week', 'month', 'quarter', 'year')),
    since date not null,             -- of the shop's calendar
    until date not null,             -- the first day after it
    state text not null default 'due' check (state in ('due', 'partial', 'whole')),
    document jsonb,                  -- what the services said; null: not asked yet
    attempts int not null default 0,
    next_try_at timestamptz not null default now(),
    leased_until timestamptz,        -- closes the race of two replicas that make one report
    made_at timestamptz,
    asked_by text,                   -- null: made by the calendar
    primary key (shop, kind, since)
);
create index reports_due on reports (next_try_at) where state <> 'whole';

-- A report's mails, one a person. Closes the race of two replicas that send one.
create table report_mails (
    shop text not null,
    kind text not null,
    since date not null,
    person_id bigint not null references people on delete cascade,
    state text not null default 'waiting' check (
        state in ('waiting', 'sending', 'sent', 'failed', 'unknown',
            'over')),                -- the person may not see it any more
    attempts int not null default 0,
    next_try_at timestamptz not null default now(),
    reason text not null default '',
    primary key (shop, kind, since, person_id),
    foreign key (shop, kind, since) references reports on delete cascade
);
create index report_mails_waiting on report_mails (next_try_at) where state in ('waiting', 'sending');
