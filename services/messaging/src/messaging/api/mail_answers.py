"""Answers by mail, told by a provider's inbound hook or the shop's own tool. The address holds the secret."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Response
from pydantic import BaseModel, Field

from common.events.fields import PersonalText
from common.http.api import Router, public, runtime_of
from messaging.api.mail_reports import links_of
from messaging.api.sms_callbacks import UnknownCallback
from messaging.commands.mail_answers import take_answer
from messaging.replies.mail import InboundMail, automatic_by, message_id_in, references_in
from messaging.replies.quoted import answer_in

router = Router(tags=["answers by mail"])
_HOOK = public("the address holds a secret that only the mail provider was given, and allows nothing but this")
Header = Annotated[str, Field(max_length=4_000)]


class MailAnswerIn(BaseModel):
    """A mail that came in, without its attachments. `sender`, `to`: bare addresses. `text`: all of it, as plain text:
    what it quotes is cut off here. `message_id`, `in_reply_to`, `references`: the headers of these names, with their
    brackets; by `message_id` it is the same when it is told again. `automatic`: a program wrote it (RFC 3834)."""

    sender: PersonalText
    to: Annotated[list[PersonalText], Field(max_length=50)] = []
    subject: Header = ""
    text: Annotated[str, Field(max_length=100_000)]
    message_id: Header = ""
    in_reply_to: Header = ""
    references: Header = ""
    attachments: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=20)] = []
    automatic: bool = False


@router.post("/mail/answers/{token}", status_code=204, dependencies=[_HOOK])
async def post_mail_answer(token: str, body: MailAnswerIn, request: Request) -> Response:
    """One mail: an answer is kept and told, a word alone opts out or in, effective when answered. Idempotent."""
    if not links_of(request).is_the_mail_servers(token):
        raise UnknownCallback
    runtime = runtime_of(request)
    mail = InboundMail(
        message_id_in(body.message_id),
        body.sender,
        tuple(body.to),
        references_in(body.in_reply_to, body.references),
        " ".join(body.subject.split()),
        answer_in(body.text.replace("\0", "")),
        tuple(body.attachments),
        "told" if body.automatic else automatic_by(body.subject, body.sender),
    )
    await take_answer(runtime.database, runtime.keys, mail)
    return Response(status_code=204)
