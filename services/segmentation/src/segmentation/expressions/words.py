"""An expression in words, Chinese or English, for the shop's people."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from segmentation.expressions.facts import Fact
from segmentation.expressions.tree import (
    All,
    Any,
    Bought,
    Compare,
    Flag,
    InSegment,
    Not,
    OneOf,
    Tagged,
    Tree,
    Value,
)

Language = Literal["en", "zh"]
_RELATIONS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "=": "is",
        "!=": "is not",
        "<": "is below",
        "<=": "is at most",
        ">": "is above",
        ">=": "is at least",
    },
    "zh": {"=": "等于", "!=": "不等于", "<": "小于", "<=": "不超过", ">": "大于", ">=": "不少于"},
}
_ON_DATES: Mapping[Language, Mapping[str, str]] = {
    "en": {"<": "is before", "<=": "is on or before", ">": "is after", ">=": "is on or after"},
    "zh": {"<": "早于", "<=": "不晚于", ">": "晚于", ">=": "不早于"},
}
_VALUES_ZH: Mapping[str, str] = {
    "prospect": "潜在客户",
    "new": "新客户",
    "returning": "老客户",
    "active": "活跃",
    "sleeping": "睡眠",
    "pre_churn": "预流失",
    "churned": "流失",
    "dead": "死亡",
    "important_value": "重要价值客户",
    "important_development": "重要发展客户",
    "important_keep": "重要保持客户",
    "general_value": "一般价值客户",
    "weak": "弱",
    "strong": "强",
    "service": "对服务不满意",
    "nobody_cares": "没有人关心",
    "price": "发现更便宜的价格",
    "better_product": "发现更好的产品",
    "other": "其他",
    "female": "女",
    "male": "男",
    "tier_1": "一线城市",
    "tier_2": "二线城市",
    "tier_3_4": "三四线城市",
    "remote": "偏远地区",
    "student": "学生",
    "white_collar": "白领",
    "civil_servant": "公务员",
    "homebody": "宅人",
    "elderly": "养老族",
    "boss": "老板族",
    "housewife": "家庭主妇族",
    "ant_tribe": "蚁族",
    "low": "低",
    "medium": "中",
    "high": "高",
    "emotional": "感性型",
    "impulsive": "冲动型",
    "rational": "理智型",
    "vip_type": "VIP 型",
    "habitual": "习惯型",
    "opinion_led": "舆论型",
    "cautious": "谨慎型",
    "greedy": "贪利型",
    "champions": "冠军客户",
    "promising": "有潜力的新客户",
    "loyal": "忠诚客户",
    "almost_lost": "濒临流失",
    "needs_attention": "需要关注",
    "need_attention": "需要关注",
    "dormant": "休眠客户",
    "at_risk": "有流失风险",
    "previously_loyal": "曾经忠诚",
    "prospects": "潜在客户",
    "potential_loyalist": "潜在忠诚客户",
    "cant_lose": "不能失去",
    "about_to_sleep": "即将休眠",
    "lost": "已流失",
    "others": "其他",
}
"""Of facts with a choice of values; what people wrote themselves stays as they did."""


def explain(tree: Tree, language: Language, names: Mapping[str, str] | None = None) -> str:
    """The whole expression in one sentence; `names` are those of the segments that it mentions."""
    return _said(tree, language, names or {}, outermost=True)


def _said(tree: Tree, language: Language, names: Mapping[str, str], *, outermost: bool = False) -> str:
    english = language == "en"
    if isinstance(tree, All | Any):
        word = (" and " if english else "，并且") if isinstance(tree, All) else (" or " if english else "，或者")
        said = word.join(_said(part, language, names) for part in tree.parts)
        return said if outermost else (f"({said})" if english else f"（{said}）")
    if isinstance(tree, Not):
        said = _said(tree.part, language, names, outermost=True)
        return f"not ({said})" if english else f"并非（{said}）"
    if isinstance(tree, Flag):
        return tree.fact.en if english else tree.fact.zh
    if isinstance(tree, Tagged):
        return f"bears the tag “{tree.tag}”" if english else f"带有标签“{tree.tag}”"
    if isinstance(tree, InSegment):
        name = names.get(tree.segment, tree.segment)
        return f"belongs to the segment “{name}”" if english else f"属于分组“{name}”"
    if isinstance(tree, Bought):
        return _bought(tree, language)
    return _compared(tree, language)


def _bought(tree: Bought, language: Language) -> str:
    relation = _RELATIONS[language][tree.operator]
    if language == "en":
        within = f" in the last {tree.days} days" if tree.days is not None else ""
        return f"orders with {tree.field} “{tree.name}”{within} {relation.replace('is', 'are', 1)} {tree.value}"
    within = f"最近 {tree.days} 天" if tree.days is not None else ""
    field = {"category": "品类", "brand": "品牌", "sku": "商品"}[tree.field]
    return f"{within}含{field}“{tree.name}”的订单数{relation} {tree.value}"


def _compared(tree: Compare | OneOf, language: Language) -> str:
    fact = tree.fact
    what = fact.en if language == "en" else fact.zh
    if tree.days is not None:
        what = f"{what} in the last {tree.days} days" if language == "en" else f"最近 {tree.days} 天{what}"
    if isinstance(tree, OneOf):
        values = [_value(fact, value, language) for value in tree.values]
        return f"{what} is one of {', '.join(values)}" if language == "en" else f"{what}为{'、'.join(values)}之一"
    relations = _RELATIONS[language]
    if fact.kind == "date":
        relations = {**relations, **_ON_DATES[language]}
    space = " " if language == "en" else ""
    return f"{what}{space}{relations[tree.operator]} {_value(fact, tree.value, language)}"


def _value(fact: Fact, value: Value, language: Language) -> str:
    if isinstance(value, str):
        return _VALUES_ZH.get(value, value) if language == "zh" and fact.kind == "choice" else value
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
