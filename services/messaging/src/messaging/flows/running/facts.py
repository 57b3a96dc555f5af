"""The fact of a move, and the candidates that it asks for: the same from the sweep and from the topic in a rebuild."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar, cast

from common.events import Event, EventData, fact_id
from common.events.customers import Channel
from common.events.messages import CouponRequested, FlowCondition, FlowMessage, FlowMoved, TaskWanted
from messaging.conditions.state import Condition
from messaging.flows.document import CouponStep, FlowDocument, TaskStep, Untrue
from messaging.flows.running.state import Ask, Move, Run, batch_of
from messaging.flows.state import TRUE_FOR_EVER, Candidate, message_id


def moved(run: Run, document: FlowDocument | None, move: Move, channels: Sequence[Channel]) -> Event[FlowMoved]:
    """The fact of a move; `channels` are those of the shop's policy. Without its document a run asks for nothing."""
    asks = bool(move.asked)
    untrue = document.untrue if document is not None else TRUE_FOR_EVER
    data = FlowMoved(
        run_id=run.run_id,
        flow=run.flow,
        version=run.version,
        cause=run.cause,
        number=move.number,
        reason=move.reason,
        step=move.step,
        until=move.until,
        path=move.path,
        asked=tuple(_asked(document, ask, channels) for ask in move.asked if document is not None),
        details=dict(run.details) if asks else {},
        condition=_condition(run.condition) if asks else None,
        untrue=untrue.model_dump(mode="json", exclude_defaults=True) if asks else {},
    )
    return Event(
        id=fact_id(f"{run.run_id}/{move.number}", FlowMoved.TYPE, run.shop, run.customer, 0),
        source=f"/shops/{run.shop}/messaging",
        shop=run.shop,
        subject=run.customer,
        time=move.at,
        data=data,
        correlationid=run.correlation,
        causationid=run.causation,
    )


def requested(run: Run, document: FlowDocument | None, move: Move) -> Event[CouponRequested] | None:
    """The request for the coupon that a run begins to wait for."""
    step = (
        document.step(move.step) if document is not None and move.step is not None and move.step in move.path else None
    )
    if not isinstance(step, CouponStep):
        return None
    return _asking(run, move, CouponRequested(offer_id=step.offer, batch=batch_of(run, step)), 0)


def wanted(run: Run, document: FlowDocument | None, move: Move) -> list[Event[TaskWanted]]:
    """What people are to do by the steps that the move passed (XCT-003); each once a run."""
    passed = [document.step(name) for name in move.path] if document is not None else []
    order = run.details.get("order_id")
    return [
        _asking(
            run,
            move,
            TaskWanted(
                task_id=fact_id(f"{run.run_id}/{step.id}", "task", run.shop, run.customer, 0),
                kind=step.kind,
                title=step.title,
                due_at=move.at + timedelta(days=step.due_days),
                order_id=str(order) if order is not None else None,
                owner=step.owner,
                requested_by=f"flow {run.flow}",
            ),
            number,
        )
        for number, step in enumerate(passed)
        if isinstance(step, TaskStep)
    ]


D = TypeVar("D", bound=EventData)


def _asking(run: Run, move: Move, data: D, number: int) -> Event[D]:
    """A fact by which a move asks another service for something."""
    return Event(
        id=fact_id(f"{run.run_id}/{move.number}", data.TYPE, run.shop, run.customer, number),
        source=f"/shops/{run.shop}/messaging",
        shop=run.shop,
        subject=run.customer,
        time=move.at,
        data=data,
        correlationid=run.correlation,
        causationid=run.causation,
    )


def move_of(event: Event[FlowMoved]) -> Move:
    """The move that the fact tells of; what it asked for stands in the fact."""
    d = event.data
    return Move(d.number, event.time, d.reason, d.step, d.until, d.path)


def candidates_in(event: Event[FlowMoved]) -> list[Candidate]:
    """The candidates that the move asks for, on each of their channels."""
    d, (shop, customer) = event.data, event.customer
    untrue = Untrue.model_validate(d.untrue) if d.untrue else TRUE_FOR_EVER
    condition = Condition(d.condition.subject, d.condition.revision, d.condition.value) if d.condition else None
    return [
        Candidate(
            shop=shop,
            customer=customer,
            message_id=message_id(f"{d.cause}/{asked.step}", d.flow, cast(Channel, channel), shop, customer),
            flow=d.flow,
            purpose=asked.purpose,
            rank=asked.rank,
            channel=cast(Channel, channel),
            cause=f"{d.cause}/{asked.step}",
            cause_at=asked.at,
            due_at=asked.at,
            release_at=asked.at,
            details=d.details,
            condition=condition,
            causation=event.causationid or event.id,
            correlation=event.correlationid or event.id,
            template=asked.template,
            untrue=untrue,
        )
        for asked in d.asked
        for channel in asked.channels
    ]


def _asked(document: FlowDocument, ask: Ask, channels: Sequence[Channel]) -> FlowMessage:
    step = ask.step
    return FlowMessage(
        step=step.id,
        template=step.template,
        purpose=step.purpose or document.purpose,
        rank=document.rank,
        channels=step.channels or tuple(channels),
        at=ask.at,
    )


def _condition(condition: Condition | None) -> FlowCondition | None:
    if condition is None:
        return None
    return FlowCondition(subject=condition.subject, revision=condition.revision, value=condition.value)
