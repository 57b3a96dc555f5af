"""What is wrong with a flow before it is saved: names that lead nowhere, circles, fields that the event has not."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from common.crypto.sealing import personal_fields
from common.events import EVENTS, EventData
from messaging.flows.book import CAMPAIGN
from messaging.flows.document import END, AnyStep, Check, EventTrigger, FlowDocument, MessageStep, TaskStep
from messaging.flows.starters import STARTERS

FACTS = (
    "tier", "stage", "life_cycle", "rfm_class", "churn_risk", "churn_reason", "usual_gap", "points", "orders",
    "purchases", "enrolled",
)  # fmt: skip
"""What conditions may ask of a customer; besides `segment.<name>`, `detail.<name>`, `message.<step>` and
`clicked.<step>`."""
FAMILIES = ("segment", "coupon", "detail", "message", "clicked")
_DAYS: dict[str, dict[str, str | int]] = {
    "holiday": {"day": "2025-01-29", "holiday": "spring_festival"},
    "new_arrival": {"day": "2025-01-29", "products": "Tea", "count": 1},
    "date": {},
}
"""Samples of what the messages of a day bear, by what the trigger says it is; of any other the day alone."""
_SAMPLE = "2025-01-29T08:00:00Z"
INTERNAL = "segments"
"""The topic of what the shop calls its customers (stage, class, segment, leaving): no text says it (SEC-009)."""
_BRACED = re.compile(r"\{([a-z_]*)\}")


def problems(document: FlowDocument, templates: Collection[str]) -> list[str]:
    """A sentence for each thing that is wrong; none where the flow may be saved."""
    return [
        *(["flow: campaigns bear this name; call it otherwise"] if document.flow == CAMPAIGN else []),
        *_of_trigger(document),
        *_of_conditions(document),
        *_of_steps(document),
        *(
            f"steps.{step.id}: there is no template {step.template!r}"
            for step in document.messages
            if step.template not in templates
        ),
    ]


def values_of(document: FlowDocument) -> dict[str, str | int]:
    """Samples of the values that its messages may have of their own: what none of them has is not among them."""
    trigger = document.trigger
    if isinstance(trigger, EventTrigger):
        found: dict[str, str | int] = dict.fromkeys(trigger.details, _SAMPLE)
    else:
        found = dict(_DAYS.get(trigger.on, {"day": "2025-01-29"}))
    return {"coupon": "SPRING-1", **found}


def _of_trigger(document: FlowDocument) -> Iterator[str]:
    trigger = document.trigger
    if not isinstance(trigger, EventTrigger):
        return
    kind = EVENTS.get(trigger.event)
    if kind is None:
        yield f"trigger.event: there is no event {trigger.event!r}"
        return
    if trigger.event not in STARTERS:
        yield f"trigger.event: {trigger.event} starts no flow; these do: {', '.join(sorted(STARTERS))}"
        return
    braced = _BRACED.findall(trigger.cause or "")
    if trigger.cause is not None and not braced:
        yield "trigger.cause: without a field in braces, such as {order_id}, only the first event would count"
    if trigger.details and kind.TOPIC == INTERNAL:
        yield (
            f"trigger.details: what {trigger.event} says is internal, and details go into texts that customers read: "
            "ask for it in `where`, or in a condition of a step"
        )
    asked = [*(test.what for test in trigger.where), *trigger.details.values(), *braced]
    for name in [*asked, *([trigger.cause_at] if trigger.cause_at else [])]:
        yield from _of_field(kind, name)


def _of_field(kind: type[EventData], name: str) -> Iterator[str]:
    personal = {*personal_fields(kind).own, *personal_fields(kind).nested}
    if name not in kind.model_fields:
        known = ", ".join(sorted({*kind.model_fields} - personal))
        yield f"trigger: {kind.TYPE} has no field {name!r}; it has {known}"
    elif name in personal:
        yield f"trigger: {name!r} of {kind.TYPE} is personal, and travels encrypted: it cannot be asked for"


def _of_conditions(document: FlowDocument) -> Iterator[str]:
    messages = {step.id for step in document.messages}
    details = set(document.trigger.details) if isinstance(document.trigger, EventTrigger) else {"day", "skus", "count"}
    for test in _tests(document):
        head, _, rest = test.what.partition(".")
        if head in FACTS and not rest:
            continue
        if head not in FAMILIES or not rest:
            known = ", ".join((*FACTS, *(f"{family}.…" for family in FAMILIES)))
            yield f"{test.what}: is no fact; there are {known}"
        elif head in ("message", "clicked") and rest not in messages:
            yield f"{test.what}: there is no message step {rest!r}"
        elif head == "detail" and rest not in details:
            yield f"{test.what}: the trigger gives no detail {rest!r}"


def _tests(document: FlowDocument) -> list[Check]:
    inner = [test for step in document.steps for _, _, when in document.ways(step) for test in when]
    return [*document.only_if, *document.goals, *inner]


def _of_steps(document: FlowDocument) -> Iterator[str]:
    names = [step.id for step in document.steps]
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield f"steps.{name}: two steps have this id"
    if END in names:
        yield f"steps.{END}: this name leads out of the flow; call the step otherwise"
    for step in document.steps:
        for _, to, _ in document.ways(step):
            if to != END and to not in names:
                yield f"steps.{step.id}: leads to {to!r}, which there is not"
    if len(set(names)) == len(names):
        yield from _of_ways(document)
    if not document.messages and not any(isinstance(step, TaskStep) for step in document.steps):
        yield "steps: the flow sends nothing, and asks nobody to do anything"


def _of_ways(document: FlowDocument) -> Iterator[str]:
    seen: set[str] = set()
    circle = _circle(document, document.steps[0], (), seen)
    if circle:
        yield f"steps: a circle without an end: {' → '.join(circle)}"
        return
    for step in document.steps:
        if step.id not in seen:
            yield f"steps.{step.id}: nothing leads to it"


def _circle(document: FlowDocument, step: AnyStep, path: tuple[str, ...], seen: set[str]) -> tuple[str, ...]:
    if step.id in path:
        return (*path[path.index(step.id) :], step.id)
    if step.id in seen:
        return ()
    for _, to, _ in document.ways(step):
        following = document.step(to)
        if following is not None:
            found = _circle(document, following, (*path, step.id), seen)
            if found:
                return found
    seen.add(step.id)
    return ()


def channels_of(document: FlowDocument) -> Sequence[str]:
    """The channels that the flow names itself."""
    return sorted({c for step in document.steps if isinstance(step, MessageStep) for c in step.channels or ()})
