"""Bounces and complaints by mail, handed to us raw by the mail server that gets them. The address holds the secret."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from common.http.api import FILE, Router, public, require, runtime_of
from messaging.api.sms_callbacks import UnknownCallback
from messaging.commands.mail_reports import take_report
from messaging.delivery.receipts.links import GatewayLinks

router = Router(tags=["mail reports"])
_SERVER = public("the address holds a secret that only our mail server was given, and allows nothing but this")
_RAW: dict[str, Any] = {"requestBody": {"content": {FILE: {"schema": {"type": "string", "format": "binary"}}}}}


class MailCallbacksOut(BaseModel):
    """Where the mail server is to post each mail that comes to the sender's address, as it is. It is a secret."""

    mail_reports: str


@router.get("/ops/mail/callbacks", dependencies=[require("ops")])
async def get_mail_callbacks(request: Request) -> MailCallbacksOut:
    """Where bounces (DSN) and complaints (ARF) are to be posted; docs/sending.md says how a mail server does it."""
    return MailCallbacksOut(mail_reports=_links(request).mail_reports)


@router.post("/mail/reports/{token}", status_code=204, dependencies=[_SERVER], openapi_extra=_RAW)
async def post_mail_report(token: str, request: Request) -> Response:
    """One mail, raw. What is no report about a mail of ours is counted and left: to be told again would not help."""
    links = _links(request)
    if not links.is_the_mail_servers(token):
        raise UnknownCallback
    await take_report(runtime_of(request).database, links, await request.body())
    return Response(status_code=204)


def _links(request: Request) -> GatewayLinks:
    runtime = runtime_of(request)
    return GatewayLinks(runtime.master, runtime.settings.public_url)
