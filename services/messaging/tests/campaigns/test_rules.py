"""Arms, states, automatic stop, and lift whose interval holds what it says."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.events.messages import CampaignEntry
from common.values.shares import Z_95, wilson
from messaging.campaigns.document import HOLD_OUT
from messaging.campaigns.lift import lift
from messaging.campaigns.rules import after, arm_of, leading, must_stop, not_ready, other_currency, too_dear
from messaging.jobs.planning import _within_budget

from ..campaigns_of import campaign

CUSTOMERS = [f"c{n}" for n in range(20_000)]


def test_arms_are_as_large_as_they_should_be_and_do_not_hang_together() -> None:
    """MSG-051: who is held out of one campaign is no likelier to be held out of the next."""
    spring, summer = campaign(), campaign(campaign="summer")
    arms = {c: arm_of(spring, "s", c, 0) for c in CUSTOMERS}
    shares = {arm: n / len(CUSTOMERS) for arm, n in Counter(arms.values()).items()}
    assert shares["hold_out"] == pytest.approx(0.1, abs=0.01)
    assert shares["b"] / shares["a"] == pytest.approx(3, rel=0.1)
    both = [c for c in CUSTOMERS if arms[c] == "hold_out" == arm_of(summer, "s", c, 0)]
    assert len(both) / len(CUSTOMERS) == pytest.approx(0.01, abs=0.004)


def test_a_cost_that_was_said_in_another_currency_is_said_anew() -> None:
    """ANA-052, decision 0070: 50 cents a message never become 50 yen."""
    document = campaign(cost_per_message=50, currency="EUR")
    assert other_currency(document, "EUR") == other_currency(campaign(cost_per_message=50), "JPY") == []
    assert other_currency(campaign(cost_per_message=0, currency="EUR"), "JPY") == [], "nothing is nothing in any"
    (said,) = other_currency(document, "JPY")
    assert "said in EUR, and the shop's currency is JPY" in said


def test_the_shops_own_hold_out_is_the_same_in_every_campaign() -> None:
    held = [c for c in CUSTOMERS if arm_of(campaign(hold_out_percent=0), "s", c, 5) == "hold_out"]
    assert len(held) / len(CUSTOMERS) == pytest.approx(0.05, abs=0.006)
    other = campaign(campaign="summer", hold_out_percent=0)
    assert [c for c in CUSTOMERS if arm_of(other, "s", c, 5) == "hold_out"] == held
    assert all(arm_of(other, "s", c, 8) == "hold_out" for c in held), "a larger one holds the smaller"


def test_all_ids_of_one_mailbox_are_in_one_arm() -> None:
    """MSG-057: who is held out is not written to under another id; decision 0048."""
    spring = campaign(hold_out_percent=50)
    for n in range(200):
        mailbox, number = bytes([n] * 16), bytes([255 - n] * 16)
        one = arm_of(spring, "s", f"web-{n}", 0, {"email": mailbox}, ("email", "sms"))
        assert arm_of(spring, "s", f"shop-{n}", 0, {"email": mailbox, "sms": number}, ("email", "sms")) == one
        by_text = arm_of(spring, "s", f"web-{n}", 0, {"email": mailbox, "sms": number}, ("sms",))
        assert arm_of(spring, "s", f"shop-{n}", 0, {"sms": number}, ("sms",)) == by_text
        kept = {arm_of(campaign(hold_out_percent=0), "s", c, 50, {"email": mailbox}, (c,)) for c in ("sms", "email")}
        assert len({arm == "hold_out" for arm in kept}) == 1, "the shop's own hold-out asks for no channel"


def test_without_a_mailbox_the_id_decides() -> None:
    """Decision 0048."""
    spring = campaign(hold_out_percent=50)
    arms = {c: arm_of(spring, "s", c, 0) for c in CUSTOMERS[:200]}
    assert {c: arm_of(spring, "s", c, 0, {}, ("email",)) for c in arms} == arms
    assert {arm == "hold_out" for arm in arms.values()} == {True, False}


@pytest.mark.parametrize("of", [(400, 100), (2_000, 500), (40, 20)])
def test_an_interval_of_95_percent_holds_the_truth_that_often(of: tuple[int, int]) -> None:
    """MSG-051: 1,000 simulated shops with a known lift."""
    order, (treated, held_out), hits = random.Random(7), of, 0
    for _ in range(1_000):
        base, gain = order.uniform(0.02, 0.4), order.uniform(-0.02, 0.15)
        bought = sum(order.random() < base + gain for _ in range(treated))
        anyway = sum(order.random() < base for _ in range(held_out))
        found = lift((bought, treated), (anyway, held_out))
        assert found is not None
        hits += found.low <= gain <= found.high
    assert 0.93 <= hits / 1_000 <= 0.985


def _simulated(campaigns: int, z: float) -> float:
    """How often the interval holds the true lift, of campaigns whose arms are drawn as they are drawn in earnest.

    Each customer orders with a likelihood of their own, and with another one when written to: the true lift is the mean
    of the differences, over customers who are the same in all campaigns.
    """
    order, people = random.Random(11), [f"c{n}" for n in range(200)]
    anyway = {c: order.betavariate(1, 6) for c in people}
    written_to = {c: min(1.0, anyway[c] + order.uniform(0, 0.2)) for c in people}
    truth, hits = sum(written_to[c] - anyway[c] for c in people) / len(people), 0
    for n in range(campaigns):
        document = campaign(campaign=f"c{n}", hold_out_percent=30)
        arms: dict[bool, list[int]] = {True: [0, 0], False: [0, 0]}
        for c in people:
            treated = arm_of(document, "s", c, 0) != HOLD_OUT
            arms[treated][0] += order.random() < (written_to if treated else anyway)[c]
            arms[treated][1] += 1
        (a, m), (b, k) = arms[True], arms[False]
        (low_p, high_p), (low_q, high_q) = wilson(a, m, z), wilson(b, k, z)
        found = lift((a, m), (b, k))
        assert found is not None
        low = found.difference - ((a / m - low_p) ** 2 + (high_q - b / k) ** 2) ** 0.5
        high = found.difference + ((high_p - a / m) ** 2 + (b / k - low_q) ** 2) ** 0.5
        if z == Z_95:
            assert (found.low, found.high) == pytest.approx((low, high))
        hits += low <= truth <= high
    return hits / campaigns


def test_a_shop_with_a_known_lift_is_told_it_as_often_as_the_interval_says() -> None:
    """MSG-051: 1,000 campaigns, from the draw of the arms to the interval; a narrower interval would be found out."""
    assert 0.94 <= _simulated(1_000, Z_95) <= 0.985
    assert _simulated(200, 1.28) < 0.88, "80 % would not pass for 95 %"


def test_lift_against_newcombes_own_example() -> None:
    """Newcombe 1998, table II, 56/70 and 48/80 by method 10: 0.0524 to 0.3339."""
    found = lift((56, 70), (48, 80), cost=1_000)
    assert found is not None
    assert (round(found.difference, 4), round(found.low, 4), round(found.high, 4)) == (0.2, 0.0524, 0.3339)
    assert found.cost_per_extra == pytest.approx(1_000 / 14)
    assert lift((1, 2), (0, 0)) is None


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_holds_its_share(successes: int, of: int) -> None:
    low, high = wilson(min(successes, of), of)
    assert 0 <= low <= min(successes, of) / of <= high <= 1


@pytest.mark.parametrize(
    ("action", "state", "leads_to"),
    [
        ("start", "draft", "running"), ("pause", "running", "paused"), ("resume", "paused", "running"),
        ("stop", "paused", "stopped"), ("start", "stopped", None), ("resume", "running", None),
        ("pause", "draft", None), ("start", "finished", None),
    ],
)  # fmt: skip
def test_what_may_be_done_with_a_campaign(action: Any, state: Any, leads_to: str | None) -> None:
    assert after(action, state) == leads_to


@pytest.mark.parametrize(
    ("sent", "opted_out", "bounced", "stops"),
    [
        (199, 100, 0, False), (200, 4, 0, False), (200, 5, 0, True), (1000, 20, 0, False), (150, 0, 50, True),
        (0, 0, 0, False),
    ],
)  # fmt: skip
def test_a_campaign_that_does_harm_stops_by_itself(sent: int, opted_out: int, bounced: int, stops: bool) -> None:
    """MSG-062."""
    assert (must_stop(campaign(), sent, opted_out, bounced) is not None) == stops


@pytest.mark.parametrize(
    ("treated", "held_out", "cost", "stops"),
    [
        # By Newcombe's own example at most 56 x 0.3339 / 0.8 = 23.4 of 70 are extra: 5.00 each are 116.87.
        ((56, 70), (48, 80), 11_600, False), ((56, 70), (48, 80), 11_700, True),
        ((10, 100), (60, 100), 1, True), ((10, 100), (60, 100), 0, False), ((0, 100), (0, 0), 10**9, False),
    ],
)  # fmt: skip
def test_a_campaign_stops_where_an_extra_order_is_sure_to_cost_too_much(
    treated: tuple[int, int], held_out: tuple[int, int], cost: int, stops: bool
) -> None:
    """XCT-010: by the upper end of the interval; where it surely brought nothing any cost is too much."""
    document = campaign(currency="EUR", stop={"after": 50, "cost_per_extra_order": 500})
    said = too_dear(document, 50, cost, lift(treated, held_out))
    assert (said is not None) == stops
    assert too_dear(document, 49, cost, lift(treated, held_out)) is None, "too few were sent"
    assert too_dear(campaign(currency="EUR"), 50, cost, lift(treated, held_out)) is None, "no limit is set"


def test_why_a_campaign_stopped_for_its_cost_is_said_in_its_money() -> None:
    document = campaign(currency="JPY", stop={"after": 10, "cost_per_extra_order": 500})
    said = too_dear(document, 70, 12_000, lift((56, 70), (48, 80)))
    assert said == "12,000 JPY for 23.4 extra orders at most, by those whose days are over; 500 each are allowed"
    (other,) = other_currency(document, "EUR")
    assert "stop.cost_per_extra_order: it is said in JPY" in other


def test_what_keeps_a_campaign_from_starting() -> None:
    """MSG-050, MSG-064."""
    asset = {"name": "poster", "url": "https://x.example/p.png"}
    waiting = campaign(checklist=[{"task": "stock"}, {"task": "texts", "done": True}], assets=[asset])
    assert not_ready(waiting) == ["checklist: stock", "assets: poster is not approved"]
    assert not_ready(campaign()) == []


def test_the_condition_that_an_index_finds_leads() -> None:
    vip = {"what": "tier", "in": ["VIP", "Supreme"]}
    assert leading(campaign(group=[{"what": "orders", "at_least": 2}, vip])) == ("tier", ["VIP", "Supreme"])
    assert leading(campaign(group=[{"what": "orders", "at_least": 2}])) == (None, [])


@pytest.mark.parametrize(
    "change",
    [
        {"variants": []},
        {"variants": [{"name": "a", "template": "x"}, {"name": "a", "template": "y"}]},
        {"variants": [{"name": "hold_out", "template": "x"}]},
        {"hold_out_percent": 101},
        {"assets": [{"name": "x", "url": "http://x.example"}]},
        {"starts_at": "tomorrow"},
    ],
)
def test_what_is_no_campaign_is_refused(change: Any) -> None:
    with pytest.raises(ValidationError):
        campaign(**change)


@pytest.mark.parametrize(
    ("channels", "treated", "come_in"), [(1, 0, 5), (2, 0, 2), (2, 1, 1), (3, 1, 0), (5, 0, 1), (6, 0, 0)]
)
def test_a_budget_is_of_messages_on_all_channels(channels: int, treated: int, come_in: int) -> None:
    """MSG-049, MSG-061: a customer with two channels may cost two; who is held out costs nothing."""
    entries = [CampaignEntry(customer=f"c{n}", arm=HOLD_OUT if n % 2 else "a") for n in range(20)]
    kept, spent = _within_budget(campaign(most_messages=5), entries, treated, channels)
    assert (sum(entry.arm == "a" for entry in kept), spent) == (come_in, True)
    assert (treated + come_in) * channels <= 5 or come_in == 0
    assert _within_budget(campaign(), entries, treated, channels) == (entries, False)
