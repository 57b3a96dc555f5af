"""Texts of messages: the shop's templates and what they led to, drafts, approval by another, preview as a customer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response

from common.values.paths import part
from console.client import Answer
from console.letters import forms
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.numbers import whole
from console.web.page import Viewer, see

router = APIRouter()
Name = Annotated[str, Path(max_length=40)]
DAYS = (30, 90, 365)


@router.get("/s/{shop}/templates")
async def letters(viewer: Guarded, days: Annotated[int, Query(ge=1, le=400)] = 90) -> Response:
    """The shop's own texts, those of every shop, and what messages by them led to."""
    period = days if days in DAYS else 90
    page, effects = await viewer.ask(
        viewer.of_shop("messaging", "/templates"),
        viewer.of_shop("messaging", "/templates/effects", days=str(period)),
    )
    return viewer.draw("letters/letters.html", page=page, effects=effects, period=period, periods=DAYS, part=part)


async def _one(viewer: Viewer, template: str) -> Answer:
    """The shop's own template; not ok of one that only the library has. Raises NoAnswer, NotHere."""
    found, page = await viewer.console.services.ask(
        viewer.of_shop("messaging", f"/templates/{part(template)}"), viewer.of_shop("messaging", "/templates")
    )
    for each in (found, page):
        if each.state == "unavailable":
            raise NoAnswer(each)
    if not found.ok and not (page.ok and template in page.body["library"]):
        raise NotHere
    return found


def _newest(found: Answer) -> dict[str, Any] | None:
    """The document of the newest version, draft or not; None of a template that the shop does not have."""
    versions: list[dict[str, Any]] = found.body["versions"] if found.ok else []
    return versions[0]["document"] if versions else None


@router.get("/s/{shop}/templates/{template}")
async def one_letter(viewer: Guarded, template: Name) -> Response:
    """All versions, the draft that waits, and the preview."""
    return await _page(viewer, template)


async def _page(viewer: Viewer, template: str, error: str = "", status: int = 200, **more: Any) -> Response:
    found = await _one(viewer, template)
    versions = found.body["versions"] if found.ok else []
    given: dict[str, Any] = {"preview": None, "customer": "", "language": "", **more}
    return viewer.draw(
        "letters/letter.html",
        status,
        name=template,
        here=part(template),
        versions=versions,
        draft=versions[0] if versions and versions[0]["approved_by"] is None else None,
        shown=versions[0]["document"] if versions else None,
        parts=forms.PARTS,
        error=error,
        **given,
    )


@router.post("/s/{shop}/templates/{template}/preview")
async def preview_letter(
    viewer: Guarded,
    template: Name,
    customer: Annotated[str, Form(max_length=500)] = "",
    language: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """As a customer would read it, in their language and with their tier; nothing personal is opened."""
    await viewer.open_customer(customer.strip())
    body: dict[str, Any] = {"customer": customer.strip() or None, "language": language or None}
    path = f"/v1/shops/{viewer.here}/templates/{part(template)}/preview"
    tried = await viewer.console.services.tell("messaging", "POST", path, json=body)
    if not tried.ok:
        said = why_not(viewer, tried)
        return await _page(viewer, template, said, status_of(tried), customer=customer, language=language)
    return await _page(viewer, template, preview=tried.body, customer=customer, language=language)


@router.post("/s/{shop}/templates/{template}/approve")
async def approve_letter(
    viewer: Guarded,
    template: Name,
    version: Annotated[str, Form(max_length=20)],
    form: Annotated[str, Form(max_length=50)],
) -> Response:
    """Messaging refuses an approval by the draft's author."""
    path, body = f"/templates/{part(template)}", {"version": whole(version) or 0, "by": viewer.who.name}
    answer = await carry_out(
        viewer, "approve_template", path.strip("/"), form, "messaging", "POST", f"{path}/approval", json=body
    )
    if answer is not None and not answer.ok:
        return await _page(viewer, template, why_not(viewer, answer), status_of(answer))
    return see(viewer.url(path), "sent-already" if answer is None else "template-approved")


@router.get("/s/{shop}/template-builder")
async def letter_builder(viewer: Guarded, of: Annotated[str, Query(max_length=40)] = "") -> Response:
    """An empty form, or one that holds the newest version."""
    form = {"template": of, "kind": "information"}
    if of and (newest := _newest(await _one(viewer, of))) is not None:
        form = forms.written(newest)
    return _builder(viewer, form)


def _builder(
    viewer: Viewer, form: dict[str, str], *, wrong: dict[str, str] | None = None, error: str = "", status: int = 200
) -> Response:
    return viewer.draw(
        "letters/builder.html",
        status,
        form=form,
        kinds=forms.KINDS,
        languages=forms.LANGUAGES,
        parts=forms.PARTS,
        wrong=wrong or {},
        error=error,
    )


@router.post("/s/{shop}/templates")
async def save_letter(viewer: Guarded) -> Response:
    """A draft, which messaging tries on samples first; once however often sent."""
    form = {name: str(value)[:25_000] for name, value in (await viewer.request.form()).items()}
    name = form.get("template", "").strip()
    (known,) = await viewer.console.services.ask(viewer.of_shop("messaging", f"/templates/{part(name or '-')}"))
    if known.state == "unavailable":
        raise NoAnswer(known)
    found = forms.read(form, _newest(known))
    if found.wrong:
        return _builder(viewer, form, wrong=found.wrong, status=422)
    path = f"/templates/{part(name)}"
    body = {"document": found.document, "author": viewer.who.name}
    sent = form.get("form", "")[:50]
    answer = await carry_out(viewer, "save_template", path.strip("/"), sent, "messaging", "PUT", path, json=body)
    if answer is not None and not answer.ok:
        return _builder(viewer, form, error=why_not(viewer, answer), status=status_of(answer))
    return see(viewer.url(path), "sent-already" if answer is None else "template-saved")
