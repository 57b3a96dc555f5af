"""A token bucket: so many messages a second are handed to the gateway, by all workers of a process together."""

from __future__ import annotations


class TokenBucket:
    """Full at first; holds one second's worth, and one token at the least. Asks no clock."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._room = max(1.0, per_second)
        self._tokens = self._room
        self._at: float | None = None

    def reserve(self, now: float) -> float:
        """Take a token; returns the seconds until it is there. Whoever reserves later waits longer."""
        if self._at is not None:
            self._tokens = min(self._room, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self._per_second)
