"""Forms of campaigns, texts and segments as the services take them; what cannot be used says why, at its field."""

from __future__ import annotations

from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from console.access.roles import may
from console.campaigns import forms as campaigns
from console.campaigns.outcomes import outcome
from console.flows.page import _days
from console.flows.tried import SHOWN, Tried
from console.letters import forms as letters
from console.segments.page import Draft, fault
from console.texts import translated
from console.web.navigation import SECTIONS, shown

ZONE = ZoneInfo("Asia/Shanghai")
CAMPAIGN = dict(campaigns.EMPTY) | {
    "campaign": "spring_tea",
    "title": "Spring tea",
    "goal": "200 buy again",
    "segment": "quiet",
    "template": "sale",
    "starts_at": "2026-03-05T10:00",
    "cost_per_message": "0.05",
    "checklist": "x texts read\nstock counted\n\n",
}


def test_a_campaign_is_read_as_messaging_takes_it() -> None:
    """MSG-049: money in minor units, times of the shop, a checklist with what is done."""
    found = campaigns.read(CAMPAIGN, None, ZONE, "CNY")
    assert found.wrong == {}
    assert found.document == {
        "campaign": "spring_tea",
        "title": "Spring tea",
        "goal": "200 buy again",
        "variants": [{"name": "a", "template": "sale"}],
        "group": [{"what": "segment.quiet", "is": "in"}],
        "starts_at": "2026-03-05T10:00:00+08:00",
        "hold_out_percent": 10,
        "attribution_days": 14,
        "offer": None,
        "give_coupons": False,
        "most_messages": None,
        "cost_per_message": 5,
        "checklist": [{"task": "texts read", "done": True}, {"task": "stock counted", "done": False}],
    }


def test_a_draft_whose_cost_was_said_in_another_currency_asks_for_it_anew() -> None:
    """ANA-052, decision 0070: 0.50 EUR are never shown, or saved, as JPY 50."""
    draft = campaigns.read(CAMPAIGN, None, ZONE, "EUR").document | {"currency": "EUR", "cost_per_message": 50}
    assert campaigns.written(draft, 1, ZONE, "EUR")["cost_per_message"] == "0.50"
    form = campaigns.written(draft, 1, ZONE, "JPY")
    assert form["cost_per_message"] == ""
    saved = campaigns.read(form | {"cost_per_message": "8"}, draft, ZONE, "JPY").document
    assert (saved["cost_per_message"], "currency" in saved) == (8, False), "messaging says which it is"
    limited = draft | {"stop": {"cost_per_extra_order": 1_250}}
    left = campaigns.read(campaigns.written(limited, 1, ZONE, "JPY"), limited, ZONE, "JPY").wrong
    assert left.keys() == {"cost_per_message", "cost_per_extra_order"}, "left empty it is not 0, nor no limit"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("campaign", "Spring"),
        ("title", " "),
        ("goal", ""),
        ("template", ""),
        ("starts_at", "tomorrow"),
        ("hold_out_percent", "101"),
        ("hold_out_percent", "１０"),
        ("attribution_days", "0"),
        ("most_messages", "0"),
        ("most_messages", "many"),
        ("cost_per_message", "1.000"),
        ("cost_per_message", "-1"),
        ("checklist", "\n".join(["one"] * 51)),
    ],
)
def test_a_field_of_a_campaign_that_cannot_be_used_is_named(name: str, written: str) -> None:
    assert campaigns.read(CAMPAIGN | {name: written}, None, ZONE, "CNY").wrong.keys() == {name}


@pytest.mark.parametrize("name", ["0", "-1", "0.001", "many"])
def test_what_an_extra_order_may_cost_is_an_amount_or_nothing(name: str) -> None:
    """XCT-010."""
    assert campaigns.read(CAMPAIGN | {"cost_per_extra_order": name}, None, ZONE, "CNY").wrong.keys() == {
        "cost_per_extra_order"
    }


def test_what_an_extra_order_may_cost_is_kept() -> None:
    """XCT-010: the other rules of stopping stay; an empty field takes the limit away."""
    base = campaigns.read(CAMPAIGN, None, ZONE, "CNY").document | {"stop": {"after": 50}}
    document, wrong = campaigns.read(CAMPAIGN | {"cost_per_extra_order": "12.50"}, base, ZONE, "CNY")
    assert (document["stop"], wrong) == ({"after": 50, "cost_per_extra_order": 1_250}, {})
    form = campaigns.written(document, 1, ZONE, "CNY")
    assert form["cost_per_extra_order"] == "12.50"
    assert campaigns.read(form | {"cost_per_extra_order": ""}, document, ZONE, "CNY").document["stop"] == {"after": 50}
    assert campaigns.read(form | {"hold_out_percent": "0"}, document, ZONE, "CNY").wrong == {}, (
        "the policy may hold out"
    )


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        ("sent", "sent", "已发送"),
        ("suppressed.opted_out", "not sent: the customer opted out", "未发送："),
        ("suppressed.new_reason", "suppressed.new_reason", "suppressed.new_reason"),
    ],
)
def test_what_became_of_a_campaigns_messages_is_said_in_words(name: str, english: str, chinese: str) -> None:
    assert outcome(name, partial(translated, "en")) == english
    assert outcome(name, partial(translated, "zh")).startswith(chinese)


def test_a_campaign_gives_coupons_of_an_offer_that_it_names() -> None:
    """MSG-026."""
    assert campaigns.read(CAMPAIGN | {"give_coupons": "yes"}, None, ZONE, "CNY").wrong.keys() == {"offer"}
    document, wrong = campaigns.read(CAMPAIGN | {"give_coupons": "yes", "offer": "spring-10"}, None, ZONE, "CNY")
    assert (wrong, document["offer"], document["give_coupons"]) == ({}, "spring-10", True)
    assert campaigns.written(document, 1, ZONE, "CNY")["offer"] == "spring-10"


def test_what_the_form_of_a_campaign_does_not_show_stays() -> None:
    """Other texts that are tried, other conditions, assets: a change of the title loses none of them."""
    kept = {"what": "orders", "at_least": 3}
    base = campaigns.read(CAMPAIGN, None, ZONE, "CNY").document | {
        "variants": [{"name": "a", "template": "sale", "weight": 2}, {"name": "b", "template": "other", "weight": 1}],
        "group": [{"what": "segment.old", "is": "in"}, kept],
        "assets": [{"name": "banner"}],
    }
    form = campaigns.written(base, 3, ZONE, "CNY")
    assert (form["segment"], form["replaces"], form["cost_per_message"]) == ("old", "3", "0.05")
    assert campaigns.read(form, base, ZONE, "CNY") == (base, {}), "a form that nobody changed changes nothing"
    changed = campaigns.read(form | {"segment": "", "template": "new"}, base, ZONE, "CNY").document
    assert changed["group"] == [kept]
    assert changed["variants"][0] == {"name": "a", "template": "new", "weight": 2}
    assert changed["variants"][1]["name"] == "b"
    assert changed["assets"] == [{"name": "banner"}]


LETTER = {"template": "sale", "title": "A sale", "kind": "promotion", "values": "product = Oolong\n"}
ENGLISH = {"subject.en": "Tea", "text.en": "Hello {{ name }}", "short.en": "Tea!"}


def test_a_text_is_read_with_its_languages_and_samples() -> None:
    found = letters.read(LETTER | ENGLISH, None)
    assert found.wrong == {}
    assert found.document["values"] == {"product": "Oolong"}
    assert found.document["texts"] == {"en": {"subject": "Tea", "text": "Hello {{ name }}", "short": "Tea!"}}


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        (LETTER, {"subject.en"}),
        (LETTER | ENGLISH | {"template": "A sale"}, {"template"}),
        (LETTER | ENGLISH | {"kind": "spam"}, {"kind"}),
        (LETTER | ENGLISH | {"values": "two words = x"}, {"values"}),
        (LETTER | ENGLISH | {"short.en": " "}, {"short.en"}),
        (LETTER | ENGLISH | {"subject.zh": "茶"}, {"text.zh", "short.zh"}),
        (LETTER | ENGLISH | {"subject.en": "x" * 501}, {"subject.en"}),
    ],
)
def test_what_cannot_be_used_of_a_text_is_named(form: dict[str, str], wrong: set[str]) -> None:
    assert letters.read(form, None).wrong.keys() == wrong


def test_other_languages_and_html_of_a_text_stay() -> None:
    texts: dict[str, Any] = {
        "en": {"subject": "Tea", "text": "Hello", "short": "Tea!", "html": "<p>Hello</p>"},
        "de": {"subject": "Tee", "text": "Hallo", "short": "Tee!", "html": None},
    }
    base = {"template": "sale", "title": "A sale", "kind": "promotion", "values": {"product": "Oolong"}, "texts": texts}
    assert letters.read(letters.written(base), base) == (base, {})
    changed = letters.read(letters.written(base) | {"text.en": "Hi"}, base).document["texts"]
    assert (changed["en"]["text"], changed["en"]["html"], changed["de"]) == ("Hi", "<p>Hello</p>", texts["de"])


@pytest.mark.parametrize(
    ("draft", "usable"),
    [
        (Draft("quiet-1", "Quiet", "stage = returning"), True),
        (Draft("Quiet", "Quiet", "stage = returning"), False),
        (Draft("-quiet", "Quiet", "stage = returning"), False),
        (Draft("quiet", "", "stage = returning"), False),
        (Draft("quiet", "Q" * 101, "stage = returning"), False),
        (Draft("quiet", "Quiet", ""), False),
    ],
)
def test_a_segment_needs_an_id_a_name_and_a_condition(draft: Draft, usable: bool) -> None:
    assert (fault(draft) is None) == usable


def test_pages_of_a_trial_are_added_up() -> None:
    """MSG-048: over all pages, with the same few shown."""
    page = {
        "customers": 500,
        "history": "whole",
        "runs": {"goal": 2},
        "messages": {"sale": {"allowed": 3, "cap": 1}},
        "shown": [{"customer": str(n)} for n in range(15)],
    }
    tried = Tried()
    tried.add(page)
    tried.add(page | {"history": "newest", "messages": {"sale": {"allowed": 1}, "other": {"window": 2}}})
    assert (tried.customers, tried.sent, tried.newest_alone, len(tried.shown)) == (1_000, 4, True, SHOWN)
    assert tried.messages["sale"] == {"allowed": 4, "cap": 1}
    assert tried.runs == {"goal": 4}


@pytest.mark.parametrize(
    ("since", "until", "usable"),
    [
        ("2026-03-01", "2026-03-01", True),
        ("2026-03-02", "2026-03-01", False),
        ("", "2026-03-01", False),
        ("2026-03-01", "9999-12-31", False),
        ("soon", "2026-03-01", False),
    ],
)
def test_a_trial_is_from_a_day_to_the_end_of_another(since: str, until: str, usable: bool) -> None:
    days = _days(since, until, ZONE)
    assert (days is not None) == usable
    if days is not None:
        assert [each.isoformat() for each in days] == ["2026-03-01T00:00:00+08:00", "2026-03-02T00:00:00+08:00"]


def test_the_navigation_shows_what_the_role_may_see_and_where_one_is() -> None:
    """Each page of the header is one that the role may open; a page of its own belongs to its section."""
    for role in ("owner", "marketer", "agent", "operator", "viewer"):
        found = shown(lambda page, role=role: may(role, page), "/segment-builder")  # type: ignore[misc]
        assert all(may(role, entry.page) for section in found for entry, _ in section.entries)
        assert [section.label for section in found if section.current] == ["Customers"]
    operations = next(s for s in shown(lambda page: may("agent", page), "/health") if s.label == "Operations")
    may_see = ["health", "feeds", "catalogue", "shop_settings"]
    assert ([entry.page for entry, _ in operations.entries], operations.path) == (may_see, "/health")
    paths = [entry.path for section in SECTIONS for entry in section.entries]
    assert len(paths) == len(set(paths))
