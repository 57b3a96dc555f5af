"""Coupons for everybody in a segment, a page of it at a time; what was interrupted is ended by sending it again."""

from __future__ import annotations

from typing import Any

from common.values.paths import part
from console.texts import N_
from console.web.commands import carry_out, correlation, why_not
from console.web.page import Viewer

MOST = 100_000
"""Customers whom a request of the console reaches; a larger segment is issued to by the command, or by a campaign."""
PAGE = 10_000
"""As many as membership takes in one request."""
TOO_MANY = N_(
    "{n:customer is|customers are} in it, and a page issues to at most 100,000: issue to it by the command line, "
    "or by a campaign that gives coupons."
)
EMPTY = N_("Nobody is in this segment yet.")


async def issue_to_segment(viewer: Viewer, offer: str, form: str, body: dict[str, Any]) -> str | None:
    """Why nothing, or nothing more, was issued; None: all of the segment have theirs. `body`: the issue, `segment`."""
    services, segment, path = viewer.console.services, part(str(body.pop("segment"))), f"/offers/{part(offer)}"
    (found,) = await services.ask(viewer.of_shop("segmentation", f"/segments/{segment}"))
    if not found.ok:
        return why_not(viewer, found)
    if not found.body["customers"]:
        return viewer.say(EMPTY)
    if found.body["customers"] > MOST:
        return viewer.say(TOO_MANY, n=found.body["customers"])
    command = ("membership", "POST", f"{path}/coupons")
    after: str | None = ""
    while after is not None:
        asked = viewer.of_shop("segmentation", f"/segments/{segment}/customers", after=after, limit=PAGE)
        (page,) = await services.ask(asked)
        if not page.ok:
            return why_not(viewer, page)
        some = body | {"customers": [each["customer"] for each in page.body["customers"]]}
        told = None
        if not after:
            # The first page is the command that the form orders, recorded once; the others follow from it.
            told = await carry_out(viewer, "issue_coupons", path.strip("/"), form, *command, json=some)
        if told is None:
            # Also the first page of a form that was sent before: whether it was answered is not known, and who has a
            # coupon of the batch gets no other.
            where = f"/v1/shops/{viewer.here}{command[2]}"
            headers = {"x-correlation-id": correlation(form)}
            told = await services.tell(*command[:2], where, headers=headers, json=some)
        if not told.ok:
            return why_not(viewer, told)
        after = page.body["next_after"]
    return None
