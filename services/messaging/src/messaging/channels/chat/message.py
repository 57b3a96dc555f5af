"""A chat message as it goes over the wire: a text of a group robot."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

LONGEST = 2048
"""Bytes of UTF-8 that the robot takes as a text."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A text for one robot. The URL holds the robot's key, so it is shown nowhere."""

    url: str = field(repr=False)
    content: str

    def body(self) -> bytes:
        """The request's JSON."""
        return orjson.dumps({"msgtype": "text", "text": {"content": self.content}})
