"""Mails that come in, handed to us raw by the mail server that gets them: bounces, complaints, answers of customers.

The address holds the secret.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from common.http.api import FILE, Router, public, require, runtime_of
from common.values.links import link
from messaging.api.sms_callbacks import UnknownCallback
from messaging.commands.mail_answers import take_mail
from messaging.delivery.receipts.links import GatewayLinks

router = Router(tags=["mail reports"])
_SERVER = public("the address holds a secret that only our mail server was given, and allows nothing but this")
_RAW: dict[str, Any] = {"requestBody": {"content": {FILE: {"schema": {"type": "string", "format": "binary"}}}}}


class MailCallbacksOut(BaseModel):
    """`mail_reports`: where the mail server is to post each mail that comes to the sender's address, or to that of
    answers, as it is. `mail_answers`: where a provider's hook posts them as JSON. They are secrets."""

    mail_reports: str
    mail_answers: str


@router.get("/ops/mail/callbacks", dependencies=[require("ops")])
async def get_mail_callbacks(request: Request) -> MailCallbacksOut:
    """Where bounces (DSN), complaints (ARF) and answers are to be posted; docs/sending.md says how it is done."""
    links = links_of(request)
    return MailCallbacksOut(mail_reports=links.mail_reports, mail_answers=links.mail_answers)


@router.post(link("mail/reports"), status_code=204, dependencies=[_SERVER], openapi_extra=_RAW)
async def post_mail_report(token: str, request: Request) -> Response:
    """One mail, raw: a report about a mail of ours, or an answer of a customer's. Any other is counted and left: to be
    told again would not help."""
    links, runtime = links_of(request), runtime_of(request)
    if not links.is_the_mail_servers(token):
        raise UnknownCallback
    await take_mail(runtime.database, runtime.keys, links, await request.body())
    return Response(status_code=204)


def links_of(request: Request) -> GatewayLinks:
    runtime = runtime_of(request)
    return GatewayLinks(runtime.master, runtime.settings.public_url)
