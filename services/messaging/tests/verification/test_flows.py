"""What does not follow of runs through flows is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from messaging.verification.flows import of_runs
from messaging.verification.state import Asked, History, Moved, Went

from ..situations import SHANGHAI, candidate

AT = datetime(2025, 3, 4, tzinfo=UTC)
RUN = Went("r", "nurture", 0, "order/o1/nurture", 2, "still_first", AT, "waiting")
MOVES = (
    Moved("r", 1, AT, "waiting", "after_first", AT, ("which", "after_first")),
    Moved("r", 2, AT, "waiting", "still_first", AT, ("first", "still_first")),
)


def history(run: Went | None = RUN, moves: Any = MOVES, cause: str = "order/o1/nurture/first") -> History:
    asked = candidate("nurture", cause=cause)
    return History(
        ("s", "c"),
        [SHANGHAI],
        {},
        replay=False,
        candidates={"m": Asked(asked, "send", "allowed", AT)},
        runs={"r": run} if run is not None else {},
        moves=list(moves),
    )


def test_a_run_that_followed_its_flow_has_nothing() -> None:
    assert list(of_runs(history())) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (history(replace(RUN, number=3)), "counts 3 moves"),
        (history(replace(RUN, reason="goal")), "which its last move does not say"),
        (history(None), "and no such run"),
        (history(cause="order/o1/nurture/other"), "passed first, and there is no message of it"),
        (history(moves=[MOVES[0], replace(MOVES[1], path=("second", "still_first"))]), "from after_first to second"),
        (history(moves=[replace(MOVES[0], path=("after_first",)), MOVES[1]]), "from its beginning to after_first"),
        (
            history(replace(RUN, step=None, until=None, reason="finished"),
                    [MOVES[0], replace(MOVES[1], step=None, until=None, reason="finished")]),
            "finished at still_first, which is not the end",
        ),
    ],
)  # fmt: skip
def test_what_does_not_follow_is_said(wrong: History, says: str) -> None:
    assert any(says in sentence for sentence in of_runs(wrong)), list(of_runs(wrong))
