"""A gateway on this machine in the shape of Aliyun or Twilio, that checks signatures, remembers, and misbehaves."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from messaging.channels.sms.aliyun import signature

from ..listening import listening, read_request

Reply = Callable[["Gateway", asyncio.StreamWriter, dict[str, str]], Awaitable[None]]
ACCOUNT, SECRET = "AC1", "5ec-ret"


async def write(writer: asyncio.StreamWriter, body: Any, status: str = "200 OK") -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw)
    await writer.drain()


async def takes(gateway: Gateway, writer: asyncio.StreamWriter, form: dict[str, str]) -> None:
    """As documented."""
    gateway.keep(form)
    if gateway.shape == "aliyun":
        await write(writer, {"Code": "OK", "Message": "OK", "BizId": "9006^0", "RequestId": "r"})
    else:
        await write(writer, {"sid": "SM1", "status": "queued"}, "201 Created")


async def takes_and_hangs_up(gateway: Gateway, writer: asyncio.StreamWriter, form: dict[str, str]) -> None:
    """The reply is lost."""
    gateway.keep(form)


async def hangs_up(gateway: Gateway, writer: asyncio.StreamWriter, form: dict[str, str]) -> None:
    """It was not taken, and nobody is told."""


async def says_nothing(gateway: Gateway, writer: asyncio.StreamWriter, form: dict[str, str]) -> None:
    await asyncio.Event().wait()


async def trickles(gateway: Gateway, writer: asyncio.StreamWriter, form: dict[str, str]) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


def answers(body: Any, status: str = "200 OK") -> Reply:
    """This answer, without taking the message."""

    async def reply(gateway: Gateway, writer: asyncio.StreamWriter, form: dict[str, str]) -> None:
        await write(writer, body, status)

    return reply


class Gateway:
    """`reply`: how it answers what is to be sent; look-ups are answered from what it kept, with `lists` False never."""

    def __init__(self, shape: Literal["aliyun", "twilio"], reply: Reply = takes, *, lists: bool = True) -> None:
        self.shape = shape
        self.reply = reply
        self.lists = lists
        self.asked: list[dict[str, str]] = []
        self.taken: list[dict[str, str]] = []
        self.looked_up = 0
        self.unsigned = 0
        self.port = 0

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "sms_gateway": self.shape,
            "sms_url": f"http://127.0.0.1:{self.port}",
            "sms_account": ACCOUNT,
            "sms_secret": SECRET,
            "sms_sender": "茶铺" if self.shape == "aliyun" else "+12025550100",
            "sms_templates": {"order_shipped": "SMS_1", "tier": "SMS_2", "lapse": "SMS_3"},
            # A look-up ends when it finds the message; where there is nothing to find, a test waits for all of it.
            "sms_look_up_s": 20 if self.reply is takes_and_hangs_up and self.lists else 0.1,
        }

    def keep(self, form: dict[str, str]) -> None:
        self.taken.append(form)

    def _listed(self) -> Any:
        kept = self.taken if self.lists else []
        if self.shape == "aliyun":
            details = [{"OutId": f["OutId"], "PhoneNum": f["PhoneNumbers"], "SendStatus": 1} for f in kept]
            return {"Code": "OK", "SmsSendDetailDTOs": {"SmsSendDetailDTO": details}, "TotalCount": len(details)}
        created = format_datetime(datetime.now(UTC))
        return {"messages": [{"to": f["To"], "body": f["Body"], "date_created": created} for f in kept]}

    def _is_signed(self, head: str, form: dict[str, str]) -> bool:
        if self.shape == "twilio":
            expected = base64.b64encode(f"{ACCOUNT}:{SECRET}".encode()).decode()
            return f"authorization: basic {expected.lower()}" in head.lower()
        return form.pop("Signature", "") == signature("POST", form, SECRET)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_request(reader)
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        method, target, _ = head.split(" ", 2)
        if not self._is_signed(head, form):
            self.unsigned += 1
            await write(writer, {"Code": "SignatureDoesNotMatch", "code": 20003}, "401 Unauthorized")
        elif method == "GET" or form.get("Action") == "QuerySendDetails":
            self.looked_up += 1
            self.asked.append(dict(parse_qsl(urlsplit(target).query)) or form)
            await write(writer, self._listed())
        else:
            self.asked.append(form)
            await self.reply(self, writer, form)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Gateway]:
        """At a free port of this machine."""
        async with listening(self._serve) as self.port:
            yield self
