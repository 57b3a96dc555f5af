"""Group robots of DingTalk (open.dingtalk.com, custom robots), signed where the robot asks for it.

The shop adds the robot's secret to its webhook as `&secret=SEC…`; it signs the hour, and is not sent.
"""

from __future__ import annotations

import base64
import hmac
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson

from messaging.channels.chat.settings import ChatSettings
from messaging.channels.chat.shapes.protocol import Said, Shape, of_errcode
from messaging.channels.handing_over import Asked
from messaging.channels.protocol import Delivery

_GONE = frozenset({300001, 400013, 400101, 400102, 400106})
"""No such token, the group was dissolved, no such token, the robot was stopped, there is no robot."""
_OF_THE_MESSAGE = frozenset({40035, 43004, 400105, 430101, 430102, 430103, 430104})
"""A field is missing, kind of content or of message unknown, a link or words that are not allowed. 310000, the words or
the signature that the robot's own settings ask for, 130101 and 410100, too many a minute, and -1, busy, pass."""


class DingTalk(Shape):
    """The token stands in the URL."""

    longest: ClassVar[int] = 20_000

    @staticmethod
    def asked(said: Said, settings: ChatSettings) -> Asked:
        """A text of a group robot."""
        body = {"msgtype": "text", "text": {"content": said.content}}
        return Asked("POST", _signed(said.url, round(said.at.timestamp() * 1000)), content=orjson.dumps(body))

    @staticmethod
    def delivery_of(status: int, body: bytes) -> Delivery:
        """By `errcode`."""
        return of_errcode(status, body, _GONE, _OF_THE_MESSAGE)


def _signed(url: str, at_ms: int) -> str:
    """The webhook with hour and signature in the place of its secret; as it is where it has none."""
    parts = urlsplit(url)
    given = parse_qsl(parts.query, keep_blank_values=True)
    secret = next((value for name, value in given if name == "secret"), None)
    if not secret:
        return url
    digest = hmac.digest(secret.encode(), f"{at_ms}\n{secret}".encode(), "sha256")
    asked = [pair for pair in given if pair[0] != "secret"]
    asked += [("timestamp", str(at_ms)), ("sign", base64.b64encode(digest).decode())]
    return urlunsplit(parts._replace(query=urlencode(asked)))
