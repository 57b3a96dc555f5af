"""What a message says, in each language."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from messaging.channels.sms.segments import segments_of
from messaging.flows.book import library
from messaging.templates.rendering import IncompleteText, known_templates, render

PURPOSES = {
    step.template: step.purpose or found.document.purpose
    for found in library().values()
    for step in found.document.messages
}
AT = "2025-03-10T18:00:00Z"
DETAILS: dict[str, dict[str, str | int]] = {
    "tier": {"tier": "VIP"}, "survey": {"order_id": "o1", "answer_url": "https://shop.example/a"}, "lapse": {},
    "tier_drop": {"tier": "VIP", "term_ends_at": AT},
    "points_expiring": {"points": 120, "expires_at": AT},
    "new_arrival": {"day": "2025-03-10", "products": "tea", "count": 1},
    **{t: {"day": "2025-03-10"} for t in ("member_day", "sale_days", "holiday_greeting", "holiday_offer")},
    **{t: {"ticket_id": "t1"} for t in ("complaint_resolved", "complaint_follow_up")},
    "order_receipt_due": {"order_id": "o1", "completes_at": "2025-03-10T18:00:00Z"},
    **{f: {"order_id": "o1", "promised_by": "2025-03-10T18:00:00Z"} for f in ("delivery_late", "delivered_late")},
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh-CN", "fr", None])
@pytest.mark.parametrize("flow", sorted(PURPOSES))
def test_every_flow_has_its_text_in_every_language(flow: str, language: str | None) -> None:
    """MSG-009, SEC-005: every marketing message and survey carries its unsubscribe link; notices carry none."""
    url = None if PURPOSES[flow] == "transactional" else "https://shop.example/unsubscribe/t"
    values = {
        **DETAILS.get(flow, {"order_id": "o1"}),
        "name": "O'Brien & Söhne",
        "shop_name": "Shop",
        "unsubscribe_url": url,
    }
    rendered = render(flow, language, values)
    assert rendered.subject
    assert "\n" not in rendered.subject
    assert "O'Brien & Söhne" in rendered.text
    assert ("unsubscribe/t" in rendered.text) == (url is not None)
    assert "{" not in rendered.text + rendered.subject


def test_every_text_belongs_to_a_flow() -> None:
    assert known_templates() == set(PURPOSES)


def test_a_day_is_the_one_where_the_recipient_is() -> None:
    values = {**DETAILS["delivery_late"], "name": None, "shop_name": "S", "unsubscribe_url": None}
    assert "2025-03-10" in render("delivery_late", "en", values).text
    assert "2025-03-11" in render("delivery_late", "zh", {**values, "zone": ZoneInfo("Asia/Shanghai")}).text


@pytest.mark.parametrize(
    ("language", "subject", "says"),
    [("en", "Shop would like to hear from you", "a few short questions"), ("zh-CN", "Shop 想听听您的意见", "无需登录")],
)
def test_a_survey_about_no_purchase_speaks_of_none(language: str, subject: str, says: str) -> None:
    """FBK-003, FBK-015: feedback names the kind of every survey but the usage question."""
    values = {"kind": "nps", "answer_url": "https://shop.example/a", "name": "Ann", "shop_name": "Shop"}
    rendered = render("survey", language, values | {"unsubscribe_url": "https://shop.example/unsubscribe/t"})
    assert rendered.subject == subject
    assert says in rendered.text
    assert "\n\nhttps://shop.example/a\n" in rendered.text


def test_a_name_is_text_and_never_a_template_and_a_missing_value_is_said() -> None:
    values = {"order_id": "o1\r\nBcc: x@y.z", "name": "{{ 7 * 7 }}", "shop_name": "S", "unsubscribe_url": None}
    rendered = render("order_paid", "en", values)
    assert "{{ 7 * 7 }}" in rendered.text
    assert "\n" not in rendered.subject
    with pytest.raises(IncompleteText, match="order_id"):
        render("order_paid", "en", {k: v for k, v in values.items() if k != "order_id"})


@pytest.mark.parametrize(("language", "words"), [("en", "just answer this message"), ("zh", "直接回复本邮件")])
def test_an_answer_is_asked_for_only_where_somebody_reads_it(language: str, words: str) -> None:
    values = {"order_id": "o1", "name": None, "shop_name": "S", "unsubscribe_url": None}
    assert words in render("order_delivered", language, {**values, "answers_read": True}).text
    assert words not in render("order_delivered", language, {**values, "answers_read": False}).text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("flow", sorted(PURPOSES))
def test_every_flow_has_a_short_text_that_says_how_to_opt_out(flow: str, language: str) -> None:
    """MSG-009: every marketing text message carries its opt-out; none needs more than two parts without its links."""
    url = None if PURPOSES[flow] == "transactional" else "https://shop.example/unsubscribe/t"
    values = {**DETAILS.get(flow, {"order_id": "o1"}), "name": "Mo", "shop_name": "Shop", "unsubscribe_url": url}
    rendered = render(flow, language, values, short=True)
    assert rendered.subject == ""
    assert "\n" not in rendered.text
    assert ("STOP" in rendered.text or "退订" in rendered.text) == (url is not None)
    assert segments_of(rendered.text).parts <= 2
