"""The metrics that membership publishes beside those of every service."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

LEDGER_IMBALANCE = Gauge(
    "ledger_imbalance_minor_units", "Debits less credits over all ledgers; must be 0", ["currency"]
)
REFERRALS_HELD = Counter(
    "referrals_held_total",
    "Referrals that wait for a person: a ring, one device, many a day",
)
COMMUNITY_QUESTIONS = Counter(
    "community_questions_total",
    "Questions of members in communities: `asked`, and `answered`; a growing difference waits for a moderator",
    ["what"],
)
COUPONS_OVER_LIMIT = Counter(
    "coupon_uses_over_limit_total",
    "Paid orders that say they used a coupon beyond its limits: codes that a shop took unasked",
)
