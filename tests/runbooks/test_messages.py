"""Messages that nobody knows to have left, and messages that nobody sends."""

from __future__ import annotations

import asyncio
import email
import os
import signal
import sys
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from regulars.stack.services import environment

from .pages import printed
from .watched import APART, ON_REQUEST, Watched

pytestmark = ON_REQUEST


class BreaksOff:
    """A mail server that takes each text, notes it in its log, and breaks off before it answers."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.log.append(str(email.message_from_bytes(envelope.content or b"")["Message-ID"]))  # type: ignore[arg-type]
        assert isinstance(server.transport, asyncio.Transport)
        server.transport.abort()
        return "250 OK"


def customer(stack: Watched, name: str) -> None:
    people = [{"id": name, "name": name.title(), "email": f"{name}@example.test", "language": "en"}]
    told = stack.call("orders-ingest", "POST", "/v1/shops/tea/customers", {"customers": people})
    assert told.status_code == 202, told.text


def paid(stack: Watched, name: str, order: str) -> None:
    """An order whose payment the customer is told of."""
    data = {"order_id": order, "state": "paid", "currency": "EUR", "goods_paid": 10_000}
    body = {"id": f"{order}-paid", "type": "order.paid", "subject": name, "data": data}
    assert stack.call("orders-ingest", "POST", "/v1/shops/tea/events", body).status_code == 202


def decisions(stack: Watched, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.call("messaging", "GET", f"/v1/shops/tea/customers/{name}/decisions").json()
    return found


def test_sends_in_doubt(stack: Watched) -> None:
    """The mail server breaks off after the text, twice: its log has the mails, which is told."""
    provider = BreaksOff()
    server = Controller(provider, hostname="127.0.0.1", port=stack.mail_port)
    server.start()
    try:
        customer(stack, "eve")
        paid(stack, "eve", "e1")
        stack.until_it_fires("SendsInDoubt", "messaging")
    finally:
        server.stop()
    printed("SendsInDoubt", "GET /ops/doubt")
    printed("SendsInDoubt", "POST /ops/doubt/<shop>/<message_id>")
    listed = stack.call("messaging", "GET", "/ops/doubt").json()
    assert len(listed) >= 1
    for each in listed:
        taken = any(line.startswith(f"<{each['message_id']}@") for line in provider.log)
        assert taken, f"{each} is not among {provider.log}"
        told = stack.call("messaging", "POST", f"/ops/doubt/tea/{each['message_id']}", {"taken": taken})
        assert told.status_code == 204, told.text
    stack.until_it_is_quiet("SendsInDoubt", "messaging")
    assert stack.call("messaging", "GET", "/ops/doubt").json() == []
    (message,) = {each["message_id"] for each in decisions(stack, "eve")}
    found = stack.call("messaging", "GET", f"/v1/shops/tea/messages/{message}").json()
    assert (found["state"], found["receipt"]) == ("unknown", "taken")


OLDER = """
import runpy, sys
from messaging.channels.registry import CHANNELS
del CHANNELS["inbox"]
sys.argv = ["messaging", "serve"]
runpy.run_module("messaging.main", run_name="__main__")
"""
"""A release that came before the channel `inbox`."""
LOOKED_AT_NOW = (
    "update candidates set release_at = now() where outcome = 'hold' and reason = 'no_sender'",
    "update messages set next_try_at = now() where state = 'queued' and channel = 'inbox'",
)
"""What waits for a sender is looked at every hour."""


def test_nobody_sends(stack: Watched) -> None:
    """The policy names a channel, then an older release takes over, that cannot send by it: the channel is taken out of
    the policy for what comes, and what waits leaves by the newer release."""
    customer(stack, "finn")
    _policy(stack, "email", "inbox")
    pid = stack.state.processes["messaging"].pid
    settings = stack.state.services["messaging"]
    env = environment({**settings, "HTTP_PORT": str(stack.apart[0])})
    os.kill(pid, signal.SIGSTOP)
    try:
        with stack.program([sys.executable, "-c", OLDER], env):
            paid(stack, "finn", "f1")
            stack.until_it_fires("NobodySends", APART)
    finally:
        os.kill(pid, signal.SIGCONT)
    _policy(stack, "email")
    paid(stack, "finn", "f2")

    def left() -> bool:
        for statement in LOOKED_AT_NOW:
            stack.sql("messaging", statement)
        return "sent" in _messages(stack, "inbox").values()

    stack.until(left, "what waited was to leave by the newer release")
    stack.until(lambda: len(_messages(stack, "email")) == 2, "the second order was to be told of")
    assert len(_messages(stack, "inbox")) == 1, "by the policy of now"
    stack.until_it_is_quiet("NobodySends", APART)
    stack.until_it_is_quiet("NobodySends", "messaging")


def _messages(stack: Watched, channel: str) -> dict[str, Any]:
    """What became of Finn's messages by this channel, by their ids."""
    return {each["message_id"]: each["state"] for each in decisions(stack, "finn") if each["channel"] == channel}


def _policy(stack: Watched, *channels: str) -> None:
    path = "/v1/shops/tea/policy"
    policy = stack.call("messaging", "GET", path).json()["policy"] | {"channels": channels}
    saved = stack.call("messaging", "PUT", path, {"policy": policy})
    assert saved.status_code == 200, saved.text
