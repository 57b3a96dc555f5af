"""Circuit breakers of gateways: one that fails is left alone for a time, longer each time. Asks no clock."""

from __future__ import annotations

from messaging.channels.protocol import Trouble

IN_A_ROW = 5
"""So many refusals one after the other are proof enough, where one is not."""
FIRST_S, LONGEST_S = 10.0, 900.0


class Breaker:
    """Of one gateway, for all workers of a process; the channel's own pause begins where every gateway refuses."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._pause_s = 0.0
        self._until = float("-inf")

    def is_open(self, now: float) -> bool:
        """Whether the gateway is to be left alone."""
        return now < self._until

    def refused(self, trouble: Trouble, now: float) -> None:
        """The gateway refused us, or was away."""
        self._in_a_row += 1
        if trouble.at_once or self._in_a_row >= IN_A_ROW:
            self._pause_s = min(LONGEST_S, 2 * self._pause_s or FIRST_S)
            self._until = now + self._pause_s

    def took(self) -> None:
        """The gateway took a message."""
        self._in_a_row, self._pause_s, self._until = 0, 0.0, float("-inf")
