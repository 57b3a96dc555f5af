"""Verification: the tables whose rows must say what the topics say."""

from __future__ import annotations

import orjson

from common.events import rfc3339
from common.verification import Table, digest
from segmentation.churn.state import ChurnFit
from segmentation.goals.state import Goal
from segmentation.jobs.verifying_facts import TABLES as FACTS
from segmentation.jobs.verifying_said import body_of, definition_of, goal_of, version_of
from segmentation.lifetime_value.state import LifetimeFit
from segmentation.segments.state import Definition
from segmentation.shop_statistics.state import ShopStatistics

MEMBERS = Table(
    "members",
    "members",
    "t.shop, t.customer, t.enrolled_at",
    ("shop", "customer"),
    lambda r: [(("member", r.shop, r.customer), digest(rfc3339(r.enrolled_at)))],
)
TIERS = Table(
    "tiers of members",
    "member_tiers",
    "t.shop, t.customer, t.tier_id, t.tier",
    ("shop", "customer"),
    lambda r: [(("tier", r.shop, r.customer), digest(r.tier_id, r.tier))],
)
REFERRALS = Table(
    "referrals",
    "referrals",
    "t.shop, t.customer, t.referral_id, t.confirmed",
    ("shop", "customer", "referral_id"),
    lambda r: [(("referral", r.shop, r.customer, r.referral_id), digest(r.confirmed))],
)
GOALS = Table(
    "versions of goals",
    "goals",
    "t.shop, t.goal, t.version, cast(t.body as text) as body",
    ("shop", "goal", "version"),
    lambda r: [(("goal", r.shop, r.goal, str(r.version)), goal_of(Goal.model_validate_json(r.body)))],
)
TAGS = Table(
    "tags",
    "tags",
    "t.shop, t.customer, t.tag, t.borne, t.source",
    ("shop", "customer", "tag"),
    lambda r: [(("tag", r.shop, r.customer, r.tag), digest(r.borne, r.source))],
)
SEGMENTS = Table(
    "versions of segments",
    "segment_definitions",
    "t.shop, t.segment, t.version, cast(t.body as text) as body",
    ("shop", "segment", "version"),
    lambda r: [(("segment", r.shop, r.segment, str(r.version)), definition_of(Definition.model_validate_json(r.body)))],
)
STAYS = Table(
    "stays in segments",
    "segment_stays",
    "t.shop, t.customer, t.segment, t.episode, t.left_at is null as stays",
    ("shop", "customer", "segment", "episode"),
    lambda r: [(("stay", r.shop, r.customer, r.segment, r.episode), digest(r.stays))],
)
ORDERS = Table(
    "orders without a customer",
    "anonymous_orders",
    "t.shop, t.order_id, t.at, t.completed, t.paid, t.currency, t.revision",
    ("shop", "order_id"),
    lambda r: [
        (
            ("anonymous_order", r.shop, r.order_id),
            digest(rfc3339(r.at), r.completed, r.paid, r.currency, r.revision),
        )
    ],
)
REFUNDS = Table(
    "refunds without a customer",
    "anonymous_refunds",
    "t.shop, t.refund_id, t.order_id, t.amount, t.currency",
    ("shop", "refund_id"),
    lambda r: [(("anonymous_refund", r.shop, r.refund_id), digest(r.order_id, r.amount, r.currency))],
)
VERSIONS = Table(
    "versions of thresholds",
    "thresholds",
    "t.shop, t.version, t.valid_from, cast(t.body as text) as body, t.withdrawn_at is not null as withdrawn",
    ("shop", "version"),
    lambda r: [
        (("thresholds", r.shop, str(r.version)), version_of(r.valid_from, orjson.loads(r.body))),
        *([(("withdrawal", r.shop, str(r.version)), b"")] if r.withdrawn else []),
    ],
)
MONTHS = Table(
    "monthly statistics",
    "shop_statistics",
    "t.shop, t.version, cast(t.body as text) as body",
    ("shop", "version"),
    lambda r: [(("statistics", r.shop, str(r.version)), body_of(ShopStatistics.model_validate_json(r.body)))],
)
FITS = Table(
    "fits of lifetime value",
    "value_fits",
    "t.shop, t.version, cast(t.body as text) as body",
    ("shop", "version"),
    lambda r: [(("value_fit", r.shop, str(r.version)), body_of(LifetimeFit.model_validate_json(r.body)))],
)
CHURN = Table(
    "fits of churn",
    "churn_fits",
    "t.shop, t.version, cast(t.body as text) as body",
    ("shop", "version"),
    lambda r: [(("churn_fit", r.shop, str(r.version)), body_of(ChurnFit.model_validate_json(r.body)))],
)


TABLES = (
    MEMBERS,
    TIERS,
    REFERRALS,
    GOALS,
    TAGS,
    SEGMENTS,
    STAYS,
    *FACTS,
    VERSIONS,
    MONTHS,
    FITS,
    CHURN,
    ORDERS,
    REFUNDS,
)
