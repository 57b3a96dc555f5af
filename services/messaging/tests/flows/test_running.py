"""The next move of a run, by table and by any course of events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.flows.book import library
from messaging.flows.checks import problems
from messaging.flows.document import Check, FlowDocument
from messaging.flows.running.rules import next_move
from messaging.flows.running.state import Move, Run, RunFacts

SHANGHAI = ZoneInfo("Asia/Shanghai")
START = datetime(2025, 3, 4, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def document(flow: str) -> FlowDocument:
    return library()[flow].document


def run(flow: str, **changes: Any) -> Run:
    return replace(Run("s", "c", "r", flow, 0, "cause", START), **changes)


def go(flow: FlowDocument, begun: Run, facts: RunFacts, *, late: timedelta = timedelta(0)) -> list[Move]:
    """All moves of a run of which each is looked at when it is due, or so much later."""
    moves: list[Move] = []
    at = begun.started_at + late
    while True:
        move = next_move(flow, begun, facts, at, SHANGHAI)
        assert move is not None
        moves.append(move)
        if move.until is None:
            return moves
        begun = replace(begun, number=move.number, step=move.step, until=move.until)
        at = max(at, move.until + late)


def sent(moves: list[Move]) -> list[tuple[str, str]]:
    return [(ask.step.template, f"{ask.at.astimezone(SHANGHAI):%m-%d %H:%M}") for m in moves for ask in m.asked]


@pytest.mark.parametrize(
    ("sequence", "says"),
    [
        (1, [("nurture_first", "03-14 10:00"), ("nurture_second", "03-28 10:00")]),
        (2, [("nurture_third", "03-24 10:00")]),
        (3, [("nurture_regular", "03-09 10:00")]),
    ],
)
def test_a_new_customer_is_accompanied_over_the_first_three_purchases(sequence: int, says: list[Any]) -> None:
    """MSG-040."""
    begun = run("nurture", details={"sequence": sequence})
    moves = go(document("nurture"), begun, RunFacts())
    assert sent(moves) == says
    assert moves[-1].reason == "finished"


def test_a_purchase_at_any_step_ends_the_journey() -> None:
    """MSG-040: the next one begins with the purchase."""
    begun = run("nurture", details={"sequence": 1})
    bought = RunFacts(purchases=[START, START + 11 * DAY])
    moves = go(document("nurture"), begun, bought)
    assert [m.reason for m in moves] == ["waiting", "waiting", "goal"]
    assert sent(moves) == [("nurture_first", "03-14 10:00")]


def test_a_wait_is_dated_when_it_was_over_however_late_it_is_looked_at() -> None:
    begun = run("nurture", details={"sequence": 1})
    in_time, late = (
        go(document("nurture"), begun, RunFacts(), late=hours) for hours in (timedelta(0), timedelta(hours=5))
    )
    assert sent(in_time) == sent(late)


def test_the_reminder_comes_before_the_own_cycle_is_over() -> None:
    """MSG-041: a cycle of 30 days, last bought on day 0: on day 30 less the lead."""
    moves = go(document("replenishment"), run("replenishment"), RunFacts({"usual_gap": "30"}))
    assert [ask.at for m in moves for ask in m.asked] == [START + 27 * DAY]


def test_a_cycle_that_grew_meanwhile_is_waited_for() -> None:
    waiting = run("replenishment", number=1, step="cycle", until=START + 27 * DAY)
    grown = RunFacts({"usual_gap": "40"})
    move = next_move(document("replenishment"), waiting, grown, START + 27 * DAY, SHANGHAI)
    assert move is not None
    assert (move.reason, move.step, move.until) == ("waiting", "cycle", START + 37 * DAY)


@pytest.mark.parametrize(
    ("reason", "template"),
    [
        ("price", "churn_price"),
        ("service", "churn_service"),
        ("nobody_cares", "churn_service"),
        (None, "churn_general"),
    ],
)
def test_different_customers_are_woken_in_different_ways(reason: str | None, template: str) -> None:
    """MSG-044, MSG-045."""
    known = {} if reason is None else {"churn_reason": reason}
    moves = go(document("churn_warning"), run("churn_warning"), RunFacts(known))
    assert [ask.step.template for m in moves for ask in m.asked] == [template]


@pytest.mark.parametrize(
    ("rule", "earlier", "reason"),
    [
        ({"rule": "after_days", "days": 60}, [START - 59 * DAY], "too_soon"),
        ({"rule": "after_days", "days": 60}, [START - 60 * DAY], "finished"),
        ({"rule": "never"}, [START - 999 * DAY], "too_soon"),
        ({"rule": "never"}, [], "finished"),
        ({"rule": "each_cause"}, [START - DAY], "finished"),
    ],
)
def test_who_may_go_through_it_again(rule: dict[str, Any], earlier: list[datetime], reason: str) -> None:
    flow = FlowDocument.model_validate({**document("wake_up").model_dump(by_alias=True), "again": rule})
    assert go(flow, run("wake_up"), RunFacts(earlier=earlier))[-1].reason == reason


def test_whom_it_is_not_for_gets_nothing() -> None:
    flow = FlowDocument.model_validate(
        {**document("wake_up").model_dump(by_alias=True), "only_if": [{"what": "tier", "is": "VIP"}]}
    )
    assert [(m.reason, m.asked) for m in go(flow, run("wake_up"), RunFacts())] == [("not_for_them", ())]
    assert go(flow, run("wake_up"), RunFacts({"tier": "VIP"}))[-1].reason == "finished"


UNTIL = FlowDocument.model_validate(
    {
        "flow": "until",
        "title": "Until",
        "trigger": {"on": "event", "event": "order.completed"},
        "steps": [
            {"id": "mail", "do": "message", "template": "tier", "channels": ["email"]},
            {
                "id": "vip",
                "do": "wait_until",
                "when": [{"what": "tier", "is": "VIP"}, {"what": "message.mail", "is": "sent"}],
                "days": 5,
                "then": "glad",
                "otherwise": "sorry",
            },
            {"id": "glad", "do": "message", "template": "lapse", "then": "end"},
            {"id": "sorry", "do": "message", "template": "survey"},
        ],
    }
)


@pytest.mark.parametrize(
    ("facts", "at", "template"),
    [
        (RunFacts({"tier": "VIP"}, messages={"mail": "sent"}), START + DAY, "lapse"),
        (RunFacts({"tier": "VIP"}, messages={"mail": "not_sent"}), START + DAY, None),
        (RunFacts({"tier": "VIP"}, messages={"mail": "not_sent"}), START + 5 * DAY, "survey"),
    ],
)
def test_what_is_waited_for_leads_on_and_its_end_elsewhere(facts: RunFacts, at: datetime, template: str | None) -> None:
    move = next_move(UNTIL, run("until", number=1, step="vip", until=START + 5 * DAY), facts, at, SHANGHAI)
    assert ([ask.step.template for ask in move.asked] if move else None) == ([template] if template else None)


def test_a_step_that_the_librarys_flow_has_no_more_ends_the_run() -> None:
    gone = run("nurture", number=1, step="gone", until=START)
    move = next_move(document("nurture"), gone, RunFacts(), START, SHANGHAI)
    assert move is not None
    assert move.reason == "step_gone"


@given(
    st.sampled_from(sorted(name for name, found in library().items() if not found.document.at_once)),
    st.lists(st.integers(0, 80), max_size=4),
    st.integers(1, 5),
    st.integers(0, 72),
)
def test_every_run_ends_and_asks_for_each_message_once(flow: str, bought: list[int], sequence: int, late: int) -> None:
    """Whatever is bought, however late it is looked at: no message after a purchase, none twice, none too early."""
    begun = run(flow, details={"sequence": sequence})
    facts = RunFacts({"orders": str(sequence)}, [START + n * DAY for n in bought])
    moves = go(document(flow), begun, facts, late=timedelta(hours=late))
    asked = [ask for m in moves for ask in m.asked]
    assert len({ask.step.id for ask in asked}) == len(asked)
    assert [ask.at for ask in asked] == sorted(ask.at for ask in asked)
    assert all(ask.at <= m.at for m in moves for ask in m.asked)
    assert [m.number for m in moves] == list(range(1, len(moves) + 1))
    if document(flow).goals and any(n > 0 for n in bought):
        first = START + min(n for n in bought if n > 0) * DAY
        assert all(m.at < first for m in moves if m.asked)


def test_who_followed_the_link_goes_another_way_than_who_did_not() -> None:
    """MSG-015: the customer's reaction decides what comes next."""
    flow = FlowDocument.model_validate(
        {
            "flow": "launch",
            "title": "Launch",
            "trigger": {"on": "event", "event": "order.completed"},
            "steps": [
                {"id": "tell", "do": "message", "template": "new_arrival"},
                {"id": "seen", "do": "wait_until", "days": 3, "otherwise": "end",
                 "when": [{"what": "clicked.tell", "known": True}]},
                {"id": "more", "do": "message", "template": "wake_up"},
            ],
        }
    )  # fmt: skip
    assert problems(flow, {"new_arrival", "wake_up"}) == []
    begun = run("launch", number=1, step="seen", until=START + 3 * DAY)
    assert flow.asks_of_clicks
    assert next_move(flow, begun, RunFacts(), START + DAY, SHANGHAI) is None
    met = next_move(flow, begun, RunFacts(clicked=("tell",)), START + DAY, SHANGHAI)
    assert met is not None
    assert [ask.step.id for ask in met.asked] == ["more"]
    never = next_move(flow, begun, RunFacts(), START + 3 * DAY, SHANGHAI)
    assert never is not None
    assert (never.reason, never.asked) == ("finished", ())
    wrong = flow.model_copy(update={"goals": (Check(what="clicked.nothing", known=True),)})
    assert problems(wrong, {"new_arrival", "wake_up"}) == ["clicked.nothing: there is no message step 'nothing'"]
