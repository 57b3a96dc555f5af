"""What an outcome of a call leads to. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from common.values.people import is_named_alike

Outcome = Literal["reached", "no_answer", "call_again", "refused", "wrong_number"]
"""`call_again`: the customer asked for another time. `refused`: wants no calls any more."""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
MOST_ATTEMPTS = 3
"""Nobody is rung up more often for one thing."""
NEXT_ATTEMPT = timedelta(hours=4)
"""Where nobody answered, and no other time is named."""
TOLD_AGAIN_WITHIN = timedelta(minutes=30)
"""So long the very same outcome of an open task is taken for the same call, told again since the answer was lost."""
LATEST = timedelta(days=30)
"""So long after it was handed to people a task is worth a call."""


class Call(NamedTuple):
    """An attempt; `again_at`: when it is to be tried once more, None where the task is done."""

    number: int
    at: datetime
    outcome: Outcome
    by: str
    note: str | None
    again_at: datetime | None


def tried_again_at(
    outcome: Outcome, number: int, at: datetime, wished: datetime | None, handed_at: datetime
) -> datetime | None:
    """When the customer is to be called once more after attempt `number`; None: the task is done."""
    if outcome not in ("no_answer", "call_again") or number >= MOST_ATTEMPTS:
        return None
    again_at = wished if wished is not None and wished > at else at + NEXT_ATTEMPT
    return again_at if again_at < handed_at + LATEST else None


def is_told_again(
    call: Call, outcome: Outcome, by: str, at: datetime, wished: datetime | None, handed_at: datetime, *, numbered: bool
) -> bool:
    """Whether what is told at `at` is what `call` holds, but for the note. `numbered`: the number of the attempt was
    told, too; without it another call that came to the same is another attempt, once the task is due again."""
    same = call.outcome == outcome and is_named_alike(call.by, by)
    if not same or call.again_at != tried_again_at(outcome, call.number, call.at, wished, handed_at):
        return False
    return numbered or call.again_at is None or at < min(call.again_at, call.at + TOLD_AGAIN_WITHIN)


def number_called(
    by: str, taken_by: str | None, shown: bytes | None, handed_to: bytes | None, now_has: bytes | None
) -> bytes | None:
    """The hash of the number that `by` rang up: which was shown when they took the task. Of a call without a claim it
    is known only where the number has stayed the same since the task was handed over; else None, and no number is
    blocked."""
    if is_named_alike(taken_by, by):
        return shown
    return now_has if now_has == handed_to else None
