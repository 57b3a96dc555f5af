"""A version of thresholds or rules of contact that is to come is withdrawn, behind a page that says what it was."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Response

from console.programme import fields
from console.programme.documents import DOCUMENTS
from console.programme.rules_page import Which, asked
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer, see

router = APIRouter()
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/s/{shop}/rules/{which}/versions/{version}/withdraw")
async def check_withdrawal(viewer: Guarded, which: Which, version: Number) -> Response:
    """What the version would have changed, before it is withdrawn."""
    return await _page(viewer, which, version)


@router.post("/s/{shop}/rules/{which}/versions/{version}/withdraw")
async def withdraw_rules(
    viewer: Guarded, which: Which, version: Number, form: Annotated[str, Form(max_length=50)]
) -> Response:
    """A version to come never comes; once however often sent."""
    document, back = DOCUMENTS[which], viewer.url(f"/rules/{which}")
    path = f"{document.path}/versions/{version}"
    thing = f"rules/{which}/{version}"
    answer = await carry_out(viewer, "withdraw_rules", thing, form, document.service, "DELETE", path)
    if answer is not None and not answer.ok:
        return await _page(viewer, which, version, why_not(viewer, answer), status_of(answer))
    return see(back, "sent-already" if answer is None else "programme-withdrawn")


async def _page(viewer: Viewer, which: str, version: int, refusal: str = "", status: int = 200) -> Response:
    document = DOCUMENTS[which]
    now, currency = await asked(viewer, document)
    (versions,) = await viewer.console.services.ask(viewer.of_shop(document.service, f"{document.path}/versions"))
    if not versions.ok:
        raise NoAnswer(versions)
    found: dict[str, Any] | None = next((v for v in versions.body["versions"] if v["version"] == version), None)
    if found is None:
        raise NotHere
    changes = fields.differences_of(document.fields, now.body[document.key], found[document.key], currency)
    return viewer.draw(
        "programme/rules_withdraw.html",
        status,
        which=which,
        document=document,
        version=found,
        changes=changes,
        refusal=refusal,
    )
