"""Channels whose messages are listed here, for the shop's people or its app: nothing leaves the house."""

from __future__ import annotations

from typing import NamedTuple

from messaging.channels.protocol import Connection, Delivery, MayLeave, always


class Listed(NamedTuple):
    """A message that is on a list: its text is written for whoever asks for it."""

    message_id: str


class ListConnection(Connection):
    """The list is the messages of the channel that were handed over."""

    def __init__(self) -> None:
        self._abandoned = False

    def abandon(self) -> None:
        """Start nothing any more."""
        self._abandoned = True

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def deliver(self, message: Listed, may_leave: MayLeave = always) -> Delivery:
        """It is on the list once its end is recorded."""
        if self._abandoned:
            return Delivery("stopped")
        reason = await may_leave()
        return Delivery("accepted") if reason is None else Delivery("forbidden", reason, "list")
