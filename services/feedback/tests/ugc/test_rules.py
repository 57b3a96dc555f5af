"""Content as rules: what may be submitted, what follows what, what is shown to whom (FBK-042, FBK-045, FBK-046)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.events.feedback import ContentEvent
from common.values.names import asked
from feedback.ugc.policy import ContentRewards
from feedback.ugc.rules import (
    ContentStands,
    ContentUnfit,
    NewContent,
    Reader,
    Verdict,
    decided,
    earning_of,
    select,
    submitted,
)

NOW = datetime(2025, 3, 1, tzinfo=UTC)


def new(**fields: Any) -> NewContent:
    told: dict[str, Any] = {"content_id": "c", "kind": "buyer_show", "text": "My cup"}
    return NewContent(**told | fields)


OF_SHOP: dict[str, Any] = {"text": None, "title": "Brewing", "link": "https://shop.example/brewing"}


@pytest.mark.parametrize(
    ("content", "customer", "shown"),
    [
        (new(), None, 6),
        (new(kind="tutorial", **OF_SHOP | {"title": None}), None, 0),
        (new(kind="tutorial", **OF_SHOP | {"link": None}), None, 0),
        (new(kind="tutorial", **OF_SHOP | {"text": "words"}), None, 5),
        (new(kind="guarantee"), "ann", 6),
        (new(text="\u200b\u2060"), "ann", 0),
        (new(as_buyer=True), "ann", 6),
    ],
)
def test_what_does_not_fit_together_is_refused(content: NewContent, customer: str | None, shown: int) -> None:
    with pytest.raises(ContentUnfit):
        submitted(content, customer, shown, NOW)


def test_content_is_approved_with_a_grade_graded_anew_and_withdrawn_for_good() -> None:
    content: ContentEvent = submitted(new(), "ann", 6, NOW)
    with pytest.raises(ContentUnfit):
        decided(content, Verdict("approve", "li"), NOW)
    with pytest.raises(ContentUnfit):
        decided(content, Verdict("refuse", "li", grade="A"), NOW)
    approved = decided(content, Verdict("approve", "li", "B"), NOW)
    assert approved is not None
    assert (approved.TYPE, approved.state, approved.revision) == ("ugc.approved", "approved", 2)
    assert decided(approved, Verdict("approve", "li", "B"), NOW) is None, "the very same again"
    assert decided(approved, Verdict("approve", "li (key 1a2b3c4d)", "B"), NOW) is None, "by another key"
    better = decided(approved, Verdict("approve", "li", "A", featured=True), NOW)
    assert better is not None
    with pytest.raises(ContentStands):
        decided(better, Verdict("refuse", "li"), NOW)
    gone = decided(better, Verdict("withdraw", "li", reason="asked for"), NOW)
    assert gone is not None
    assert (gone.TYPE, gone.grade, gone.featured) == ("ugc.changed", None, False)
    with pytest.raises(ContentStands):
        decided(gone, Verdict("approve", "li", "A"), NOW)


RULES = ContentRewards.model_validate(
    {
        "grades": {
            "A": {"form": "points", "points": 200, "worth": 100},
            "B": {"form": "gift", "gift": "cup", "worth": 900},
        },
        "most": 2,
    }
)


@pytest.mark.parametrize(
    ("verdict", "as_buyer", "before", "earned_before", "earned"),
    [
        (Verdict("approve", "li", "A"), True, 0, False, "points"),
        (Verdict("approve", "li", "B"), True, 1, False, "gift"),
        (Verdict("approve", "li", "C"), True, 0, False, None),
        (Verdict("approve", "li", "A"), True, 2, False, "most"),
        (Verdict("approve", "li", "A"), False, 0, False, "not_a_buyer"),
        (Verdict("approve", "li", "A"), True, 0, True, "earned_before"),
        (Verdict("refuse", "li"), True, 0, False, None),
    ],
)
def test_fbk_043_good_content_of_a_buyer_earns_by_its_grade_or_says_why_not(
    verdict: Verdict, as_buyer: bool, before: int, earned_before: bool, earned: str | None
) -> None:
    content = submitted(new(as_buyer=as_buyer, order_id="o1"), "ann", 6, NOW)
    found = earning_of(
        content, verdict, RULES, NOW, rewarded_before=before, currency="CNY", earned_before=earned_before
    )
    assert (found.reward.form if found.reward else found.no_reward) == earned
    made = decided(content, verdict, NOW, found)
    assert made is not None
    assert (made.reward, made.no_reward) == (found.reward, found.no_reward)


def test_fbk_043_content_that_earned_something_earns_nothing_more_and_keeps_it() -> None:
    content: ContentEvent = submitted(new(as_buyer=True, order_id="o1"), "ann", 6, NOW)
    verdict = Verdict("approve", "li", "B")
    first = earning_of(content, verdict, RULES, NOW, rewarded_before=0, currency="CNY", grounds=("g",))
    assert first.reward is not None
    assert (first.reward.grounds, first.reward.worth, first.reward.currency) == (("g",), 900, "CNY")
    approved = decided(content, Verdict("approve", "li", "B"), NOW, first)
    assert approved is not None
    later = NOW + timedelta(days=1)
    for verdict in (Verdict("approve", "li", "A"), Verdict("withdraw", "li")):
        again = earning_of(approved, verdict, RULES, later, rewarded_before=1, currency="CNY", earned_before=True)
        assert again == first
    gone = decided(approved, Verdict("withdraw", "li"), NOW)
    assert gone is not None
    assert (gone.state, gone.reward) == ("withdrawn", first.reward), "membership reads what it takes back"


@pytest.mark.parametrize(
    ("by", "grade", "alone", "earned"),
    [
        ("wu", "A", False, ("wu", "li")),
        ("wu", "A", True, ("wu", "li")),
        ("LI", "A", False, None),
        ("li", "A", True, ("li", None)),
        ("wu", "B", False, None),
        ("wu", "B", True, ("wu", None)),
    ],
)
def test_sec_012_what_is_too_much_for_one_person_is_earned_by_the_same_grade_of_another(
    by: str, grade: Any, alone: bool, earned: tuple[str, str | None] | None
) -> None:
    content = submitted(new(as_buyer=True, order_id="o1"), "ann", 6, NOW)
    first = Verdict("approve", "li", "A")
    waits = earning_of(content, first, RULES, NOW, rewarded_before=0, currency="CNY", alone=False)
    assert (waits.reward, waits.no_reward) == (None, "another_person")
    assert waits.proposed is not None
    assert (waits.proposed.points, waits.proposed.worth, waits.proposed.by) == (200, 100, "li")
    graded = decided(content, first, NOW, waits)
    assert graded is not None
    second = Verdict("approve", by, grade)
    found = earning_of(graded, second, RULES, NOW, rewarded_before=0, currency="CNY", alone=alone)
    assert (found.reward and (found.reward.by, found.reward.proposed_by)) == earned
    assert found.no_reward == (None if earned else "another_person")
    assert (found.proposed is None) == bool(earned)
    # What the shop's rule says by then is nothing that the first one proposed.
    for grades in ({}, {"A": {"form": "points", "points": 1_000_000, "worth": 900_000}}):
        later = ContentRewards.model_validate({"grades": grades})
        found = earning_of(graded, Verdict("approve", "wu", "A"), later, NOW, rewarded_before=0, currency="EUR")
        assert found.reward is not None
        assert (found.reward.points, found.reward.worth, found.reward.currency) == (200, 100, "CNY")


@pytest.mark.parametrize(
    "bad", [{"form": "points"}, {"form": "gift", "points": 3}, {"form": "coupon", "gift": "x"}, {}]
)
def test_a_rule_of_rewards_names_one_thing(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="grades"):
        ContentRewards.model_validate({"grades": {"A": {"worth": 1} | bad}})
    with asked(), pytest.raises(ValueError, match="worth"):
        ContentRewards.model_validate({"grades": {"A": {"form": "points", "points": 3}}})


def shown(content_id: str, kind: Any, grade: Any = "B", days: int = 0, **fields: Any) -> ContentEvent:
    at = NOW + timedelta(days=days)
    told = {"state": "approved", "submitted_at": at, "grade": grade, "revision": 2}
    return ContentEvent(content_id=content_id, kind=kind, **told | fields)


LIBRARY = [
    shown("old-a", "buyer_show", "A", days=-9),
    shown("new-b", "buyer_show", days=-1),
    shown("new-c", "buyer_show", "C"),
    shown("review", "review", "A"),
    shown("leader", "review", of_leader=True),
    shown("guarantee", "guarantee"),
    shown("test", "product_test"),
    shown("featured", "usage_note", featured=True),
    shown("waits", "review", None, state="submitted"),
    shown("gone", "guarantee", None, state="withdrawn"),
]


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        ("opinion_led", ["featured", "old-a", "new-b", "leader", "review"]),
        ("cautious", ["guarantee", "test", "leader"]),
        ("anybody", ["featured", "leader", "review", "old-a", "guarantee", "test", "new-b", "new-c"]),
    ],
)
def test_fbk_046_each_type_of_customer_is_shown_what_persuades_it(reader: Reader, expected: list[str]) -> None:
    assert [content.content_id for content in select(LIBRARY, reader)] == expected
    assert select(LIBRARY[::-1], reader) == select(LIBRARY, reader)
