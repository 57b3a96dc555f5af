"""Names of segments that documents use, and what is said of those that there are not. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from messaging.flows.document import Check, EventTrigger, FlowDocument
from messaging.policy.state import Policy

PolicyPart = Literal["segment_windows", "vip_desk"]

PREFIX = "segment."
BUILT_IN = frozenset({"lapsed"})
"""Segments that segmentation keeps without a definition of the shop's."""


def segments_in(checks: Iterable[Check]) -> set[str]:
    """The segments that conditions ask for."""
    return {check.what.removeprefix(PREFIX) for check in checks if check.what.startswith(PREFIX)}


def leaves_out(checks: Iterable[Check], segment: str) -> bool:
    """Whether a condition asks for customers outside of the segment: once that has ended it holds of everybody."""
    return any(check.what == f"{PREFIX}{segment}" and check.holds(None) for check in checks)


def checks_of_flow(document: FlowDocument) -> list[Check]:
    """All conditions of a flow but those of its trigger."""
    inner = [test for step in document.steps for _, _, when in document.ways(step) for test in when]
    return [*document.only_if, *document.goals, *inner]


def segments_of_flow(document: FlowDocument) -> set[str]:
    """The segments that a flow's conditions ask for, and those whose entering starts it."""
    found = segments_in(checks_of_flow(document))
    if isinstance(document.trigger, EventTrigger) and document.trigger.event.startswith(PREFIX):
        where = [check for check in document.trigger.where if check.what == "segment"]
        found |= {str(name) for check in where for name in (check.is_, *(check.in_ or ())) if name is not None}
    return found


def parts_of_policy(policy: Policy, segment: str) -> list[PolicyPart]:
    """The parts of the contact policy that name the segment."""
    parts: list[PolicyPart] = []
    if any(group.segment == segment for group in policy.segment_windows):
        parts.append("segment_windows")
    if policy.vip_desk is not None and segment in policy.vip_desk.segments:
        parts.append("vip_desk")
    return parts


def unknown(asked: Collection[str], known: Collection[str]) -> list[str]:
    """A sentence for each segment that there is not, with those that there are."""
    there = ", ".join(sorted({*known, *BUILT_IN})[:20])
    return [
        f"there is no segment {name!r}; there are {there} (one that was defined a moment ago may be read soon)"
        for name in sorted({*asked} - {*known} - BUILT_IN)
    ]
