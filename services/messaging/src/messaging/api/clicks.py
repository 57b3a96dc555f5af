"""Links of offers: counted, and led on at once."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from common.http import pages
from common.http.api import Router, public, runtime_of
from common.http.heads import ASKED_AS
from common.values.links import link
from messaging.delivery.clicks.links import ClickLinks, Followed
from messaging.delivery.clicks.rules import JUDGED_AFTER, Hit, is_robot
from messaging.delivery.clicks.store import save_hit

router = Router(tags=["links"])
_ANYBODY = public("the signed link leads where the shop's message says, and tells nothing")
WORDS = {
    "en": {"title": "Link", "bad": "This link is not complete. Please open it again from the message, whole."},
    "zh": {"title": "链接", "bad": "链接不完整,请从消息中重新打开完整的链接。"},
}
_PAGE = pages.body("")
_ANSWERS: dict[int | str, dict[str, Any]] = {
    302: {"description": "where the link leads"},
    404: {"description": "a bad link", "content": {"text/html": {"schema": {"type": "string"}}}},
}


@router.get(link("l"), response_class=HTMLResponse, status_code=302, responses=_ANSWERS, dependencies=[_ANYBODY])
async def follow_link(token: str, request: Request) -> Response:
    """Lead on, whoever asks. What a program asks for is told apart later, and does not count."""
    followed = _followed(token, request)
    if followed is None:
        return pages.answer(_PAGE, request, 404, WORDS, note="bad")
    if ASKED_AS in request.scope:  # HEAD: only programs look without opening
        return _on(followed)
    database = runtime_of(request).database
    sent, now = request.headers, database.clock.now()
    hit = Hit(followed.link, now, is_robot(sent.get("user-agent"), sent.get("sec-purpose", sent.get("purpose"))))
    await database.run(lambda tx: save_hit(tx, followed.shop, followed.message_id, hit, now + JUDGED_AFTER))
    return _on(followed)


def _followed(token: str, request: Request) -> Followed | None:
    runtime = runtime_of(request)
    return ClickLinks(runtime.master, runtime.settings.public_url).read(token)


def _on(followed: Followed) -> Response:
    # Not kept by anybody on the way, or the next click would not come here.
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-robots-tag": "noindex"}
    return RedirectResponse(followed.target, 302, headers=headers)
