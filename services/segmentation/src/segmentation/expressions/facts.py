"""The facts that segments may ask for: name, type, where each stands, and what it is called in words.

Only what stands here is ever put into a statement; all else is a bound parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from common.events.customers import LifeState
from common.events.segments import BuyerType, ChurnReason, ChurnStrength, Confidence, LifeCycle, Stage
from segmentation.attributes.rfm.cells import CELLS, high_or_low
from segmentation.attributes.rfm.groups import GROUPS
from segmentation.profiles.rules import CityLevel
from segmentation.tribes.rules import CONFIDENCE_SQL, TRIBE_SQL, TribeName

Kind = Literal["flag", "choice", "text", "number", "money", "date", "days"]
Source = Literal[
    "customer",
    "sales",
    "activity",
    "tier",
    "profile",
    "bought",
    "reviews",
    "complaints",
    "heard",
    "types",
    "shifts",
    "value",
]
ROWS: dict[Source, str] = {
    "sales": "sales where gone is null and",
    "activity": "activity_of_people where",
    "tier": "member_tiers where",
    "profile": "profiles_of_people where",
    "bought": "counted_orders where",
    "reviews": "reviews_of_people where",
    "complaints": "complaints_of_people where kind in ('complaint', 'quality', 'delivery') and",
    "heard": "signals_of_people where",
    "types": "customer_types where",
    "shifts": "taste_shifts where",
    "value": "customer_values where",
}
"""The rows of each source, to which the customers are added as a condition."""
ONE_ROW: tuple[Source, ...] = ("tier", "profile", "types", "shifts", "value")
"""Sources that have one row a customer; of the others their rows are summed, those of the last days alone if asked."""
WHEN = "{when}"


@dataclass(frozen=True, slots=True)
class Fact:
    """`sql` is its value of a customer `c`; of facts by day it is an aggregate over the rows of their table for which
    `WHEN` holds, in whose place the condition on their day comes.

    `kind`: `money` is in minor units of the shop's currency, `days` counts whole days from the date that `sql` is to
    today. `values` are those of a choice. `by_day`: it may be asked of the last days. `by_year`: it may turn with the
    year. `en`, `zh`: its words.
    """

    name: str
    kind: Kind
    sql: str
    en: str
    zh: str
    source: Source = "customer"
    values: tuple[str, ...] = ()
    by_day: bool = False
    by_year: bool = False


_GROUPS = tuple(dict.fromkeys(name for names in GROUPS.values() for name in names))
_CLASSES = ("important_value", "important_development", "important_keep", "general_value")
_FIRST, _LAST = "cast(c.first_day as date)", "cast(c.last_day as date)"


def _grade(name: str, place: int, en: str, zh: str) -> Fact:
    return Fact(name, "number", f"cast(substr(c.rfm_cell, {place}, 1) as integer)", en, zh)


def _activity(name: str, kind: str, en: str, zh: str) -> Fact:
    return Fact(
        name, "number", f"sum(count) filter (where kind = '{kind}' and {WHEN})", en, zh, "activity", by_day=True
    )


def _heard(name: str, signal: str, en: str, zh: str) -> Fact:
    return Fact(
        name, "number", f"count(*) filter (where '{signal}' = any(signals) and {WHEN})", en, zh, "heard", by_day=True
    )


def _share(name: str, source: Source, part: str, whole: str, en: str, zh: str) -> Fact:
    """Percent, rounded down; not known where there is nothing that it could be a share of."""
    sql = f"100 * count(*) filter (where {part} and {WHEN}) / nullif(count(*) filter (where {whole} and {WHEN}), 0)"
    return Fact(name, "number", sql, en, zh, source, by_day=True)


def _profile(name: str, en: str, zh: str, values: tuple[str, ...] = ()) -> Fact:
    return Fact(name, "choice" if values else "text", f"t.{name}", en, zh, "profile", values)


def _tribe(name: str, sql: str, en: str, zh: str, values: tuple[str, ...]) -> Fact:
    return Fact(name, "choice", sql, en, zh, "profile", values, by_year=True)


_NET = f"greatest(0, sum(paid - refunded) filter (where currency = :currency and {WHEN}))"
_ALL = (
    Fact("stage", "choice", "c.stage", "stage", "阶段", values=get_args(Stage)),
    Fact("repurchaser", "flag", "c.completed_orders > 1", "has bought twice or more", "复购客户"),
    Fact("life_cycle", "choice", "c.life_cycle", "life cycle", "生命周期", values=get_args(LifeCycle)),
    Fact("lapsed", "flag", "c.lapsed is not null", "has lapsed", "已流失到期"),
    Fact("rfm_class", "choice", "c.rfm_class", "RFM class", "RFM 类别", values=_CLASSES),
    Fact(
        "rfm_cell",
        "choice",
        high_or_low("c."),
        "RFM cell (R, F, M: 1 = high)",
        "RFM 单元（R、F、M：1 为高）",
        values=CELLS,
    ),
    Fact("rfm_group", "choice", "c.rfm_group", "RFM group", "RFM 分组", values=_GROUPS),
    _grade("recency_grade", 1, "grade of recency", "最近购买等级"),
    _grade("frequency_grade", 2, "grade of frequency", "购买频率等级"),
    _grade("monetary_grade", 3, "grade of amount", "购买金额等级"),
    Fact("churn_risk", "choice", "c.churn_risk", "churn warning", "流失预警", values=get_args(ChurnStrength)),
    Fact("churn_reason", "choice", "c.churn_reason", "reason for leaving", "流失原因", values=get_args(ChurnReason)),
    Fact(
        "orders", "number", f"sum(orders) filter (where {WHEN})", "completed orders", "成交订单数", "sales", by_day=True
    ),
    Fact("spent", "money", _NET, "amount spent", "消费金额", "sales", by_day=True),
    Fact(
        "order_value",
        "money",
        f"{_NET} / nullif(sum(orders) filter (where currency = :currency and {WHEN}), 0)",
        "average order value",
        "客单价",
        "sales",
        by_day=True,
    ),
    Fact(
        "refunded",
        "money",
        f"sum(refunded) filter (where currency = :currency and {WHEN})",
        "amount refunded",
        "退款金额",
        "sales",
        by_day=True,
    ),
    Fact("first_order", "date", _FIRST, "first order", "首次购买日期"),
    Fact("last_order", "date", _LAST, "last order", "最近购买日期"),
    Fact("days_since_first_order", "days", _FIRST, "days since the first order", "距首次购买天数"),
    Fact("days_since_last_order", "days", _LAST, "days since the last order", "距最近购买天数"),
    _activity("views", "product.viewed", "products viewed", "浏览次数"),
    _activity("searches", "product.searched", "searches", "搜索次数"),
    _activity("favourites", "product.favourited", "products favourited", "收藏次数"),
    _activity("carts", "cart.updated", "changes of the cart", "购物车变动次数"),
    _activity("interruptions", "checkout.interrupted", "interrupted checkouts", "中断结账次数"),
    _activity("chats", "chat.ended", "chats", "咨询次数"),
    Fact("member", "flag", "t.customer is not null", "is a member", "是会员", "tier"),
    Fact("tier", "text", "t.tier", "tier", "会员等级", "tier"),
    _profile("gender", "gender", "性别", ("female", "male", "other")),
    _profile("region", "region", "地区"),
    _profile("city", "city", "城市"),
    _profile("city_level", "level of the city", "城市级别", get_args(CityLevel)),
    _profile("life_state", "life state by address", "生活状态", get_args(LifeState)),
    Fact("born_from", "number", "t.born_from", "first of five years of birth", "出生年段", "profile"),
    _tribe("tribe", TRIBE_SQL, "tribe", "族群", get_args(TribeName)),
    _tribe("tribe_confidence", CONFIDENCE_SQL, "confidence of the tribe", "族群可信度", get_args(Confidence)),
    _profile("education", "education", "学历"),
    _profile("source", "source of the profile", "来源"),
    _share("promotion_share", "bought", "promoted", "true", "percent of orders with a promotion", "促销订单占比"),
    _share(
        "silent_share", "bought", "silent", "silent is not null", "percent of orders without a chat", "静默下单占比"
    ),
    Fact("units", "number", f"sum(units) filter (where {WHEN})", "units bought", "购买件数", "bought", by_day=True),
    Fact("reviews", "number", f"count(*) filter (where {WHEN})", "reviews", "评价数", "reviews", by_day=True),
    Fact(
        "photo_reviews",
        "number",
        f"count(*) filter (where photos > 0 and {WHEN})",
        "reviews with photos",
        "买家秀数",
        "reviews",
        by_day=True,
    ),
    _share("positive_share", "reviews", "stars >= 4", "stars is not null", "percent of positive reviews", "好评率"),
    _heard("stories", "story", "texts with a story of the purchase", "讲述购物故事次数"),
    _heard("haggling", "haggling", "texts that haggle", "议价次数"),
    _heard("praise_asked", "praise_seeking", "texts that ask for praise", "寻求赞美次数"),
    Fact("buyer_type", "choice", "t.type", "buyer type", "会员类型", "types", get_args(BuyerType)),
    Fact(
        "type_confidence",
        "choice",
        "t.confidence",
        "confidence of the type",
        "类型可信度",
        "types",
        get_args(Confidence),
    ),
    Fact("rising_category", "text", "t.rising[1]", "category most rising", "上升最多的品类", "shifts"),
    Fact("falling_category", "text", "t.falling[1]", "category most falling", "下降最多的品类", "shifts"),
    Fact("lifetime_value", "money", "t.value", "lifetime value", "终身价值", "value"),
    Fact("value_grade", "number", "t.grade", "grade of lifetime value", "终身价值等级", "value"),
    Fact("complaints", "number", f"count(*) filter (where {WHEN})", "complaints", "投诉数", "complaints", by_day=True),
)
NOT_OF_NOTHING = frozenset(("order_value", "promotion_share", "silent_share", "positive_share"))
"""Means and shares: of nothing they are not known, where sums and counts are 0."""
FACTS = {fact.name: fact for fact in _ALL}
