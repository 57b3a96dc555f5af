"""The scopes of API keys: what each allows, at whichever service."""

from __future__ import annotations

SCOPES = {
    "events:write": "send events, and orders as they stand, and compare a shop's list of orders",
    "orders:read": "read orders and the shop's totals",
    "customers:write": "send customers' profiles and consents, whether a partner may be given them, and what became "
    "of a request for their data",
    "customers:read": "read what is known of a customer, without personal fields",
    "customers:reveal": "read personal fields of a customer in plain text",
    "customers:merge": "say that two customers are one person, and take it back",
    "customers:erase": "have a customer erased in every service, and say after how long without a sign all are",
    "customers:export": "read all that is kept of a customer, personal texts too",
    "customers:share": "give a partner orders and customers under pseudonyms, and look at what was given",
    "imports:write": "send files of history",
    "imports:read": "follow imports and read their refusals",
    "dead:read": "read what the shop sent and could not be taken, personal texts too",
    "dead:write": "mend it and send it again",
    "settings:write": "set the shop's name, time zone and currency, its webhooks' secrets (who has one tells orders "
    "and customers, and asks for erasures), and its list of orders with the token",
    "settings:read": "read them, with all versions",
    "programme:write": "change the programme, thresholds, policies, texts, flows and parcel plans of the shop, start, "
    "pause and stop campaigns, issue coupons, and switch the shop's own topic on",
    "programme:read": "read them",
    "members:write": "enrol members, check them in, tell what they took part in",
    "members:read": "read members, their points and their way up",
    "members:change": "add and take points by hand, and grant tiers",
    "members:approve": "approve or refuse changes by hand that another person asked for",
    "redemptions:write": "redeem points on orders, and return them",
    "redemptions:read": "read redemptions",
    "segments:write": "define segments, and tag customers",
    "segments:read": "read stage, life cycle, scores, reports, and labels that no customer sees (types, tribes, needs)",
    "messages:write": "tell opt-outs and opt-ins, lift what blocks an address, and tell of calls, mentions and parcels",
    "messages:read": "read decisions, messages and consents",
    "feedback:write": "tell reviews and answers, work on tickets, and grant compensation and rewards",
    "feedback:read": "read reviews, surveys and reports, and see customers' photos",
    "keys:admin": "make, list and revoke keys, with rights up to its own",
    "people:vouch": "say who of the shop's people does something, and be believed; not in a shop's `*`",
    "metrics:read": "read the metrics of every process; counts for keys of every shop alone",
    "ops": "operate the installation: clock, sweeps, dead events, pauses; counts for keys of every shop alone",
}
"""Scope to what it allows."""
RECORDED = frozenset(
    {
        *("customers:reveal", "customers:export", "customers:share", "customers:erase", "customers:merge"),
        *("members:change", "members:approve", "feedback:read", "feedback:write", "segments:write"),
        *("imports:read", "imports:write", "dead:read", "dead:write", "settings:write", "keys:admin"),
    }
)
"""Scopes of which each use is a line of the log, with the key: who reads personal words, and who moves points, cash,
persons, lists of customers, what was refused, settings and keys (SEC-004). Single routes of other scopes that show such
words, or find a customer by an address or a name, say so themselves (`require(…, recorded=True)`).

What a shop's systems ask and tell all the time (orders, profiles, consents, checkouts, looks without personal words) is
counted: a line a minute of each key, scope and shop. What such a change says, of whom and when stands in its event."""
