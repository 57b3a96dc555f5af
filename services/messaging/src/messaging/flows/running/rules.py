"""The next move of a run: through its steps up to the next one that waits. The same for what-if and sweep."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from common.events.customers import Channel
from common.time.calendar import at_local, local_date
from messaging.flows.document import (
    END,
    AnyStep,
    BranchStep,
    Check,
    CouponStep,
    CycleStep,
    FlowDocument,
    MessageStep,
    TaskStep,
    UntilStep,
    WaitStep,
)
from messaging.flows.running.state import Ask, Move, Reason, Run, RunFacts, batch_of

COUPON_WITHIN = timedelta(days=1)
"""So long a run waits for the coupon that it asked for."""
USUAL_GAP_DAYS = 60
"""Where nothing is known of the customer's own gap, as of the shop (defaults: shop's gap)."""


def next_move(document: FlowDocument, run: Run, facts: RunFacts, at: datetime, zone: tzinfo) -> Move | None:
    """What becomes of the run at `at`; None where it goes on waiting. `zone` is the recipient's.

    What a wait was for is dated when it was over, however late it is looked at.
    """

    def hold(tests: Sequence[Check]) -> bool:
        return all(test.holds(facts.value(test.what, run, at)) for test in tests)

    number = run.number + 1

    def ended(reason: Reason) -> Move:
        return Move(number, at, reason)

    if run.number == 0 and _too_soon(document, run, facts):
        return ended("too_soon")
    if any(hold([goal]) for goal in document.goals):
        return ended("goal")
    when, onward = run.started_at, document.steps[0].id
    if run.number == 0:
        if not hold(document.only_if):
            return ended("not_for_them")
    else:
        step = document.step(run.step or "")
        if step is None or run.until is None:
            return ended("step_gone")
        met = (isinstance(step, UntilStep) and hold(step.when)) or _has_coupon(step, run, facts, at)
        following = _after(document, step, run, facts, at, met=met)
        if following is None:
            return None
        if isinstance(following, datetime):
            return Move(number, at, "waiting", step.id, following)
        onward, when = following, min(run.until, at)
    return _walk(document, onward, when, run, facts, at, zone, number)


def _too_soon(document: FlowDocument, run: Run, facts: RunFacts) -> bool:
    match document.again.rule:
        case "each_cause":
            return False
        case "never":
            return bool(facts.earlier)
        case "after_days":
            apart = timedelta(days=document.again.days or 0)
            return any(run.started_at - apart < earlier for earlier in facts.earlier)


def _after(
    document: FlowDocument, step: AnyStep, run: Run, facts: RunFacts, at: datetime, *, met: bool
) -> str | datetime | None:
    """Where a step that waits leads: the next step, another end of the wait, or None while it goes on."""
    assert run.until is not None
    if met:
        return document.following(step)
    if isinstance(step, CouponStep) and batch_of(run, step) in facts.declined:
        return step.otherwise
    if at < run.until:
        return None
    if isinstance(step, UntilStep | CouponStep):
        return step.otherwise
    if isinstance(step, CycleStep):
        until = _end_of_cycle(step, run, facts)
        if until > at:  # the gap is longer by now
            return until
    return document.following(step)


def _walk(
    document: FlowDocument,
    onward: str,
    when: datetime,
    run: Run,
    facts: RunFacts,
    at: datetime,
    zone: tzinfo,
    number: int,
) -> Move:
    """Through messages and branches up to the next wait, or to the end."""
    path: list[str] = []
    asked: list[Ask] = []
    while onward != END:
        step = document.step(onward)
        if step is None:
            return Move(number, at, "step_gone", path=tuple(path), asked=tuple(asked))
        path.append(step.id)
        match step:
            case MessageStep():
                asked.append(Ask(step, when))
            case TaskStep():
                pass  # the move's path asks for it
            case BranchStep():
                onward = next(
                    (c.then for c in step.cases if all(t.holds(facts.value(t.what, run, at)) for t in c.when)),
                    document.following(step),
                )
                continue
            case CouponStep() if _has_coupon(step, run, facts, at):
                pass
            case CouponStep() if not facts.reachable:
                onward = step.otherwise  # it would be given away unseen
                continue
            case _:
                until = _until(step, when, run, facts, zone)
                return Move(number, at, "waiting", step.id, until, tuple(path), tuple(asked))
        onward = document.following(step)
    return Move(number, at, "finished", path=tuple(path), asked=tuple(asked))


def _has_coupon(step: AnyStep, run: Run, facts: RunFacts, at: datetime) -> bool:
    return isinstance(step, CouponStep) and facts.value(f"coupon.{step.offer}", run, at) is not None


def offered_on(document: FlowDocument, usual: Sequence[Channel]) -> Sequence[Channel] | None:
    """The channels on which offers of the flow tell of its coupon; None where another message does, or none at all."""
    messages = document.messages
    if not messages or any((step.purpose or document.purpose) != "marketing" for step in messages):
        return None
    return sorted({channel for step in messages for channel in step.channels or usual})


def _until(
    step: WaitStep | CycleStep | UntilStep | CouponStep, when: datetime, run: Run, facts: RunFacts, zone: tzinfo
) -> datetime:
    """When a wait that begins at `when` is over."""
    if isinstance(step, CouponStep):
        return when + COUPON_WITHIN
    if isinstance(step, CycleStep):
        return max(when, _end_of_cycle(step, run, facts))
    if isinstance(step, UntilStep):
        return when + timedelta(days=step.days)
    if step.at is None:
        return when + timedelta(days=step.days, hours=step.hours)
    earliest = when + timedelta(hours=step.hours)
    day = local_date(earliest, zone) + timedelta(days=step.days)
    that_day = at_local(day, step.at, zone)
    return that_day if that_day >= earliest else at_local(day + timedelta(days=1), step.at, zone)


def _end_of_cycle(step: CycleStep, run: Run, facts: RunFacts) -> datetime:
    days = int(facts.standings.get("usual_gap", USUAL_GAP_DAYS))
    return run.started_at + timedelta(days=max(0, days - step.lead_days))
