"""Opting out by one click in the mail program (RFC 8058), or by the button of a small page behind a signed link."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from common.events.messages import ContactOptedOut
from common.http import pages
from common.http.api import Router, Tx, public
from common.shops.settings import display_names
from common.storage.database import Transaction
from common.values.links import link
from messaging.commands.consent import opt_out
from messaging.consent.links import InvalidToken, Recipient, UnsubscribeLinks

router = Router(tags=["unsubscribe page"])
WORDS = {
    "en": {
        "title": "Unsubscribe",
        "ask": "Press the button, and you will get no more offers and surveys from this shop on this channel. "
        "Messages about your orders still reach you.",
        "done": "Done. You will get no more offers and surveys from this shop on this channel.",
        "choose": "Choose what you get, by channel",
        "bad": "This link is not complete. Please open it again from the message, whole.",
    },
    "zh": {
        "title": "退订",
        "ask": "点击按钮退订后,您将不再通过此渠道收到本店的优惠和问卷;与订单有关的消息仍会发送给您。",
        "done": "已退订。您将不再通过此渠道收到本店的优惠和问卷。",
        "choose": "按渠道选择您想收到的消息",
        "bad": "链接不完整,请从消息中重新打开完整的链接。",
    },
}
_PAGE = pages.body("""\
{% if asking %}
<h1>{{ words.title }}</h1>
<p>{{ words.ask }}</p>
<form method="post"><button>{{ words.title }}</button></form>
{% endif %}
{% if token %}
<p><a href="../preferences/{{ token }}">{{ words.choose }}</a></p>
{% endif %}
""")
_ANYBODY = public("the signed link names the customer and allows nothing but opting out")
_BAD: dict[int | str, dict[str, Any]] = {
    404: {"description": "a bad link", "content": {"text/html": {"schema": {"type": "string"}}}}
}


def _recipient(token: str, request: Request) -> Recipient | None:
    runtime = request.app.state.runtime
    try:
        return UnsubscribeLinks(runtime.master, runtime.settings.public_url).read(token)
    except InvalidToken:
        return None


@router.get(link("unsubscribe"), response_class=HTMLResponse, responses=_BAD, dependencies=[_ANYBODY])
async def ask_unsubscribe(token: str, request: Request, tx: Tx) -> HTMLResponse:
    """A page with a button: programs that fetch links in advance must not opt anybody out."""
    recipient = _recipient(token, request)
    if recipient is None:
        return pages.answer(_PAGE, request, 404, WORDS, note="bad", asking=False, token=None)
    return pages.answer(_PAGE, request, 200, WORDS, shop=await _name(tx, recipient), asking=True, token=token)


@router.post(link("unsubscribe"), response_class=HTMLResponse, responses=_BAD, dependencies=[_ANYBODY])
async def unsubscribe(token: str, request: Request) -> HTMLResponse:
    """One click (RFC 8058), from a mail program or from the button; effective when answered. Idempotent."""
    recipient = _recipient(token, request)
    if recipient is None:
        return pages.answer(_PAGE, request, 404, WORDS, note="bad", asking=False, token=None)
    data = ContactOptedOut(channel=recipient.channel, via="link")
    database = request.app.state.runtime.database
    await opt_out(database, (recipient.shop, recipient.customer), data)
    async with database.transaction() as tx:
        name = await _name(tx, recipient)
    return pages.answer(_PAGE, request, 200, WORDS, note="done", shop=name, asking=False, token=token)


async def _name(tx: Transaction, recipient: Recipient) -> str:
    return (await display_names(tx, [recipient.shop], tx.clock.now()))[recipient.shop]
