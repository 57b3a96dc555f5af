"""Handing text messages to a gateway, or to the other one; what is in doubt is looked up where it was handed over."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx

from messaging.channels.handing_over import HandOver
from messaging.channels.protocol import Connection, Delivery, MayLeave, Trouble, always
from messaging.channels.sms.bucket import TokenBucket
from messaging.channels.sms.message import Gateway, Line, SmsMessage
from messaging.channels.sms.settings import SmsSettings
from messaging.metrics import SMS_COST, SMS_SEGMENTS, SMS_TAKEN

MOST = 256 * 1024
"""Bytes of an answer that are read; fifty details take some 40,000."""
LOOK_UP_EVERY_S = 1.0


class SmsConnection(Connection):
    """A client for one task. `lines`: the gateways in the order in which they are tried, with their breakers."""

    def __init__(self, lines: Sequence[Line], bucket: TokenBucket, settings: SmsSettings) -> None:
        self._lines = lines
        self._bucket = bucket
        self._settings = settings
        headers = {"accept": "application/json"}
        self._way = HandOver("channel", settings.sms_connect_s, settings.sms_answer_s, headers, MOST)

    def abandon(self) -> None:
        """Start nothing any more; a gateway that was not given the message is not waited for, any other 10 s."""
        self._way.abandon()

    async def close(self) -> None:
        """Let go of the client."""
        await self._way.close()

    async def deliver(self, message: SmsMessage, may_leave: MayLeave = always) -> Delivery:
        """Hand over one message, when its turn has come, to the first gateway that is not left alone.

        Where that one refuses us, and so has not got it, the next is tried; what is in doubt is never tried elsewhere.
        """
        if not self._lines:
            trouble = Trouble("channel", True, "settings", "sms_not_set_up", away=True)
            return Delivery("withheld", "sms_not_set_up", "settings", trouble=trouble)
        now = asyncio.get_running_loop().time()
        await self._way.rest(self._bucket.reserve(now))
        able = [line for line in self._lines if message.template is not None or not line.gateway.needs_template]
        # Where all are left alone the channel is tried again: the first speaks for it.
        found = Delivery("stopped")
        for line in [each for each in able if not each.breaker.is_open(now)] or able[:1]:
            if self._way.abandoned.is_set():
                return Delivery("stopped")
            found = await self._by(line, message, may_leave)
            if found.trouble is None or found.trouble.scope != "channel":
                break
            line.breaker.refused(found.trouble, asyncio.get_running_loop().time())
        return found

    async def _by(self, line: Line, message: SmsMessage, may_leave: MayLeave) -> Delivery:
        since = _now()
        asked = line.gateway.send(message, since, str(uuid.uuid4()))
        found = await self._way.hand_over(asked, may_leave, line.gateway.delivery)
        if found.outcome == "unknown" and await self._was_taken(line.gateway, message, since):
            found = Delivery("accepted")
        if found.outcome == "accepted":
            line.breaker.took()
            SMS_TAKEN.labels(line.name).inc()
            SMS_SEGMENTS.labels(message.segments.encoding).inc(message.segments.parts)
            SMS_COST.inc(float(self._settings.sms_segment_cost * message.segments.parts))
        return found

    async def _was_taken(self, gateway: Gateway, message: SmsMessage, since: datetime) -> bool:
        """Ask the gateway for the message until it names it, or the time is up; it is never sent again for that."""
        until = asyncio.get_running_loop().time() + self._settings.sms_look_up_s
        while not self._way.abandoned.is_set():
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                break
            with contextlib.suppress(httpx.HTTPError, OSError):
                async with asyncio.timeout(left):
                    asked = gateway.look_up(message, since, _now(), str(uuid.uuid4()))
                    if gateway.has_it(message, since, *await self._way.answer(asked)):
                        return True
            await self._way.rest(min(LOOK_UP_EVERY_S, max(0.0, left)))
        return False


def _now() -> datetime:
    """By the wall clock, in a replay too: what is compared with a gateway's clock."""
    return datetime.now(UTC)
