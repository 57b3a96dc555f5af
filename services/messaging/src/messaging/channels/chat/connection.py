"""Posting messages to a robot's webhook, so that each failure says what is known."""

from __future__ import annotations

from messaging.channels.chat.message import ChatMessage
from messaging.channels.chat.settings import ChatSettings
from messaging.channels.handing_over import HandOver
from messaging.channels.protocol import Connection, Delivery, MayLeave, always

MOST = 64 * 1024
"""Bytes of an answer that are read; the documented one has some forty."""


class ChatConnection(Connection):
    """A client for one task."""

    def __init__(self, settings: ChatSettings) -> None:
        self._settings = settings
        headers = {"content-type": "application/json"}
        self._way = HandOver("address", settings.chat_connect_s, settings.chat_answer_s, headers, MOST)

    def abandon(self) -> None:
        """Start nothing any more; a robot that was not given the message is not waited for, any other 10 s."""
        self._way.abandon()

    async def close(self) -> None:
        """Let go of the client."""
        await self._way.close()

    async def deliver(self, message: ChatMessage, may_leave: MayLeave = always) -> Delivery:
        """Post one message."""
        asked = message.shape.asked(message.said, self._settings)
        return await self._way.hand_over(asked, may_leave, message.shape.delivery_of)
