"""The programme: read, tried on the members, saved as a version, withdrawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Response

from console.access import store
from console.client import Answer
from console.programme import fields
from console.web.guard import Guarded, NoAnswer
from console.web.numbers import whole
from console.web.page import Viewer, see

router = APIRouter()
WITHIN_S = 45.0
"""A preview folds members for up to 20 s."""


@dataclass(slots=True)
class Shown:
    """The programme that a page is about; `form` is what stands in its fields."""

    answer: Answer
    versions: Answer
    currency: str
    form: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> dict[str, Any]:
        """The newest version to come, else the one in force: what a change is made from."""
        coming = self.answer.body["coming"]
        found: dict[str, Any] = coming[-1]["programme"] if coming else self.answer.body["programme"]
        return found


async def _asked(viewer: Viewer) -> Shown:
    """Raises NoAnswer where membership or the shop's currency is away: then there is nothing to show."""
    answer, versions, settings = await viewer.console.services.ask(
        viewer.of_shop("membership", "/programme"),
        viewer.of_shop("membership", "/programme/versions"),
        viewer.of_shop("orders-ingest", "/settings"),
    )
    for each in (answer, settings):
        if not each.ok:
            raise NoAnswer(each)
    return Shown(answer, versions, settings.body["current"]["currency"])


@router.get("/s/{shop}/programme")
async def programme(viewer: Guarded) -> Response:
    """The rules in force as a form, and every version."""
    shown = await _asked(viewer)
    shown.form = fields.written(shown.base, shown.currency)
    return await _drawn(viewer, shown)


async def _drawn(viewer: Viewer, shown: Shown, status: int = 200, **more: Any) -> Response:
    async with viewer.console.database.transaction() as tx:
        who = await store.list_who(tx, viewer.here, "save_programme")
    given: dict[str, Any] = {"wrong": {}, "refusal": "", "theirs": [], **more}
    # A form that is drawn again keeps the version that it was made from, until the other one was shown beside it.
    replaces = (
        shown.answer.body["newest"] if given["theirs"] else shown.form.get("replaces", shown.answer.body["newest"])
    )
    return viewer.draw(
        "programme/programme.html",
        status,
        shown=shown,
        replaces=replaces,
        tiers=range(len(shown.base["tiers"])),
        tier_fields=fields.TIER,
        lowest=fields.LOWEST,
        topics=fields.TOPICS,
        known=fields.fields_of(shown.base),
        who=who,
        **given,
    )


async def written_form(viewer: Viewer) -> dict[str, str]:
    """The form as it came; the guard has read it."""
    return {name: str(value)[:4_000] for name, value in (await viewer.request.form()).items()}


@router.post("/s/{shop}/programme/preview")
async def preview_programme(viewer: Guarded) -> Response:
    """What the change would do to the members there are, before anything is saved."""
    shown, form = await _asked(viewer), await written_form(viewer)
    shown.form, found = form, fields.read(shown.base, form, shown.currency)
    if found.wrong:
        return await _drawn(viewer, shown, 422, wrong=found.wrong)
    changes = fields.differences(shown.base, found.programme, shown.currency)
    if not changes:
        return await _drawn(viewer, shown, 422, refusal=viewer.say("Nothing differs from the programme as it is."))
    path = f"/v1/shops/{viewer.here}/programme/preview"
    answer = await viewer.console.services.tell(
        "membership", "POST", path, within_s=WITHIN_S, json={"programme": found.programme}
    )
    if not answer.ok:
        return await _refused(viewer, shown, answer)
    return viewer.draw(
        "programme/check.html",
        shown=shown,
        changes=changes,
        preview=answer.body,
        form=form,
        known=fields.fields_of(shown.base),
    )


@router.post("/s/{shop}/programme/edit")
async def edit_programme(viewer: Guarded) -> Response:
    """Back to the form with what was tried."""
    shown = await _asked(viewer)
    shown.form = await written_form(viewer)
    return await _drawn(viewer, shown)


async def _refused(viewer: Viewer, shown: Shown, answer: Answer) -> Response:
    said = answer.detail or viewer.say("{service} did not answer. Try again.", service="membership")
    return await _drawn(viewer, shown, 503 if answer.state == "unavailable" else 422, refusal=said)


@router.post("/s/{shop}/programme")
async def save_programme(viewer: Guarded) -> Response:
    """Add a version from a date on, or in five minutes; once however often sent, and never over somebody else's."""
    shown, form = await _asked(viewer), await written_form(viewer)
    shown.form, found = form, fields.read(shown.base, form, shown.currency)
    if found.wrong:
        return await _drawn(viewer, shown, 422, wrong=found.wrong)
    replaces = made_from(form)
    if replaces != shown.answer.body["newest"]:
        if await was_sent(viewer, form):
            return see(viewer.url("/programme"), "sent-already")
        theirs = fields.differences(found.programme, shown.base, shown.currency)
        return await _drawn(viewer, shown, 409, theirs=theirs or [("", "", "", "")])
    if not await viewer.record("save_programme", "programme", "asked", form.get("form", "")[:50] or None):
        return see(viewer.url("/programme"), "sent-already")
    body = {"programme": found.programme, "replaces": replaces, "valid_from": start(viewer, form)}
    answer = await viewer.console.services.tell(
        "membership", "PUT", f"/v1/shops/{viewer.here}/programme", within_s=WITHIN_S, json=body
    )
    thing = f"programme/{answer.body['version']}" if answer.ok else "programme"
    await viewer.record("save_programme", thing, answer.slug or answer.state)
    if not answer.ok:
        return await _refused(viewer, shown, answer)
    return see(viewer.url("/programme"), "programme-saved")


def start(viewer: Viewer, form: dict[str, str]) -> str | None:
    """When it comes into force, of the shop's zone; None as soon as can be. A browser sends no other than a time."""
    try:
        at = datetime.fromisoformat(form.get("from", ""))
    except ValueError:
        return None
    return at.replace(tzinfo=viewer.zone).isoformat()


def made_from(form: dict[str, str]) -> int:
    """The version that the form was made from; -1, which is none, where the form does not say."""
    found = whole(form.get("replaces", ""))
    return -1 if found is None else found


async def was_sent(viewer: Viewer, form: dict[str, str]) -> bool:
    """Whether this very form was taken before: its own version is the newer one."""
    async with viewer.console.database.transaction() as tx:
        return await store.was_sent(tx, form.get("form", ""))


@router.post("/s/{shop}/programme/versions/{version}/withdraw")
async def withdraw_programme(
    viewer: Guarded,
    version: Annotated[int, Path(ge=1, le=2**31 - 1)],
    form: Annotated[str, Form(max_length=50)],
) -> Response:
    """A version to come never comes."""
    thing = f"programme/{version}"
    if not await viewer.record("withdraw_programme", thing, "asked", form):
        return see(viewer.url("/programme"), "sent-already")
    path = f"/v1/shops/{viewer.here}/programme/versions/{version}"
    answer = await viewer.console.services.tell("membership", "DELETE", path)
    await viewer.record("withdraw_programme", thing, answer.slug or answer.state)
    if not answer.ok:
        shown = await _asked(viewer)
        shown.form = fields.written(shown.base, shown.currency)
        return await _refused(viewer, shown, answer)
    return see(viewer.url("/programme"), "programme-withdrawn")
