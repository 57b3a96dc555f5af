"""What is written in forms of the desk and of redemptions, as the services take it; what cannot be used says why."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from console.customers import adjusting, redeeming
from console.customers.redeeming import Asked, Wanted
from console.customers.sentences import sentence
from console.feedback.steps import CHOICES, NAMES, STEPS, Unusable, command, offered

ZONE = ZoneInfo("Asia/Shanghai")


def ticket(**more: Any) -> dict[str, Any]:
    return {"state": "open", "compensation": None, "promise": None, **more}


@pytest.mark.parametrize(
    ("about", "there", "not_there"),
    [
        (ticket(), {"answer", "compensate", "resolve"}, {"approve", "reopen", "promise_kept"}),
        (ticket(compensation={"state": "proposed"}), {"approve", "refuse"}, {"compensate"}),
        (ticket(compensation={"state": "granted"}), {"resolve"}, {"approve", "compensate"}),
        (ticket(promise={"kept_at": None}), {"promise_kept"}, set()),
        (ticket(state="resolved"), {"reopen", "note"}, {"answer", "resolve"}),
    ],
)
def test_only_steps_that_make_sense_are_offered(about: dict[str, Any], there: set[str], not_there: set[str]) -> None:
    found = offered(about).keys()
    assert there <= found
    assert not not_there & found


def test_steps_are_read_as_feedback_takes_them() -> None:
    """A time is the shop's, an amount in minor units; what is empty is left out."""
    promise = command("promise", {"text": " tea ", "promised_by": "2026-03-05T18:00"}, ZONE, "CNY")
    assert promise == {"action": "promise", "text": "tea", "promised_by": "2026-03-05T18:00:00+08:00"}
    assert datetime.fromisoformat(promise["promised_by"]).tzinfo is not None
    given = command("compensate", {"kind": "points", "amount": "12.50"}, ZONE, "CNY")
    assert given["claim"] == {"kind": "points", "amount": 1250, "currency": "CNY"}
    assert command("resolve", {"outcome": "solved", "text": ""}, ZONE, "CNY") == {
        "action": "resolve",
        "outcome": "solved",
    }
    assert all(name in NAMES for step in STEPS.values() for name in step.fields)
    assert CHOICES.keys() <= NAMES.keys()


@pytest.mark.parametrize(
    ("action", "form"),
    [
        ("promise", {"promised_by": "soon"}),
        ("compensate", {"kind": "points", "amount": "-1"}),
        ("compensate", {"kind": "points", "amount": "1.234"}),
        ("compensate", {"kind": "points", "amount": "NaN"}),
        ("resolve", {"outcome": "forgotten"}),
    ],
)
def test_what_cannot_be_used_is_refused(action: str, form: dict[str, str]) -> None:
    with pytest.raises(Unusable):
        command(action, form, ZONE, "CNY")


@pytest.mark.parametrize(
    ("points", "total", "asked"),
    [
        ("200", "128.50", Asked(200, 12_850, None)),
        ("0", "1", None),
        ("1.5", "1", None),
        ("²", "1", None),
        ("-5", "1", None),
        ("200", "", None),
        ("200", "1.234", None),
        ("200", "Infinity", None),
        ("200", "1e400", None),
        ("200", "1.000", None),
        ("200", "１２", None),
    ],
)
def test_a_redemption_is_read_or_refused(points: str, total: str, asked: Asked | None) -> None:
    wanted = Wanted(points, total, "", "c")
    if asked is not None:
        assert redeeming.read(wanted, "CNY") == asked
        return
    with pytest.raises(redeeming.Unreadable):
        redeeming.read(wanted, "CNY")


@pytest.mark.parametrize(
    ("points", "reason", "asked"),
    [
        ("200", "lost parcel", 200),
        ("+200", "lost parcel", 200),
        ("-200", "lost parcel", -200),
        ("\u2212200", "lost parcel", -200),
        ("0", "lost parcel", None),
        ("--2", "lost parcel", None),
        ("1.5", "lost parcel", None),
        ("200", "", None),
    ],
)
def test_an_adjustment_is_read_or_refused(points: str, reason: str, asked: int | None) -> None:
    wanted = adjusting.Wanted(points, reason, "c")
    if asked is not None:
        assert adjusting.read(wanted) == asked
        return
    with pytest.raises(adjusting.Unreadable):
        adjusting.read(wanted)


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ({"kind": "order.paid", "order_id": "7", "redemption_id": None}, {"order": "7"}),
        ({"kind": "order.paid", "order_id": None, "redemption_id": None}, {"kind": "order.paid"}),
        ({"kind": "expiry", "order_id": "7", "redemption_id": None}, {}),
        ({"kind": "points.paid_out", "order_id": None, "redemption_id": None, "origin": "content/u1"}, {}),
        ({"kind": "points.payout_reversed", "order_id": None, "redemption_id": None, "origin": "reward/c"}, {}),
        ({"kind": "merge", "order_id": None, "redemption_id": None, "origin": None}, {}),
        ({"kind": "points.invented", "order_id": None, "redemption_id": None}, {"kind": "points.invented"}),
    ],
)
def test_every_line_of_a_statement_has_a_sentence(line: dict[str, Any], values: dict[str, str]) -> None:
    text, found = sentence(line)
    assert found == values
    text.format(**found)
