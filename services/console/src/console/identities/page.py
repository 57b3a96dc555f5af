"""Who may be the same person: shared signs, a merge after a look at both, what was merged, and how to undo it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Response

from common.values.paths import part
from console.texts import N_
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NotHere
from console.web.page import Viewer, see

router = APIRouter()
ROWS = 50
KINDS = ("email", "phone")
Id = Annotated[str, Form(max_length=500)]
Once = Annotated[str, Form(max_length=50)]


@router.get("/s/{shop}/identities")
async def duplicates(
    viewer: Guarded,
    kind: Annotated[str, Query(max_length=20)] = "email",
    after: Annotated[str, Query(max_length=32)] = "",
) -> Response:
    """Signs that several customers share."""
    shown = kind if kind in KINDS else "email"
    asked = {"kind": shown, "limit": str(ROWS)} | ({"after": after} if after else {})
    page, quality = await viewer.ask(
        viewer.of_shop("orders-ingest", "/customers-duplicates", **asked),
        viewer.of_shop("orders-ingest", "/customers-report"),
    )
    return viewer.draw(
        "identities/duplicates.html", page=page, quality=quality, kind=shown, kinds=KINDS, after=after, part=part
    )


@router.get("/s/{shop}/identities/merges")
async def merges(viewer: Guarded, before: Annotated[int | None, Query(ge=0, le=2**53)] = None) -> Response:
    """Who was said to be one person with whom, the newest first."""
    return await _merges(viewer, before)


async def _merges(viewer: Viewer, before: int | None = None, error: str = "", status: int = 200) -> Response:
    asked = {"limit": str(ROWS)} | ({"before": str(before)} if before is not None else {})
    (page,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", "/merges", **asked))
    return viewer.draw("identities/merges.html", status, page=page, before=before, error=error, part=part)


@router.get("/s/{shop}/customers/{customer}/same")
async def same_person(viewer: Guarded, customer: str) -> Response:
    """Who shares a sign with the customer, and who stands for them already."""
    return await _page(viewer, customer)


async def _page(viewer: Viewer, customer: str, error: str = "", status: int = 200) -> Response:
    here = part(customer)
    profile, candidates = await viewer.console.services.ask(
        viewer.of_shop("orders-ingest", f"/customers/{here}"),
        viewer.of_shop("orders-ingest", f"/customers/{here}/candidates", limit=str(ROWS)),
    )
    if profile.state == "unknown" and candidates.state == "unknown":
        raise NotHere
    return viewer.draw(
        "identities/same.html",
        status,
        customer=customer,
        here=here,
        profile=profile,
        candidates=candidates,
        error=error,
        part=part,
    )


@router.get("/s/{shop}/customers/{customer}/merge")
async def check_merge(viewer: Guarded, customer: str, other: Annotated[str, Query(max_length=500)] = "") -> Response:
    """Both beside each other, before they are one."""
    wanted = other.strip()
    if not wanted or wanted == customer:
        return await _page(viewer, customer, viewer.say(N_("Write the id of another customer.")), 422)
    sides = {}
    for name in (customer, wanted):
        here = part(name)
        sides[name] = await viewer.console.services.ask(
            viewer.of_shop("orders-ingest", f"/customers/{here}"),
            viewer.of_shop("membership", f"/members/{here}"),
            viewer.of_shop("segmentation", f"/customers/{here}"),
        )
    for name, answers in sides.items():
        if all(answer.state == "unknown" for answer in answers):
            said = viewer.say(N_("This shop knows no customer {customer}."), customer=name)
            return await _page(viewer, customer, said, 422)
    await viewer.open_customer(wanted)
    return viewer.draw("identities/check.html", customer=customer, other=wanted, here=part(customer), sides=sides)


@router.post("/s/{shop}/customers/{customer}/merge")
async def send_merge(viewer: Guarded, customer: str, absorbed: Id, form: Once) -> Response:
    """Both are one person from now on; every service follows."""
    path = f"/customers/{part(customer)}"
    thing = f"{path.strip('/')}/merge/{part(absorbed)}"
    answer = await carry_out(
        viewer, "merge", thing, form, "orders-ingest", "POST", f"{path}/merge", json={"absorbed": absorbed}
    )
    if answer is not None and not answer.ok:
        return await _page(viewer, customer, why_not(viewer, answer), status_of(answer))
    goes_on = customer if answer is None else str(answer.body["customer"])
    return see(viewer.url(f"/customers/{part(goes_on)}/same"), "sent-already" if answer is None else "merged")


@router.post("/s/{shop}/customers/{customer}/unmerge")
async def send_unmerge(
    viewer: Guarded,
    customer: str,
    absorbed: Id,
    form: Once,
    back: Annotated[Literal["same", "merges"], Form()] = "same",
) -> Response:
    """The merge never was; every service follows."""
    path = f"/customers/{part(customer)}"
    thing = f"{path.strip('/')}/merge/{part(absorbed)}"
    answer = await carry_out(
        viewer, "unmerge", thing, form, "orders-ingest", "POST", f"{path}/unmerge", json={"absorbed": absorbed}
    )
    if answer is not None and not answer.ok:
        said, status = why_not(viewer, answer), status_of(answer)
        return await (
            _merges(viewer, None, said, status) if back == "merges" else _page(viewer, customer, said, status)
        )
    to = "/identities/merges" if back == "merges" else f"{path}/same"
    return see(viewer.url(to), "sent-already" if answer is None else "unmerged")
