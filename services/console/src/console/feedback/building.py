"""The survey builder: a form of the shop's own, and its questions, added, moved and taken away (FBK-003, FBK-015)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from common.values.paths import part
from console.feedback import questions
from console.feedback.surveys import form_of
from console.forms.fields import read
from console.forms.sheets import Command, order, sent
from console.texts import N_
from console.web.guard import Guarded, NotHere
from console.web.page import Viewer

router = APIRouter()
FormId = Annotated[str, Path(max_length=200)]


@router.get("/s/{shop}/survey-builder")
async def survey_builder(viewer: Guarded) -> Response:
    """A new form with its first question."""
    return _new(viewer, {}, {})


def _new(
    viewer: Viewer, written: dict[str, str], wrong: dict[str, str], error: str = "", status: int = 200
) -> Response:
    return viewer.draw(
        "feedback/builder.html",
        status,
        fields=questions.FORM,
        question=questions.QUESTION,
        written=written,
        wrong=wrong,
        error=error,
    )


@router.post("/s/{shop}/survey-builder")
async def build_survey(viewer: Guarded) -> Response:
    """Saved as a version of the shop's forms; a form that is there is not written over."""
    written = await sent(viewer)
    given, wrong = read(questions.FORM, written, viewer.zone)
    first = questions.question(written, viewer.zone)
    wrong |= first.wrong
    title = questions.words(written, "title")
    if title is None:
        wrong["title.en"] = N_("Write it in at least one language.")
    if wrong:
        return _new(viewer, written, wrong, status=422)
    known, version = await form_of(viewer, given["form_id"])
    if known is not None:
        return _new(
            viewer, written, {"form_id": N_("There is such a form already: give this one another id.")}, "", 422
        )
    form = {"form_id": given["form_id"], "kind": given["kind"], "title": title, "questions": [first.body]}

    async def again(error: str, status: int) -> Response:
        return _new(viewer, written, {}, error, status)

    path = f"/survey-forms/{part(given['form_id'])}"
    command = Command("build_survey", path.strip("/"), "feedback", "PUT", path)
    body = {"form": form, "replaces": version}
    return await order(viewer, written.get("form", "")[:50], command, again, f"{path}/questions", json=body)


@router.get("/s/{shop}/survey-forms/{form_id}/questions")
async def survey_questions(viewer: Guarded, form_id: FormId) -> Response:
    """The questions in their order, and a form for one more."""
    return await _page(viewer, form_id)


async def _page(
    viewer: Viewer,
    form_id: str,
    error: str = "",
    status: int = 200,
    wrong: dict[str, str] | None = None,
    written: dict[str, str] | None = None,
) -> Response:
    known, version = await form_of(viewer, form_id)
    if known is None:
        raise NotHere
    return viewer.draw(
        "feedback/questions.html",
        status,
        form=known["form"],
        own=known["own"],
        here=part(form_id),
        part=part,
        version=version,
        fields=questions.QUESTION,
        written=written or {},
        wrong=wrong or {},
        error=error,
    )


@router.post("/s/{shop}/survey-forms/{form_id}/questions")
async def add_question(viewer: Guarded, form_id: FormId) -> Response:
    """At the end; surveys asked before keep the questions that they had."""
    written = await sent(viewer)
    added = questions.question(written, viewer.zone)
    known, _ = await form_of(viewer, form_id)
    if known is None:
        raise NotHere
    if added.wrong:
        return await _page(viewer, form_id, "", 422, added.wrong, written)
    form = known["form"] | {"questions": [*known["form"]["questions"], added.body]}
    return await _save(viewer, form_id, form, written, "add_question")


@router.post("/s/{shop}/survey-forms/{form_id}/questions/{question}/{action}")
async def change_question(
    viewer: Guarded, form_id: FormId, question: FormId, action: Annotated[str, Path(max_length=20)]
) -> Response:
    """One place up, or away."""
    known, _ = await form_of(viewer, form_id)
    left = questions.changed(known["form"]["questions"], question, action) if known is not None else None
    if known is None or action not in ("up", "remove"):
        raise NotHere
    if left is None:
        return await _page(
            viewer, form_id, viewer.say(N_("A form keeps at least one question, and the first is first.")), 422
        )
    return await _save(viewer, form_id, known["form"] | {"questions": left}, await sent(viewer), f"question_{action}")


async def _save(viewer: Viewer, form_id: str, form: dict[str, Any], written: dict[str, str], action: str) -> Response:
    async def again(error: str, status: int) -> Response:
        return await _page(viewer, form_id, error, status, None, written)

    path = f"/survey-forms/{part(form_id)}"
    body = {"form": form, "replaces": questions.version_read(written)}
    command = Command(action, path.strip("/"), "feedback", "PUT", path)
    return await order(viewer, written.get("form", "")[:50], command, again, f"{path}/questions", json=body)
