"""What SMS gateways say to us: receipts of messages, and replies of customers. The address holds the secret."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request, Response
from pydantic import BaseModel, Field, ValidationError

from common.events.fields import PersonalText, Text
from common.http.api import Router, public, require, runtime_of
from common.refusals import NotFound
from common.values.links import link
from messaging.commands.receipts import take_receipts
from messaging.commands.replies import take_reply
from messaging.delivery.receipts.links import GatewayLinks
from messaging.delivery.receipts.rules import place_of, said_by_twilio
from messaging.delivery.receipts.state import Receipt
from messaging.metrics import SMS_REPLIES

router = Router(tags=["SMS gateway"])
_GATEWAY = public("the address holds a secret that only the gateway was given, and allows nothing but this")
M = TypeVar("M", bound=BaseModel)
Several = Annotated[list[dict[str, Any]], Field(max_length=1000)]
_FORM: dict[str, Any] = {
    "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}}
}


class Xml(Response):
    """What Twilio reads; its words for saying nothing."""

    media_type = "text/xml"


class UnknownCallback(NotFound):
    """The address is none that was given to a gateway."""

    def __init__(self) -> None:
        super().__init__("unknown_callback", "GET /ops/sms/callbacks lists the addresses for the gateway's account.")


class AliyunReceipt(BaseModel):
    """One report of SmsReport; the number in it is not read."""

    out_id: Text = ""
    success: bool
    err_code: Annotated[str, Field(max_length=10_000)] | None = None


class AliyunReply(BaseModel):
    """One reply of SmsUp. `sequence_id`: the gateway's name of it; a reply is read without one, too."""

    phone_number: PersonalText
    content: PersonalText
    sequence_id: Any = None


class AliyunOut(BaseModel):
    """What the gateway waits for: anything else is said to us again."""

    code: int = 0
    msg: str = "ok"


class CallbacksOut(BaseModel):
    """The addresses to be set up in the gateway's account. They are secrets."""

    aliyun_receipts: str
    aliyun_replies: str
    twilio_replies: str


def _links(request: Request) -> GatewayLinks:
    runtime = runtime_of(request)
    return GatewayLinks(runtime.master, runtime.settings.public_url)


@router.get("/ops/sms/callbacks", dependencies=[require("ops")])
async def get_callbacks(request: Request) -> CallbacksOut:
    """Where the gateway is to send receipts and replies; a receipt of Twilio's is asked for with each message."""
    return CallbacksOut(**_links(request).callbacks)


@router.post(link("sms/aliyun/receipts"), dependencies=[_GATEWAY])
async def post_aliyun_receipts(token: str, body: Several, request: Request) -> AliyunOut:
    """SmsReport, several at a time, in any order; those of messages that are not ours, or unreadable, are left out."""
    if not _links(request).is_ours(token):
        raise UnknownCallback
    database = runtime_of(request).database
    receipts = [
        Receipt(*place, "delivered" if one.success else "undelivered", _word(one.err_code or ""), database.clock.now())
        for one in _readable(body, AliyunReceipt)
        if (place := place_of(one.out_id)) is not None
    ]
    await database.run(lambda tx: take_receipts(tx, receipts))
    return AliyunOut()


@router.post(link("sms/aliyun/replies"), dependencies=[_GATEWAY])
async def post_aliyun_replies(token: str, body: Several, request: Request) -> AliyunOut:
    """SmsUp: an exact keyword opts out or in, effective when answered; one that cannot be read holds up no other."""
    if not _links(request).is_ours(token):
        raise UnknownCallback
    runtime = runtime_of(request)
    replies = _readable(body, AliyunReply)
    SMS_REPLIES.labels("other").inc(len(body) - len(replies))
    for reply in replies:
        number = reply.phone_number
        # Numbers within China come without the country.
        number = f"+86{number}" if len(number) == 11 and number.startswith("1") else number
        name = str(reply.sequence_id)[:100] if isinstance(reply.sequence_id, str | int) else ""
        await take_reply(runtime.database, runtime.keys, number, reply.content, name)
    return AliyunOut()


@router.post(link("sms/twilio/receipts"), status_code=204, dependencies=[_GATEWAY], openapi_extra=_FORM)
async def post_twilio_receipt(token: str, request: Request) -> Response:
    """A status callback of one message, in any order; stages before its end are left out."""
    place = _links(request).read_receipt(token)
    if place is None:
        raise UnknownCallback
    form = await _form(request)
    said = said_by_twilio(form.get("MessageStatus", ""))
    if said is not None:
        database = runtime_of(request).database
        receipt = Receipt(*place, said, _word(form.get("ErrorCode", "")), database.clock.now())
        await database.run(lambda tx: take_receipts(tx, [receipt]))
    return Response(status_code=204)


@router.post(
    link("sms/twilio/replies"),
    response_class=Xml,
    responses={200: {"content": {"text/xml": {"schema": {"type": "string"}}}}},
    dependencies=[_GATEWAY],
    openapi_extra=_FORM,
)
async def post_twilio_reply(token: str, request: Request) -> Response:
    """An incoming message: an exact keyword opts out or in, effective when answered. Nothing is answered to it."""
    if not _links(request).is_ours(token):
        raise UnknownCallback
    form, runtime = await _form(request), runtime_of(request)
    await take_reply(
        runtime.database, runtime.keys, form.get("From", ""), form.get("Body", ""), form.get("MessageSid", "")
    )
    return Xml("<Response/>")


def _readable(body: list[dict[str, Any]], kind: type[M]) -> list[M]:
    """Those of what the gateway tells together that can be read, each by itself: it would repeat all of it for ever."""
    found = []
    for one in body:
        with contextlib.suppress(ValidationError):
            found.append(kind.model_validate(one))
    return found


async def _form(request: Request) -> Mapping[str, str]:
    return dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))


def _word(text: str) -> str | None:
    """A code as it can be kept and announced."""
    return "".join(c for c in text[:200] if c.isprintable()) or None
