"""Thresholds and rules of contact: read as a form, tried, saved as a version, never over another's."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from console.access import store
from console.client import Answer
from console.programme import fields
from console.programme.documents import DOCUMENTS, Document, base_of, newest_of
from console.programme.page import made_from, start, was_sent, written_form
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer, see

router = APIRouter()
WITHIN_S = 45.0
"""A preview evaluates ten thousand customers."""
Which = Annotated[str, Path(pattern=f"^({'|'.join(DOCUMENTS)})$")]


async def asked(viewer: Viewer, document: Document) -> tuple[Answer, str]:
    """The rules as they stand, and the shop's currency. Raises NoAnswer."""
    answer, settings = await viewer.console.services.ask(
        viewer.of_shop(document.service, document.path), viewer.of_shop("orders-ingest", "/settings")
    )
    for each in (answer, settings):
        if not each.ok:
            raise NoAnswer(each)
    return answer, settings.body["current"]["currency"]


@router.get("/s/{shop}/rules/{which}")
async def rules(
    viewer: Guarded, which: Which, version: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None
) -> Response:
    """The newest rules as a form; with `version` those of an older one, to be tried and put in force again."""
    document = DOCUMENTS[which]
    answer, currency = await asked(viewer, document)
    shown = base_of(document, answer.body)
    if version is not None:
        (versions,) = await viewer.console.services.ask(viewer.of_shop(document.service, f"{document.path}/versions"))
        if not versions.ok:
            raise NoAnswer(versions)
        found = [each for each in versions.body["versions"] if each["version"] == version]
        if not found:
            raise NotHere
        shown = found[0][document.key]
    form = fields.written_of(document.fields, shown, currency)
    return await _drawn(viewer, which, answer, form, again=version)


async def _drawn(
    viewer: Viewer, which: str, answer: Answer, form: dict[str, str], status: int = 200, **more: Any
) -> Response:
    document = DOCUMENTS[which]
    (versions,) = await viewer.console.services.ask(viewer.of_shop(document.service, f"{document.path}/versions"))
    async with viewer.console.database.transaction() as tx:
        who = await store.list_who(tx, viewer.here, "save_rules")
    given: dict[str, Any] = {"wrong": {}, "refusal": "", "theirs": [], "again": None, **more}
    newest = newest_of(answer.body)
    return viewer.draw(
        "programme/rules.html",
        status,
        # A form that is drawn again keeps the version that it was made from, until the other one was shown beside it.
        replaces=newest if given["theirs"] else form.get("replaces", newest),
        which=which,
        document=document,
        versions=versions,
        answer=answer.body,
        newest=newest,
        form=form,
        who=who,
        **given,
    )


@router.post("/s/{shop}/rules/{which}/preview")
async def preview_rules(viewer: Guarded, which: Which) -> Response:
    """What differs, and what the change would do as far as the service can say, before anything is saved."""
    document, form = DOCUMENTS[which], await written_form(viewer)
    answer, currency = await asked(viewer, document)
    base = base_of(document, answer.body)
    found = fields.read_of(document.fields, base, form, currency)
    if found.wrong:
        return await _drawn(viewer, which, answer, form, 422, wrong=found.wrong)
    changes = fields.differences_of(document.fields, base, found.programme, currency)
    if not changes:
        refusal = viewer.say("Nothing differs from the rules as they are.")
        return await _drawn(viewer, which, answer, form, 422, refusal=refusal)
    path = f"/v1/shops/{viewer.here}{document.path}/preview"
    tried = await viewer.console.services.tell(
        document.service, "POST", path, within_s=WITHIN_S, json={document.key: found.programme}
    )
    if not tried.ok:
        said = why_not(viewer, tried)
        return await _drawn(viewer, which, answer, form, status_of(tried), refusal=said)
    return viewer.draw(
        "programme/rules_check.html",
        which=which,
        document=document,
        changes=changes,
        preview=tried.body,
        form=form,
        replaces=form.get("replaces", ""),
    )


@router.post("/s/{shop}/rules/{which}")
async def save_rules(viewer: Guarded, which: Which) -> Response:
    """Add a version; once however often sent, and never over somebody else's."""
    document, form = DOCUMENTS[which], await written_form(viewer)
    answer, currency = await asked(viewer, document)
    base = base_of(document, answer.body)
    found = fields.read_of(document.fields, base, form, currency)
    if found.wrong:
        return await _drawn(viewer, which, answer, form, 422, wrong=found.wrong)
    replaces = made_from(form)
    back = viewer.url(f"/rules/{which}")
    if replaces != newest_of(answer.body):
        if await was_sent(viewer, form):
            return see(back, "sent-already")
        theirs = fields.differences_of(document.fields, found.programme, base, currency)
        return await _drawn(viewer, which, answer, form, 409, theirs=theirs or [("", "", "")])
    body = {document.key: found.programme, "replaces": replaces, "valid_from": start(viewer, form)}
    thing = f"rules/{which}/{replaces + 1}"
    saved = await carry_out(
        viewer, "save_rules", thing, form.get("form", "")[:50], document.service, "PUT", document.path, json=body
    )
    if saved is not None and not saved.ok:
        return await _drawn(viewer, which, answer, form, status_of(saved), refusal=why_not(viewer, saved))
    return see(back, "sent-already" if saved is None else "rules-saved")
