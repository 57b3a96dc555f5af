"""Segments that the sources name, as expressions: a shop saves those that it wants, as they are or changed."""

from __future__ import annotations

from typing import NamedTuple


class Template(NamedTuple):
    """`segment` is the id that it may be saved under; amounts are in whole units of the shop's currency."""

    segment: str
    en: str
    zh: str
    expression: str


TEMPLATES = (
    # SEG-058: four conditions at once.
    Template(
        "phone-list",
        "To be called: spend much, review well and with photos, loyal",
        "电话营销名单",
        "spent in 365 days >= 2000 and positive_share >= 90 and photo_reviews >= 2 and orders >= 5",
    ),
    # SEG-014, MSG-037.
    Template("lapsed-regulars", "Regulars who have lapsed", "到期未购的老客户", "lapsed and orders >= 3"),
    # SEG-028: the first three purchases matter most.
    Template("first-three", "In their first three purchases", "前三次购买", "orders in (1, 2, 3) and not lapsed"),
    # SEG-043.
    Template(
        "campaign-customers",
        "Buy by promotion",
        "活动客户",
        "orders in 365 days >= 3 and promotion_share >= 60",
    ),
    # SEG-059.
    Template("extremely-loyal", "Extremely loyal", "极度忠诚客户", "orders >= 10 and positive_share >= 90"),
    Template(
        "benefit-sensitive-loyal",
        "Loyal, and sensitive to benefits",
        "对利益敏感的忠实客户",
        "orders >= 5 and promotion_share in 365 days >= 60",
    ),
    # SEG-015, SEG-011.
    Template(
        "about-to-leave",
        "Valuable, and about to leave",
        "即将流失的重要客户",
        "churn_risk = strong or life_cycle = pre_churn and rfm_class in (important_value, important_keep)",
    ),
    # SEG-001, SEG-002.
    Template("interested", "Interested, have not bought", "有兴趣未购买", "stage = new and views in 30 days >= 3"),
    Template("carts-left", "Left at the checkout", "结账中断", "interruptions in 7 days >= 1 and orders in 7 days = 0"),
    # FBK: who complained is cared for first.
    Template("complained", "Complained lately", "近期投诉客户", "complaints in 30 days >= 1"),
)
