"""Surveys: every form that the shop asks, and what was answered; results name nobody."""

from __future__ import annotations

from fastapi import APIRouter, Response

from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.paths import part

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
