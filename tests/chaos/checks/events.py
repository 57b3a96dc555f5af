"""Events of the shop: taken where they were acked, by every service that reads them, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chaos.answers import ACKED, FAILED, Answers
from chaos.checks import Finding
from chaos.evidence import Evidence

_ORDER_INPUTS = frozenset({"order.paid", "order.completed", "order.closed", "order.refunded"})
TAKEN_BY = {
    "membership": _ORDER_INPUTS,
    "segmentation": _ORDER_INPUTS | {"order.placed", "customer.registered"},
}
"""Which of the shop's events stand among a service's inputs."""
CLAIMED_BY = {
    **TAKEN_BY,
    "messaging": frozenset(
        {"customer.registered", "customer.consent_changed", "order.placed", "order.paid", "order.completed"}
        | {"tier.changed", "segment.entered", "segment.left", "customer.key_issued"}
        | {"complaint.opened", "complaint.resolved"}
    ),
    "feedback": _ORDER_INPUTS | {"order.placed", "customer.key_issued"},
}
"""Which published facts a service must have claimed in its inbox."""


def applied(answers: Answers, events: Mapping[str, Mapping[str, Any]], found: Evidence) -> Iterator[Finding]:
    taken = found.applied["taken"]
    for id_, answer in answers.events.items():
        if answer == ACKED and not taken[id_] and id_ not in found.held:
            yield Finding("lost", f"{id_} was acknowledged and was not taken")
        if answer == FAILED and (taken[id_] or id_ in found.held):
            yield Finding("ghost", f"{id_} was refused and taken")
    for id_, state in found.held.items():
        if state not in ("", "placed"):
            yield Finding("lost", f"refund {id_} waits, although its order is {state}")
        if taken[id_]:
            yield Finding("doubled", f"refund {id_} was taken and waits")
    for place in ("taken", "membership", "segmentation"):
        for id_, times in found.applied[place].items():
            if times > 1:
                yield Finding("doubled", f"{id_} stands {times} times in {place}")
            if id_ not in events or (place != "taken" and not taken[id_]):
                yield Finding("ghost", f"{id_} is in {place}, but was never taken")
    for service, types in TAKEN_BY.items():
        for id_ in taken:
            if id_ in events and events[id_]["type"] in types and not found.applied[service][id_]:
                yield Finding("lost", f"{id_} ({events[id_]['type']}) was taken and never reached {service}")


def claimed(found: Evidence) -> Iterator[Finding]:
    for service, types in CLAIMED_BY.items():
        if service not in found.claims:
            continue  # not part of this run
        for rows in found.outboxes.values():
            for fact in rows:
                if fact.type in types and fact.claim not in found.claims[service]:
                    yield Finding("lost", f"{service} never claimed {fact.type} {fact.id}")
