"""Moderation of content about the goods: what waits, what was decided and by whom (FBK-042 to FBK-048)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response

from common.values.paths import part
from console.client import Answer
from console.forms.fields import Field, read
from console.forms.sheets import Command, Sheet, empty, filled, order, sent
from console.texts import N_
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer, see
from console.web.pictures import picture

router = APIRouter()
ROWS = 50
STATES = ("submitted", "waits", "approved", "refused", "withdrawn")
"""`waits`: approved, with a reward that is more than one person grants alone."""
OF_THE_SHOP = ("tutorial", "product_test", "ingredients", "guarantee")
GRADES = ("A", "B", "C")
ContentId = Annotated[str, Path(max_length=200)]
GRADE = Field("grade", N_("Grade"), "choice", N_("A is shown first."), GRADES)
FEATURED = Field("featured", N_("Feature it: it stands before others of its grade"), "flag")
REASON = Field("reason", N_("Reason"), hint=N_("It names nobody."), optional=True)
WHY = Field("reason", N_("Reason"), hint=N_("It names nobody."))
DECISIONS = {
    "submitted": (
        ("approve", N_("Approve"), (GRADE, FEATURED, REASON)),
        ("refuse", N_("Refuse"), (WHY,)),
    ),
    "approved": (
        ("approve", N_("Grade anew"), (GRADE, FEATURED, REASON)),
        ("withdraw", N_("Withdraw"), (WHY,)),
    ),
}
"""What can be decided of content in a state, each with the fields that it asks for."""
OWN = Sheet(
    N_("Hand in content of the shop's own"),
    N_("Hand it in"),
    (
        Field("kind", N_("Kind"), "choice", choices=OF_THE_SHOP, words="content_"),
        Field("title", N_("Title")),
        Field("link", N_("Address"), hint=N_("It begins with https://"), most=500),
        Field("sku", N_("Product"), hint=N_("Its SKU; empty: of all."), optional=True),
    ),
    ("/content", N_("Content")),
    N_("A tutorial, a test, ingredients, a guarantee: moderated as everything else, then shown to whom it convinces."),
)


@router.get("/s/{shop}/content")
async def content(
    viewer: Guarded,
    state: Annotated[str, Query(max_length=20)] = "submitted",
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Content in one state, the oldest first; what customers wrote is read at each piece."""
    shown = state if state in STATES else "submitted"
    which = {"state": "approved", "to_approve": "true"} if shown == "waits" else {"state": shown}
    asked = {**which, "limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("feedback", "/ugc", **asked))
    return viewer.draw("content/content.html", page=page, state=shown, states=STATES, after=after, part=part)


@router.get("/s/{shop}/content/{content_id}")
async def one_content(viewer: Guarded, content_id: ContentId) -> Response:
    """One piece: text, photos' references, and what can be decided."""
    return await _page(viewer, content_id)


async def _page(
    viewer: Viewer,
    content_id: str,
    error: str = "",
    status: int = 200,
    wrong: dict[str, str] | None = None,
    failed: str = "",
) -> Response:
    here, found = part(content_id), await _asked(viewer, content_id)
    if found.body["customer"]:
        await viewer.open_customer(found.body["customer"])
    return viewer.draw(
        "content/one.html",
        status,
        c=found.body,
        here=here,
        part=part,
        decisions=DECISIONS.get(found.body["state"], ()) if viewer.may("decide_content") else (),
        shown=await _may_see(viewer, found),
        error=error,
        wrong=wrong or {},
        failed=failed,
        written=await sent(viewer) if failed else {},
    )


async def _asked(viewer: Viewer, content_id: str) -> Answer:
    """Raises NoAnswer, NotHere."""
    (found,) = await viewer.console.services.ask(viewer.of_shop("feedback", f"/ugc/{part(content_id)}"))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    return found


async def _may_see(viewer: Viewer, found: Answer) -> bool:
    """Whether this session sees what was handed in: the shop's own always, a customer's after a look."""
    if found.body["customer"] is None:
        return True
    return viewer.may("show_content") and await viewer.may_look(f"ugc/{part(found.body['content_id'])}")


@router.get("/s/{shop}/content/{content_id}/photos/{number}")
async def content_photo(
    viewer: Guarded, content_id: ContentId, number: Annotated[int, Path(ge=0, le=1_000)]
) -> Response:
    """The picture of one of its photos that is kept here, the first is 0; after a look at the piece."""
    found = await _asked(viewer, content_id)
    customer, photos = found.body["customer"], found.body["photos"]
    if customer is None or number >= len(photos) or not await _may_see(viewer, found):
        raise NotHere
    return await picture(viewer, customer, photos[number])


@router.post("/s/{shop}/content/{content_id}/show")
async def show_content(viewer: Guarded, content_id: ContentId, form: Annotated[str, Form(max_length=50)]) -> Response:
    """What the customer wrote, for five minutes; the look is recorded first."""
    await viewer.look(f"ugc/{part(content_id)}", "show_content", form)
    return see(viewer.url(f"/content/{part(content_id)}"))


@router.post("/s/{shop}/content/{content_id}/{decision}")
async def decide_content(
    viewer: Guarded, content_id: ContentId, decision: Annotated[str, Path(max_length=20)]
) -> Response:
    """Approve with a grade, refuse or withdraw with a reason; the service says what follows from how it stands."""
    fields = {name: asked for each in DECISIONS.values() for name, _, asked in each}.get(decision)
    if fields is None:
        raise NotHere
    written = await sent(viewer)
    body, wrong = read(fields, written, viewer.zone)
    if wrong:
        return await _page(viewer, content_id, "", 422, wrong, decision)

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, content_id, error, status, None, decision)

    path = f"/ugc/{part(content_id)}"
    command = Command(f"content_{decision}", path.strip("/"), "feedback", "POST", f"{path}/decision")
    given = body | {"decision": decision, "by": viewer.who.name}
    return await order(viewer, written.get("form", "")[:50], command, again, f"/content/{part(content_id)}", json=given)


@router.get("/s/{shop}/content-form")
async def content_form(viewer: Guarded) -> Response:
    """Content of the shop's own."""
    return await empty(viewer, OWN, "/content")


@router.post("/s/{shop}/content")
async def submit_content(viewer: Guarded) -> Response:
    """Into the queue of what is to be moderated."""
    form = await filled(viewer, OWN, "/content")
    if form.wrong:
        return form.refused()
    thing = f"ugc/{part(form.command)}"
    body = form.body | {"content_id": form.command}
    command = Command("submit_content", thing, "feedback", "POST", "/ugc")
    return await form.send(command, f"/content/{part(form.command)}", json=body)
