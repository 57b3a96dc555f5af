"""Twilio's shape: Programmable Messaging 2010-04-01, HTTP basic authentication, texts as we write them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from messaging.channels.handing_over import Asked
from messaging.channels.protocol import Delivery
from messaging.channels.sms.answers import in_doubt, json_object, of_us
from messaging.channels.sms.message import Gateway, SmsMessage

URL = "https://api.twilio.com"
_NO_SUCH_NUMBER = frozenset({21211, 21610, 21614})
"""No valid number; one that said STOP to Twilio itself, which lets nothing through; none that takes text messages."""
_OF_US = frozenset({20003, 20005, 20403, 21212, 21606, 21603, 21703, 21705, 30001, 30002, 63038})
"""Credentials, account suspended, sender unknown or not ours, its queue is full, the account's daily limit."""
_OF_THE_MESSAGE = frozenset({21408, 21612, 21617, 21619, 21623})
"""Country not allowed, no route, text too long, no text."""
_CLOCKS_APART = timedelta(seconds=5)


@dataclass(frozen=True)
class Twilio(Gateway):
    """Messages have no reference of ours there: a look-up compares number, text and time."""

    needs_template: ClassVar[bool] = False
    url: str
    account: str
    secret: str = field(repr=False)
    sender: str

    def send(self, message: SmsMessage, now: datetime, nonce: str) -> Asked:
        sender = "MessagingServiceSid" if self.sender.startswith("MG") else "From"
        form = {"To": message.to, sender: self.sender, "Body": message.text}
        if message.receipt_url is not None:
            form["StatusCallback"] = message.receipt_url
        return Asked("POST", self._messages, form, (self.account, self.secret))

    def delivery(self, status: int, body: bytes) -> Delivery:
        answer = json_object(body) or {}
        if status == 201:
            return Delivery("accepted") if isinstance(answer.get("sid"), str) else in_doubt("answer_not_understood")
        code = answer.get("code")
        if status == 429 or code == 20429:
            return of_us("throttled", at_once=False)
        if status == 503 and not isinstance(code, int):
            return of_us("http_503")
        if status >= 500 or 200 <= status < 300:
            return in_doubt(f"http_{status}")
        reason = f"sms_{code}" if isinstance(code, int) else f"http_{status}"
        if code in _NO_SUCH_NUMBER:
            return Delivery("refused", reason, "answer", address_bad=True)
        if code in _OF_US or status in (401, 403):
            return of_us(reason)
        if code in _OF_THE_MESSAGE:
            return Delivery("refused", reason, "answer")
        return Delivery("later", reason, "answer")

    def look_up(self, message: SmsMessage, since: datetime, now: datetime, nonce: str) -> Asked:
        day = since.astimezone(UTC).date().isoformat()
        query = urlencode({"To": message.to, "DateSent>": day, "PageSize": "50"})
        return Asked("GET", f"{self._messages}?{query}", None, (self.account, self.secret))

    def has_it(self, message: SmsMessage, since: datetime, status: int, body: bytes) -> bool:
        answer = json_object(body) if status == 200 else None
        listed = (answer or {}).get("messages")
        return isinstance(listed, list) and any(_is(message, since, found) for found in listed)

    @property
    def _messages(self) -> str:
        return f"{self.url}/2010-04-01/Accounts/{self.account}/Messages.json"


def _is(message: SmsMessage, since: datetime, found: Any) -> bool:
    if not isinstance(found, dict) or (found.get("to"), found.get("body")) != (message.to, message.text):
        return False
    try:
        created = parsedate_to_datetime(str(found.get("date_created")))
    except (ValueError, OverflowError):
        return False
    return created.tzinfo is not None and created >= since - _CLOCKS_APART
