"""Agreements with partners, what each was given, and the files (SEC-007)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import StreamingResponse

from common.values.paths import part
from console.access.forms import new_form
from console.forms.fields import read
from console.forms.sheets import Command, Filled, filled, order, sent
from console.sharing import forms
from console.web.commands import status_of, why_not
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer

router = APIRouter()
ROWS = 50
Name = Annotated[str, Path(max_length=200)]
After = Annotated[str, Query(max_length=500)]


@router.get("/s/{shop}/sharing")
async def sharing(viewer: Guarded, after: After = "") -> Response:
    """All agreements, also those that were revoked."""
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.ask(viewer.of_shop("orders-ingest", "/sharing/partners", **asked))
    return viewer.draw("sharing/sharing.html", page=page, after=after, part=part)


@router.get("/s/{shop}/sharing-form")
async def sharing_form(viewer: Guarded, partner: After = "") -> Response:
    """An empty agreement, or one that is to be changed."""
    written = {"command": new_form()}
    if partner:
        (found,) = await viewer.console.services.ask(
            viewer.of_shop("orders-ingest", f"/sharing/partners/{part(partner)}")
        )
        if not found.ok:
            raise NoAnswer(found) if found.state == "unavailable" else NotHere
        written |= forms.written_of(found.body)
    return Filled(viewer, forms.AGREEMENT, "/sharing", written).draw()


@router.post("/s/{shop}/sharing")
async def save_sharing(viewer: Guarded) -> Response:
    """Keep an agreement."""
    form = await filled(viewer, forms.AGREEMENT, "/sharing")
    if form.wrong:
        return form.refused()
    here = f"/sharing/partners/{part(form.body['partner'])}"
    command = Command("save_sharing", here.strip("/"), "orders-ingest", "PUT", here)
    terms = forms.terms_of(form.body, viewer.who.name, form.version)
    return await form.send(command, f"/sharing/{part(form.body['partner'])}", json=terms)


@router.get("/s/{shop}/sharing/{partner}")
async def sharing_partner(viewer: Guarded, partner: Name, after: After = "") -> Response:
    """One agreement, and what the partner was given under it."""
    return await _page(viewer, partner, after=after)


async def _page(
    viewer: Viewer,
    partner: str,
    error: str = "",
    status: int = 200,
    *,
    after: str = "",
    written: dict[str, str] | None = None,
    wrong: dict[str, str] | None = None,
) -> Response:
    path = f"/sharing/partners/{part(partner)}"
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    found, register = await viewer.console.services.ask(
        viewer.of_shop("orders-ingest", path), viewer.of_shop("orders-ingest", f"{path}/shares", **asked)
    )
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    return viewer.draw(
        "sharing/partner.html",
        status,
        p=found.body,
        here=part(partner),
        register=register,
        after=after,
        labels={"customers": forms.CUSTOMER_FIELDS, "orders": forms.ORDER_FIELDS},
        fields=forms.FILE,
        written=written or {},
        wrong=wrong or {},
        error=error,
        part=part,
    )


@router.post("/s/{shop}/sharing/{partner}/files")
async def save_share(viewer: Guarded, partner: Name) -> Response:
    """Register a file of all that the agreement names."""
    written = await sent(viewer)
    body, wrong = read(forms.FILE, written, viewer.zone)
    if wrong:
        return await _page(viewer, partner, status=422, written=written, wrong=wrong)
    path = f"/sharing/partners/{part(partner)}"
    (agreed,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", path))
    if not agreed.ok:
        raise NoAnswer(agreed) if agreed.state == "unavailable" else NotHere
    fields = agreed.body["customer_fields" if body["what"] == "customers" else "order_fields"]
    name = part(body.pop("share_id"))
    command = Command("save_share", f"sharing/{part(partner)}/{name}", "orders-ingest", "PUT", f"{path}/shares/{name}")

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, partner, error, status, written=written)

    asked = {**body, "fields": fields, "by": viewer.who.name}
    return await order(
        viewer, written.get("form", "")[:50], command, again, f"/sharing/{part(partner)}", json=asked
    )  # fmt: skip


@router.post("/s/{shop}/sharing/{partner}/files/{share}")
async def download_share(viewer: Guarded, partner: Name, share: Name) -> Response:
    """The file as it stands now; a look that is recorded."""
    path = f"/sharing/partners/{part(partner)}/shares/{part(share)}/file"
    return await _download(viewer, partner, path, f"sharing/{part(partner)}/{part(share)}", "shared.csv")


@router.post("/s/{shop}/sharing/{partner}/gone")
async def download_gone(viewer: Guarded, partner: Name) -> Response:
    """Pseudonyms that the partner must delete."""
    path = f"/sharing/partners/{part(partner)}/gone"
    return await _download(viewer, partner, path, f"sharing/{part(partner)}/gone", "gone.csv")


async def _download(viewer: Viewer, partner: str, path: str, thing: str, name: str) -> Response:
    # Each time: what is sent twice is given twice.
    await viewer.record("share", thing, "downloaded")
    answer, chunks = await viewer.console.services.download("orders-ingest", f"/v1/shops/{viewer.here}{path}")
    if chunks is None:
        return await _page(viewer, partner, why_not(viewer, answer), status_of(answer))
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(chunks, 200, headers, "text/csv; charset=utf-8")


@router.post("/s/{shop}/sharing/{partner}/key")
async def replace_sharing_key(
    viewer: Guarded,
    partner: Name,
    form: Annotated[str, Form(max_length=50)],
    replaces: Annotated[int, Form(ge=0, le=1_000_000_000)],
) -> Response:
    """Other pseudonyms from now on."""
    return await _order(viewer, partner, form, "replace_sharing_key", "key", {"replaces": replaces})


@router.post("/s/{shop}/sharing/{partner}/revocation")
async def revoke_sharing(viewer: Guarded, partner: Name, form: Annotated[str, Form(max_length=50)]) -> Response:
    """Nothing is given any more."""
    return await _order(viewer, partner, form, "revoke_sharing", "revocation", {})


async def _order(
    viewer: Viewer, partner: str, form: str, action: str, verb: str, body: dict[str, int]
) -> Response:  # fmt: skip
    path = f"/sharing/partners/{part(partner)}/{verb}"
    command = Command(action, f"sharing/{part(partner)}", "orders-ingest", "POST", path)

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, partner, error, status)

    return await order(
        viewer, form, command, again, f"/sharing/{part(partner)}", json={**body, "by": viewer.who.name}
    )  # fmt: skip
