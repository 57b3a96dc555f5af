"""Segments that documents name."""

from __future__ import annotations

from messaging.flows.document import Check, FlowDocument
from messaging.segments.rules import segments_in, segments_of_flow, unknown


def test_the_segments_of_conditions_are_found() -> None:
    """MSG-049: of other facts none."""
    checks = [Check(what="segment.spring", is_="in"), Check(what="tier", is_="gold")]
    assert segments_in(checks) == {"spring"}


def test_a_flow_names_segments_in_its_trigger_and_in_its_steps() -> None:
    """MSG-045."""
    document = FlowDocument.model_validate(
        {
            "flow": "f",
            "title": "F",
            "trigger": {
                "on": "event",
                "event": "segment.entered",
                "where": [{"what": "segment", "in": ["spring", "summer"]}, {"what": "episode", "is": "1"}],
            },
            "only_if": [{"what": "segment.regulars", "is": "in"}],
            "steps": [
                {
                    "id": "which",
                    "do": "branch",
                    "cases": [{"when": [{"what": "segment.families", "is": "in"}], "then": "say"}],
                },
                {"id": "say", "do": "message", "template": "win_back"},
            ],
        }
    )
    assert segments_of_flow(document) == {"spring", "summer", "regulars", "families"}


def test_of_a_name_that_there_is_not_those_are_told_that_there_are() -> None:
    (told,) = unknown({"sprnig", "spring", "lapsed"}, {"spring"})
    assert told.startswith("there is no segment 'sprnig'; there are lapsed, spring")
    assert unknown(set(), set()) == []
