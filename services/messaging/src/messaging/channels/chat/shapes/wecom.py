"""Group robots of WeCom (developer.work.weixin.qq.com/document/path/91770)."""

from __future__ import annotations

from typing import ClassVar

import orjson

from messaging.channels.chat.settings import ChatSettings
from messaging.channels.chat.shapes.protocol import Said, Shape, of_errcode
from messaging.channels.handing_over import Asked
from messaging.channels.protocol import Delivery

_GONE = frozenset({93000})
"""There is no such robot, or not any more."""
_OF_THE_MESSAGE = frozenset({40008, 40058, 44004, 45002})
"""Kind of message unknown, a field invalid, no content, too long. 45009, more than 20 a minute, and -1, busy, pass."""


class WeCom(Shape):
    """The key stands in the URL; nothing is signed."""

    longest: ClassVar[int] = 2048

    @staticmethod
    def asked(said: Said, settings: ChatSettings) -> Asked:
        """A text of a group robot."""
        return Asked("POST", said.url, content=orjson.dumps({"msgtype": "text", "text": {"content": said.content}}))

    @staticmethod
    def delivery_of(status: int, body: bytes) -> Delivery:
        """By `errcode`."""
        return of_errcode(status, body, _GONE, _OF_THE_MESSAGE)
