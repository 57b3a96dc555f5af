"""The shop's own bridge to a chat that has no robots, such as Wangwang: a signed webhook (standardwebhooks.com).

`webhook-id` is the message's name: the bridge passes each on once, however often it is asked.
"""

from __future__ import annotations

import base64
import hmac
from typing import ClassVar

import orjson

from messaging.channels.chat.settings import ChatSettings
from messaging.channels.chat.shapes.protocol import Said, Shape, plainly_refused
from messaging.channels.handing_over import Asked
from messaging.channels.protocol import Delivery

_GONE = 410
"""There is no such customer at the bridge any more."""
_OF_THE_MESSAGE = frozenset({400, 413, 422})


class Generic(Shape):
    """Any 2xx is an acceptance; what it says besides is not read."""

    longest: ClassVar[int] = 20_000

    @staticmethod
    def asked(said: Said, settings: ChatSettings) -> Asked:
        """The text with the names of message and shop, signed where there is a secret."""
        body = orjson.dumps({"message_id": said.message_id, "shop": said.shop, "text": said.content})
        second = str(int(said.at.timestamp()))
        headers = {"webhook-id": said.message_id, "webhook-timestamp": second}
        secret = settings.chat_bridge_secret.get_secret_value()
        if secret:
            key = base64.b64decode(secret.removeprefix("whsec_"))
            told = hmac.digest(key, b".".join((said.message_id.encode(), second.encode(), body)), "sha256")
            headers["webhook-signature"] = f"v1,{base64.b64encode(told).decode()}"
        return Asked("POST", said.url, content=body, headers=headers)

    @staticmethod
    def delivery_of(status: int, body: bytes) -> Delivery:
        """By the status alone."""
        if status == _GONE:
            return Delivery("refused", f"http_{status}", "answer", address_bad=True)
        if status in _OF_THE_MESSAGE:
            return Delivery("refused", f"http_{status}", "answer")
        return plainly_refused(status) or Delivery("accepted")
