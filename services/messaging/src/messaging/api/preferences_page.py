"""Preference centre: what a customer wants to hear, by channel and purpose, on a page behind a signed link."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.responses import HTMLResponse

from common.events import CustomerKey
from common.events.customers import Channel, Purpose
from common.events.messages import ContactOptedIn, ContactOptedOut
from common.http import pages
from common.http.api import Router, Tx, public, runtime_of
from common.shops.settings import display_names
from common.storage.database import Database, Transaction
from common.values.links import link
from messaging.commands.consent import change_permission, opt_out
from messaging.consent.links import InvalidToken, Recipient, UnsubscribeLinks
from messaging.consent.state import FAR, PURPOSES
from messaging.contacts.state import IN_HOUSE
from messaging.known import get_reachable

router = Router(tags=["preference page"])
VIA = "preferences"
WORDS = {
    "en": {
        "title": "What would you like to hear?",
        "ask": "Tick what you would like to get, and save. Messages about your orders always reach you.",
        "save": "Save",
        "done": "Saved. This holds from now on.",
        "bad": "This link is not complete. Please open it again from the message, whole.",
        "nothing": "We have no address of yours to write to.",
        "email": "By e-mail",
        "sms": "By text message",
        "chat": "By chat",
        "phone": "By telephone",
        "inbox": "In the app",
        "marketing": "offers and news",
        "survey": "questions about what I bought",
    },
    "zh": {
        "title": "您想收到哪些消息?",
        "ask": "请勾选您想收到的内容并保存。与订单有关的消息始终会发送给您。",
        "save": "保存",
        "done": "已保存,即刻生效。",
        "bad": "链接不完整,请从消息中重新打开完整的链接。",
        "nothing": "我们没有您的联系地址。",
        "email": "电子邮件",
        "sms": "短信",
        "chat": "聊天",
        "phone": "电话",
        "inbox": "应用内消息",
        "marketing": "优惠与新品",
        "survey": "购物体验问卷",
    },
}
_PAGE = pages.body("""\
{% if asking %}
<h1>{{ words.title }}</h1>
{% if choices %}
<p>{{ words.ask }}</p>
<form method="post">
{% for channel, of_channel in choices|groupby("channel") %}
<fieldset><legend>{{ words[channel] }}</legend>
{% for c in of_channel %}
<input type="hidden" name="shown" value="{{ c.channel }}/{{ c.purpose }}/{{ c.allowed|int }}">
<label><input type="checkbox" name="yes" value="{{ c.channel }}/{{ c.purpose }}"{% if c.allowed %} checked{% endif %}>
{{ words[c.purpose] }}</label>
{% endfor %}
</fieldset>
{% endfor %}
<p><button>{{ words.save }}</button></p></form>
{% else %}
<p>{{ words.nothing }}</p>
{% endif %}
{% endif %}
""")
_ANYBODY = public("the signed link names the customer, and allows nothing but their own choice")
_BAD: dict[int | str, dict[str, Any]] = {
    404: {"description": "a bad link", "content": {"text/html": {"schema": {"type": "string"}}}}
}


class Choice(NamedTuple):
    """One box of the page."""

    channel: Channel
    purpose: Purpose
    allowed: bool


@router.get(link("preferences"), response_class=HTMLResponse, responses=_BAD, dependencies=[_ANYBODY])
async def show_preferences(token: str, request: Request, tx: Tx) -> HTMLResponse:
    """The choices as they stand; a visit changes nothing. The token is that of the unsubscribe link."""
    recipient = _recipient(token, request)
    if recipient is None:
        return pages.answer(_PAGE, request, 404, WORDS, note="bad", asking=False)
    return await _page(tx, request, recipient)


@router.post(link("preferences"), response_class=HTMLResponse, responses=_BAD, dependencies=[_ANYBODY])
async def save_preferences(token: str, request: Request) -> HTMLResponse:
    """Opt out and in as ticked, effective when answered. Only boxes that the page showed otherwise are changed: what
    was said elsewhere meanwhile stands, and a robot's POST without the form changes nothing. Idempotent."""
    recipient = _recipient(token, request)
    if recipient is None:
        return pages.answer(_PAGE, request, 404, WORDS, note="bad", asking=False)
    form = _form((await request.body()).decode(errors="replace"))
    database, key = runtime_of(request).database, (recipient.shop, recipient.customer)
    async with database.transaction() as tx:
        offered = {(c.channel, c.purpose) for c in await _choices(tx, key)}
    for choice in _wanted(form.get("shown", []), form.get("yes", [])):
        if (choice.channel, choice.purpose) in offered:
            await _save(database, key, choice)
    async with database.transaction() as tx:
        return await _page(tx, request, recipient, note="done")


def _form(text: str) -> dict[str, list[str]]:
    try:
        return parse_qs(text, max_num_fields=50)
    except ValueError:  # of more fields than any page has
        return {}


def _wanted(shown: Sequence[str], yes: Sequence[str]) -> list[Choice]:
    """The boxes that were ticked or unticked, with what is wanted of them; names that no page shows are left out."""
    changed = []
    for text in shown:
        name, _, was = text.rpartition("/")
        channel, _, purpose = name.partition("/")
        if (name in yes) != (was == "1"):
            changed.append(Choice(channel, purpose, name in yes))  # type: ignore[arg-type]  # compared with what is offered
    return changed


async def _save(database: Database, key: CustomerKey, choice: Choice) -> None:
    if choice.allowed:
        back = ContactOptedIn(channel=choice.channel, purpose=choice.purpose, via=VIA)
        await database.run(partial(_opt_in, key=key, data=back))
    else:
        await opt_out(database, key, ContactOptedOut(channel=choice.channel, purpose=choice.purpose, via=VIA))


async def _opt_in(tx: Transaction, *, key: CustomerKey, data: ContactOptedIn) -> None:
    await change_permission(tx, key, data)


async def _choices(tx: Transaction, key: CustomerKey) -> list[Choice]:
    """A box for each purpose on each channel on which the customer has an address, or which needs none and something
    was said about; none once they are erased."""
    known = (await get_reachable(tx, [key]))[key]
    if known.erased:
        return []
    found = []
    in_house = {channel for channel, _ in known.register.about() if channel in IN_HOUSE}
    for channel in sorted({*known.register.addresses, *in_house}):
        for purpose in PURPOSES:
            said = known.register.holding(channel, purpose, FAR)
            found.append(Choice(channel, purpose, said is not None and said.state == "granted"))
    return found


async def _page(tx: Transaction, request: Request, recipient: Recipient, note: str | None = None) -> HTMLResponse:
    shop = (await display_names(tx, [recipient.shop], tx.clock.now()))[recipient.shop]
    choices = await _choices(tx, (recipient.shop, recipient.customer))
    return pages.answer(_PAGE, request, 200, WORDS, note=note, shop=shop, asking=True, choices=choices)


def _recipient(token: str, request: Request) -> Recipient | None:
    runtime = runtime_of(request)
    try:
        return UnsubscribeLinks(runtime.master, runtime.settings.public_url).read(token)
    except InvalidToken:
        return None
