"""The checker sees every kind of violation, and nothing where all is well. Violations are planted one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from chaos import checker, model
from chaos.answers import ACKED, FAILED, UNKNOWN, Answers, Campaign, Checkout, Referral, Ticket
from chaos.checks import events
from chaos.evidence import CampaignCounts, CouponCounts, CouponUse, Evidence, Fact, Leg, Logged

EVENTS: dict[str, dict[str, Any]] = {
    "e1": {
        "id": "e1",
        "type": "order.paid",
        "subject": "c1",
        "time": "2025-03-01T10:00:00Z",
        "data": {"order_id": "o1", "goods_paid": 10_000},
    },
    "e2": {
        "id": "e2",
        "type": "order.completed",
        "subject": "c1",
        "time": "2025-03-01T11:00:00Z",
        "data": {"order_id": "o1", "goods_paid": 10_000},
    },
    "e3": {
        "id": "e3",
        "type": "order.refunded",
        "subject": "c1",
        "time": "2025-03-01T12:00:00Z",
        "data": {"order_id": "o1", "refund_id": "r1", "amount": 2_500},
    },
    "e4": {
        "id": "e4",
        "type": "order.refunded",
        "subject": "c1",
        "time": "2025-03-01T12:00:01Z",
        "data": {"order_id": "o1", "refund_id": "r1", "amount": 2_500},
    },
}


def sound() -> tuple[Answers, Evidence]:
    """An order of 100.00, a quarter refunded, one redemption of 5; e4 repeated the refund and was refused.

    Three checkouts with one coupon, which the second gave back; a friend who has not ordered yet; a ticket; a campaign.
    """
    answers = Answers(
        {"e1": ACKED, "e2": ACKED, "e3": UNKNOWN, "e4": FAILED},
        {"p1": ACKED, "p2": FAILED},
        {"p1": ("c1", 5), "p2": ("c1", 500)},
        checkouts={
            "k0": Checkout(ACKED, coupon=True, quota=True, ended="commit", end=ACKED),
            "k1": Checkout(ACKED, coupon=True, ended="void", end=ACKED),
            "k2": Checkout(FAILED),
        },
        referrals={"f0": Referral("c1", "f0", ACKED), "f1": Referral("c1", "f1", FAILED)},
        tickets={"t0": Ticket("c1", ACKED, resolved=ACKED), "t1": Ticket("c1", FAILED)},
        campaigns={"spring": Campaign(ACKED, ACKED)},
    )
    names = ("e1", "e2", "e3")
    found = Evidence(
        applied={place: Counter(names) for place in ("taken", "membership", "segmentation")}
        | {"commands": Counter(["redemption-p1"])},
        members={
            "c1": {
                "orders": {
                    "o1": {
                        "goods": 10_000,
                        "refunds": [["EUR", 2_500, [], True, False, ["r1"]]],
                        "held": 75,
                        "said_completed": True,
                    }
                },
                "available": 70,
                "issued": -100,
                "reversed": 25,
                "redeemed": 5,
            }
        },
        buyers={
            "c1": {
                "order": {"o1": {"said_completed": True, "state": "completed"}},
                "refund": {"r1": {"amount": 2_500}},
            }
        },
        legs=[
            Leg("c1", "issued", "", -100, "e1"),
            Leg("c1", "pending", "o1", 100, "e1"),
            Leg("c1", "pending", "o1", -100, "e2"),
            Leg("c1", "available", "o1", 100, "e2"),
            Leg("c1", "available", "o1", -25, "e3"),
            Leg("c1", "reversed", "", 25, "e3"),
            Leg("c1", "available", "o1", -5, "p1"),
            Leg("c1", "redeemed", "", 5, "p1"),
        ],
        redemptions=[("p1", "c1", 5)],
        outboxes={
            "orders-ingest": [
                Fact(n, f"e{n}", "orders", "s/c1", EVENTS[f"e{n}"]["type"], True, UUID(int=n)) for n in (1, 2, 3)
            ]
        },
        claims={name: {UUID(int=1), UUID(int=2), UUID(int=3)} for name in events.CLAIMED_BY},
        dead={"membership": []},
        log=[Logged("orders", 0, n, "s/c1", id_) for n, id_ in enumerate(("e1", "e2", "e1", "e3"))],
        coupon_uses=[CouponUse("k0", "c1", "committed"), CouponUse("k1", "c1", "released")],
        coupons=CouponCounts(1, 1, 1),
        quota={"k0": "reserved"},
        referrals={"f0": "made"},
        tickets={"t0": ("resolved", Counter({"complaint.opened": 1, "complaint.resolved": 1}))},
        complaints={"t0": "closed"},
        campaigns={"spring": CampaignCounts(True, 2, 1, 1)},
        arms={"spring": {"c1": "a", "c2": "hold_out"}},
        written={"spring": Counter({"c1": 1})},
        mails=["<m1@x>", "<m2@x>", "<m2@x>"],
        purposes={"m1": "marketing", "m2": "transactional"},
    )
    return answers, found


def test_nothing_is_found_where_all_is_well() -> None:
    answers, found = sound()
    assert checker.check(answers, EVENTS, found) == []
    assert checker.repeated_mails(found) == 1


def test_an_event_without_an_answer_may_be_there_or_not() -> None:
    answers, found = sound()
    for place in ("taken", "membership", "segmentation"):
        del found.applied[place]["e3"]
    found.members["c1"]["orders"]["o1"] |= {"refunds": [], "held": 100}
    found.members["c1"] |= {"available": 95, "reversed": 0}
    found.buyers["c1"]["refund"] = {}
    found.legs = [leg for leg in found.legs if leg.cause != "e3"]
    found.outboxes["orders-ingest"].pop()
    found.log.pop()
    assert checker.check(answers, EVENTS, found) == []


@pytest.mark.parametrize(
    ("ended", "end", "stands"),
    [
        (None, UNKNOWN, "reserved"),
        ("commit", UNKNOWN, "committed"),
        ("commit", UNKNOWN, "reserved"),
        ("void", UNKNOWN, "released"),
        ("void", UNKNOWN, "reserved"),
    ],
)
def test_the_end_of_a_checkout_without_an_answer_may_have_come_or_not(ended: str | None, end: str, stands: str) -> None:
    answers, found = sound()
    answers.checkouts["k0"] = Checkout(ACKED, coupon=True, quota=True, ended=ended, end=end)
    found.coupon_uses[0] = CouponUse("k0", "c1", stands)
    found.quota["k0"] = "released" if stands == "released" else "reserved"
    found.coupons = CouponCounts(stands != "released", stands != "released", 1)
    assert checker.check(answers, EVENTS, found) == []


def test_friends_are_rewarded_while_an_order_of_theirs_counts() -> None:
    order = {"order_id": "f-o", "goods_paid": 4_000}
    told = [
        {"id": f"f{n}", "type": f"order.{kind}", "subject": "f", "time": f"2025-03-01T1{n}", "data": order}
        for n, kind in enumerate(("paid", "completed"))
    ]
    refund = {"id": "f9", "type": "order.refunded", "subject": "f", "time": "2025-03-01T19"}
    back = {**refund, "data": {"order_id": "f-o", "refund_id": "r", "amount": 4_000}}
    one = [Referral("c", "f", ACKED)]
    assert model.rewards(model.count(told), one) == {"c": 500, "f": 200}
    assert model.rewards(model.count(told[:1]), one) == {}, "not completed yet"
    assert model.rewards(model.count([*told, back]), one) == {}
    assert model.rewards(model.count(told), [Referral("c", "f", UNKNOWN)]) == {}, "such a friend orders nothing"


def test_a_refund_of_an_order_that_was_never_told_waits_and_is_not_lost() -> None:
    answers, found = sound()
    answers.events["e5"] = ACKED
    found.held["e5"] = ""
    assert checker.check(answers, EVENTS, found) == []


def _orders(found: Evidence) -> dict[str, Any]:
    order: dict[str, Any] = found.members["c1"]["orders"]["o1"]
    return order


PLANTED: dict[str, tuple[str, Callable[[Answers, Evidence], object]]] = {
    "an acknowledged event was not taken": ("lost", lambda _, f: f.applied["taken"].pop("e1")),
    "a refund waits for an order that is there": ("lost", lambda _, f: f.held.update(e5="completed")),
    "a refund was taken and waits": ("doubled", lambda _, f: f.held.update(e1="")),
    "a refused refund waits": ("ghost", lambda _, f: f.held.update(e4="")),
    "a taken event never reached membership": ("lost", lambda _, f: f.applied["membership"].pop("e1")),
    "a taken event never reached segmentation": ("lost", lambda _, f: f.applied["segmentation"].pop("e2")),
    "an event lies among the dead": ("lost", lambda _, f: f.dead["membership"].append("order.paid e1: handler_failed")),
    "a published fact was claimed by nobody": ("lost", lambda _, f: f.claims["feedback"].discard(UUID(int=2))),
    "a fact is marked as published and not in the log": ("lost", lambda _, f: f.log.pop()),
    "an accepted redemption is not there": ("lost", lambda _, f: f.redemptions.clear()),
    "an accepted redemption has other points": ("lost", lambda a, _: a.points.update(p1=("c1", 6))),
    "too many points were taken back": ("doubled", lambda _, f: f.members["c1"].update(available=45)),
    "an input stands twice in membership": ("doubled", lambda _, f: f.applied["membership"].update(["e2"])),
    "an input stands twice in segmentation": ("doubled", lambda _, f: f.applied["segmentation"].update(["e2"])),
    "an event was archived twice": ("doubled", lambda _, f: f.applied["taken"].update(["e1"])),
    "a refund counted twice": (
        "doubled",
        lambda _, f: _orders(f).update(refunds=[["EUR", 5_000, [], True, False, ["r1"]]]),
    ),
    "a completed order counted twice": (
        "doubled",
        lambda _, f: f.members["c1"]["orders"].update(o2={"said_completed": True}),
    ),
    "segmentation counts an order twice": (
        "doubled",
        lambda _, f: f.buyers["c1"]["order"].update(o2={"said_completed": True, "state": "completed"}),
    ),
    "a leg was posted twice": ("doubled", lambda _, f: f.legs.append(f.legs[0])),
    "a command was applied twice": ("doubled", lambda _, f: f.applied["commands"].update(["redemption-p1"])),
    "a fact was announced twice": (
        "doubled",
        lambda _, f: f.outboxes["orders-ingest"].append(
            Fact(9, "e1", "orders", "s/c1", "order.paid", True, UUID(int=1))
        ),
    ),
    "a marketing mail left twice": ("doubled", lambda _, f: f.mails.append("<m1@x>")),
    "a refused event is in the archive": ("ghost", lambda _, f: f.applied["taken"].update(["e4"])),
    "membership applied what nobody took": ("ghost", lambda _, f: f.applied["membership"].update(["e9"])),
    "a refused redemption is there": ("ghost", lambda _, f: f.redemptions.append(("p2", "c1", 500))),
    "a mail belongs to no message": ("ghost", lambda _, f: f.mails.append("<m9@x>")),
    "the log holds what no outbox knows": ("ghost", lambda _, f: f.log.append(Logged("orders", 0, 9, "s/c1", "e9"))),
    "two facts of a key changed places": ("order", lambda _, f: f.log.__setitem__(slice(0, 2), [f.log[1], f.log[0]])),
    "a promised coupon is gone": ("lost", lambda _, f: f.coupon_uses.pop(0)),
    "a promised free shipping is gone": ("lost", lambda _, f: f.quota.clear()),
    "a voided coupon stands": ("lost", lambda _, f: f.coupon_uses.__setitem__(1, CouponUse("k1", "c1", "reserved"))),
    "a refused checkout took a coupon": ("ghost", lambda _, f: f.coupon_uses.append(CouponUse("k2", "c2", "reserved"))),
    "a checkout took what it did not promise": ("ghost", lambda _, f: f.quota.update(k1="reserved")),
    "more coupons were used than there are": (
        "doubled",
        lambda _, f: f.coupon_uses.append(CouponUse("k9", "c1", "committed")),
    ),
    "an offer counts otherwise than its uses": ("imbalance", lambda _, f: setattr(f, "coupons", CouponCounts(0, 1, 1))),
    "an accepted referral is not there": ("lost", lambda _, f: f.referrals.clear()),
    "a refused referral is there": ("ghost", lambda _, f: f.referrals.update(f1="made")),
    "a friend who ordered nothing is rewarded": ("doubled", lambda _, f: f.referrals.update(f0="rewarded")),
    "an accepted ticket is not there": ("lost", lambda _, f: f.tickets.clear()),
    "a refused ticket is there": ("ghost", lambda _, f: f.tickets.update(t1=("open", Counter()))),
    "a ticket that was resolved is open": ("lost", lambda _, f: f.tickets.update(t0=("open", Counter()))),
    "a ticket is resolved, which nobody said": ("ghost", lambda a, _: setattr(a.tickets["t0"], "resolved", None)),
    "a ticket was opened twice": ("doubled", lambda _, f: f.tickets["t0"][1].update(["complaint.opened"])),
    "messaging does not know of a ticket": ("lost", lambda _, f: f.complaints.clear()),
    "a started campaign looked at nobody": ("lost", lambda _, f: f.campaigns.clear()),
    "a campaign ran that was refused": ("ghost", lambda a, _: setattr(a.campaigns["spring"], "start", FAILED)),
    "a campaign stands still": ("lost", lambda _, f: f.campaigns.update(spring=CampaignCounts(False, 2, 1, 1))),
    "a campaign counts otherwise than its arms": ("imbalance", lambda _, f: f.arms["spring"].update(c3="a")),
    "a campaign writes twice": ("doubled", lambda _, f: f.written["spring"].update(["c1"])),
    "a campaign forgets somebody": ("lost", lambda _, f: f.written["spring"].clear()),
    "a campaign writes to who is held out": ("ghost", lambda _, f: f.written["spring"].update(["c2"])),
    "a leg has no contra": ("imbalance", lambda _, f: f.legs.pop()),
    "a balance is not the sum of its legs": ("imbalance", lambda _, f: f.members["c1"].update(redeemed=6)),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_found(name: str) -> None:
    kind, plant = PLANTED[name]
    answers, found = sound()
    plant(answers, found)
    totals = checker.totals(checker.check(answers, EVENTS, found))
    assert totals[kind] > 0, totals
    assert f"{kind} {totals[kind]}" in checker.sentence(totals)


def _as_one(answers: Answers, found: Evidence) -> None:
    """c1 went into c0, as it was said, and in every service."""
    answers.merges["c1"] = "c0", ACKED
    found.merged = {name: {"c1": "c0"} for name in ("orders-ingest", "membership", "segmentation", "feedback")}
    found.members["c0"], found.members["c1"] = found.members["c1"], {}
    found.buyers["c0"], found.buyers["c1"] = found.buyers["c1"], {}
    found.legs = [leg._replace(customer="c0") for leg in found.legs]
    found.redemptions = [("p1", "c0", 5)]


def test_effects_are_counted_under_who_went_on() -> None:
    answers, found = sound()
    _as_one(answers, found)
    assert checker.check(answers, EVENTS, found) == []


@pytest.mark.parametrize(
    ("what", "plant"),
    [
        ("lost", lambda a, f: f.merged["membership"].clear()),
        ("lost", lambda a, f: f.merged["feedback"].update(c1="c7")),
        ("lost", lambda a, f: [each.clear() for each in f.merged.values()]),
        ("lost", lambda a, f: a.merges.update(c1=(None, ACKED))),
        ("ghost", lambda a, f: a.merges.clear()),
        ("lost", lambda a, f: f.redemptions.__setitem__(0, ("p1", "c7", 5))),
        ("lost", lambda a, f: f.members.update(c1=f.members.pop("c0"))),
        ("lost", lambda a, f: f.buyers.update(c1=f.buyers.pop("c0"))),
    ],
)
def test_a_merge_that_was_not_followed_is_found(what: str, plant: Callable[[Answers, Evidence], object]) -> None:
    """An acknowledged undoing that is not there, or a merge that nobody said, as well."""
    answers, found = sound()
    _as_one(answers, found)
    plant(answers, found)
    assert checker.totals(checker.check(answers, EVENTS, found))[what] > 0


def test_a_repeat_in_the_log_behind_its_first_occurrence_breaks_no_order() -> None:
    answers, found = sound()
    found.log += [Logged("orders", 0, n, "s/c1", id_) for n, id_ in ((7, "e2"), (8, "e1"))]
    assert checker.check(answers, EVENTS, found) == []


def test_the_model_counts_by_time_and_not_by_arrival() -> None:
    """A tier reached by an earlier order raises what a later one earns, whichever came first."""
    events = [
        {
            "id": f"{kind}{n}",
            "type": f"order.{kind}",
            "subject": "c",
            "time": f"2025-03-0{n}T1{kind == 'completed':d}",
            "data": {"order_id": f"o{n}", "goods_paid": 60_000},
        }
        for n in (1, 2)
        for kind in ("paid", "completed")
    ]
    for order_sent in (events, events[::-1]):
        assert {name: order.points for name, order in model.count(order_sent)["c"].orders.items()} == {
            "o1": 600,
            "o2": 720,
        }
