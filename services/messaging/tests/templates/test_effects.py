"""Greetings beside promotions: what each led to (MSG-013)."""

from __future__ import annotations

import pytest

from messaging.api.template_effects import EffectOut, _difference, _of_kind


def effect(kind: str, template: str, customers: int, ordered: int, opted_out: int) -> EffectOut:
    sent = 2 * customers
    return EffectOut(kind=kind, template=template, sent=sent, customers=customers, ordered=ordered, opted_out=opted_out)


def test_greetings_and_promotions_are_added_up_and_compared() -> None:
    greeting = _of_kind("greeting", [effect("greeting", "birthday", 40, 30, 0), effect("greeting", "tier", 30, 26, 1)])
    promotion = _of_kind("promotion", [effect("promotion", "win_back", 80, 48, 8)])
    assert (greeting.sent, greeting.customers, greeting.ordered) == (140, 70, 56)
    assert (greeting.ordered_share, promotion.opted_out_share) == (0.8, 0.1)
    ordered = _difference(greeting, promotion, "ordered")
    assert ordered is not None
    found = (ordered.difference, ordered.low, ordered.high)
    assert found == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4), "Newcombe's example"
    out = _difference(greeting, promotion, "opted_out")
    assert out is not None
    assert out.difference < 0


def test_what_was_sent_to_nobody_is_compared_with_nothing() -> None:
    assert _difference(None, _of_kind("promotion", [effect("promotion", "win_back", 8, 4, 0)]), "ordered") is None
    assert _of_kind("greeting", []).ordered_share is None
