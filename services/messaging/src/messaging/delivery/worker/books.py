"""What a desk holds between two transactions: workers without work, what they brought back, and what waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from messaging.channels.protocol import Trouble
from messaging.delivery.outcomes.rules import back
from messaging.delivery.state import Place, Ready
from messaging.delivery.worker.hands import Chunk, Done

AT_DESK_S = 10.0
"""So long a message waits at the desk; then it goes back to the queue, to be looked at again. Much less than a lease
lasts, which is not renewed meanwhile."""
HELD_S = 2.0
"""So long what ended is not waited for while somebody else holds its customer; then it is. Much less than a lease."""
Troubles = list[tuple[Place, Trouble]]


@dataclass(eq=False, slots=True)
class Turn:
    """A worker at the desk: what became of its last chunk, and its next one; None sends it home."""

    ended: Done
    troubles: Troubles
    chunk: asyncio.Future[Chunk | None]


@dataclass(slots=True)
class Books:
    """What was leased and what has ended, until the database says so too."""

    at_desk: list[Turn] = field(default_factory=list)  # workers without work
    ended: Done = field(default_factory=list)  # not recorded yet
    troubles: Troubles = field(default_factory=list)  # by what they are about, not recorded yet
    waiting: list[Ready] = field(default_factory=list)  # leased, not started
    held: dict[str, float] = field(default_factory=dict)  # ended, of customers whom somebody holds: since when

    def take_in(self, turns: Sequence[Turn], late: Done) -> None:
        """Workers who came to the desk, and what was taken from behind slow hand-offs."""
        for turn in turns:
            self.ended += turn.ended
            self.troubles += turn.troubles
        self.at_desk += turns
        self.ended += late

    def postpone(self, left: Done) -> None:
        """These alone are not recorded yet, since their customers are held."""
        now = asyncio.get_running_loop().time()
        names = [r.message.about.message_id for _, r in left]
        self.ended, self.troubles = left, []
        self.held = {name: self.held.get(name, now) for name in names}

    def to_wait_for(self, most: int) -> bool:
        """Whether to wait for who holds a customer: since it lasts long, or more than so many messages wait for it."""
        since = asyncio.get_running_loop().time() - HELD_S
        return len(self.held) > most or any(at < since for at in self.held.values())

    def give_back(self, ready: Sequence[Ready]) -> None:
        """To the queue, with the next entry; what was recalled or has passed to another sender is no longer ours."""
        self.ended += [(back(r.message, r.date), r) for r in ready]
        kept = {r.message.about.message_id for r in ready}
        self.waiting = [r for r in self.waiting if r.message.about.message_id not in kept]

    def waited_too_long(self) -> list[Ready]:
        """What must be looked at again before it leaves."""
        leased_since = asyncio.get_running_loop().time() - AT_DESK_S
        return [r for r in self.waiting if r.leased_at < leased_since]


def turn_of(ready: Ready) -> tuple[int, datetime, str]:
    """A message's place in the queue: by rank, then by age."""
    return ready.message.about.rank, ready.message.at, ready.message.about.message_id
