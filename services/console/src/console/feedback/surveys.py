"""Surveys: every form that the shop asks, its words, and what was answered; results name nobody."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from common.values.paths import part
from console.feedback import forms
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.numbers import whole
from console.web.page import Viewer, see

router = APIRouter()


@router.get("/s/{shop}/survey-results")
async def survey_forms(viewer: Guarded) -> Response:
    """The forms of the shop."""
    (page,) = await viewer.console.services.ask(viewer.of_shop("feedback", "/survey-forms"))
    return viewer.draw("feedback/surveys.html", page=page, part=part)


@router.get("/s/{shop}/survey-results/{form_id}")
async def survey_results(viewer: Guarded, form_id: str) -> Response:
    """The answers of the last 90 days."""
    (found,) = await viewer.console.services.ask(viewer.of_shop("feedback", f"/survey-results/{part(form_id)}"))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    return viewer.draw("feedback/survey_results.html", r=found.body)


async def form_of(viewer: Viewer, form_id: str) -> tuple[dict[str, Any] | None, int]:
    """The form as it is asked from now on, None where there is none, and the version. Raises NoAnswer."""
    (found,) = await viewer.console.services.ask(viewer.of_shop("feedback", "/survey-forms"))
    if not found.ok:
        raise NoAnswer(found)
    known = (each for each in found.body["items"] if each["form"]["form_id"] == form_id)
    return next(known, None), found.body["version"]


async def _form(viewer: Viewer, form_id: str) -> tuple[dict[str, Any], int]:
    """As `form_of`. Raises NotHere, too."""
    known, version = await form_of(viewer, form_id)
    if known is None:
        raise NotHere
    return known, version


@router.get("/s/{shop}/survey-forms/{form_id}")
async def survey_form(viewer: Guarded, form_id: str) -> Response:
    """The words of a form, in both languages."""
    return _words_page(viewer, *await _form(viewer, form_id))


def _words_page(
    viewer: Viewer,
    each: dict[str, Any],
    version: int,
    error: str = "",
    wrong: list[str] | None = None,
    status: int = 200,
) -> Response:
    return viewer.draw(
        "feedback/survey_form.html",
        status,
        own=each["own"],
        form=each["form"],
        here=part(each["form"]["form_id"]),
        words=forms.words_of(each["form"]),
        languages=forms.LANGUAGES,
        longest=forms.LONGEST,
        version=version,
        error=error,
        wrong=wrong or [],
    )


@router.post("/s/{shop}/survey-forms/{form_id}")
async def save_survey_form(viewer: Guarded, form_id: str) -> Response:
    """Surveys asked from six minutes on have the new words; never over a version saved meanwhile."""
    written = {name: str(value) for name, value in (await viewer.request.form()).items()}
    each, newest = await _form(viewer, form_id)
    changed, wrong = forms.read(each["form"], written)
    version = read if (read := whole(written.get("replaces", ""))) is not None else newest
    if wrong:
        said = viewer.say("Write each text in at least one language, in {most} characters at most.", most=forms.LONGEST)
        return _words_page(viewer, {**each, "form": changed}, version, said, wrong, 422)
    path = f"/survey-forms/{part(form_id)}"
    body = {"form": changed, "replaces": version}
    sent = written.get("form", "")[:50]
    answer = await carry_out(viewer, "save_survey_form", path.strip("/"), sent, "feedback", "PUT", path, json=body)
    if answer is not None and not answer.ok:
        return _words_page(viewer, {**each, "form": changed}, version, why_not(viewer, answer), None, status_of(answer))
    return see(viewer.url(path), "sent-already" if answer is None else "form-saved")


@router.post("/s/{shop}/survey-forms/{form_id}/withdraw")
async def withdraw_survey_form(viewer: Guarded, form_id: str) -> Response:
    """The shop's own words go; of a form that every shop has the usual ones stand again."""
    sent = str((await viewer.request.form()).get("form", ""))[:50]
    each, newest = await _form(viewer, form_id)
    path = f"/survey-forms/{part(form_id)}"
    answer = await carry_out(viewer, "withdraw_survey_form", path.strip("/"), sent, "feedback", "DELETE", path)
    if answer is not None and not answer.ok:
        return _words_page(viewer, each, newest, why_not(viewer, answer), None, status_of(answer))
    return see(viewer.url("/survey-results"), "sent-already" if answer is None else "form-withdrawn")
