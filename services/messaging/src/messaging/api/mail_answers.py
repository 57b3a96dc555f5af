"""Answers by mail, told by a provider's inbound hook or the shop's own tool. The address holds the secret."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import BaseModel, BeforeValidator, Field

from common.http.api import Router, public, runtime_of
from common.http.limits import texts_as_they_are
from common.values.links import link
from common.values.texts import UNFIT
from messaging.api.mail_reports import links_of
from messaging.api.sms_callbacks import UnknownCallback
from messaging.commands.mail_answers import take_answer
from messaging.replies.mail import InboundMail, automatic_by, message_id_in, references_in
from messaging.replies.quoted import answer_in, unquoted_in
from messaging.replies.senders import addresses_in, sender_in

router = Router(tags=["answers by mail"])
_HOOK = public("the address holds a secret that only the mail provider was given, and allows nothing but this")
LONGEST, MOST = 100_000, 50


def _beginning(most: int) -> BeforeValidator:
    """Keeps as much as is read of a text or a list, and as can be stored: for a name too long a provider would be
    refused its mail for ever, and the opt-out in it."""

    def kept(given: Any) -> Any:
        if isinstance(given, str):
            return UNFIT.sub("", given[:most])
        return given[:most] if isinstance(given, list) else given

    return BeforeValidator(kept)


Header = Annotated[str, _beginning(4_000), Field(max_length=4_000)]
Address = Annotated[str, _beginning(1_000), Field(max_length=1_000)]
FileName = Annotated[str, _beginning(100), Field(max_length=100)]


class MailAnswerIn(BaseModel):
    """A mail that came in, without its attachments. `sender`, `to`: addresses, with or without names. `text`: all of
    it, as plain text: what it quotes is cut off here. `message_id`, `in_reply_to`, `references`: the headers of these
    names, with their brackets; by `message_id` it is the same when it is told again. `automatic`: a program wrote it
    (RFC 3834). Of what is longer than the bounds the beginning is read."""

    sender: Address
    to: Annotated[list[Address], _beginning(MOST), Field(max_length=MOST)] = []
    subject: Header = ""
    text: Annotated[str, _beginning(LONGEST), Field(max_length=LONGEST)]
    message_id: Header = ""
    in_reply_to: Header = ""
    references: Header = ""
    attachments: Annotated[list[FileName], _beginning(20), Field(max_length=20)] = []
    automatic: bool = False


@router.post(link("mail/answers"), status_code=204, dependencies=[_HOOK, Depends(texts_as_they_are)])
async def post_mail_answer(token: str, body: MailAnswerIn, request: Request) -> Response:
    """One mail: an answer is kept and told, a word alone opts out or in, effective when answered. Idempotent."""
    if not links_of(request).is_the_mail_servers(token):
        raise UnknownCallback
    runtime = runtime_of(request)
    sender = sender_in(body.sender)
    mail = InboundMail(
        message_id_in(body.message_id),
        sender,
        addresses_in(body.to),
        references_in(body.in_reply_to, body.references),
        " ".join(body.subject.split()),
        answer := answer_in(body.text),
        tuple(body.attachments),
        "told" if body.automatic else automatic_by(body.subject, sender),
        answer or unquoted_in(body.text),
    )
    await take_answer(runtime.database, runtime.keys, mail)
    return Response(status_code=204)
