"""Segments: the shop's own, what one is like and how it moves, who is in it, and the builder with its preview."""

from __future__ import annotations

import re
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Form, Path, Query, Response

from common.values.paths import part
from console.client import Answer
from console.texts import N_
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.numbers import whole
from console.web.page import Viewer, see
from console.web.tags import is_note

router = APIRouter()
ROWS, WITHIN_S = 50, 45.0
"""A preview looks at every customer of the shop."""
SegmentId = Annotated[str, Path(max_length=63)]
Written = Annotated[str, Form(max_length=5_000)]
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

_OF_VALUE = re.compile(r"\b(value_grade|lifetime_value)\b")
"""Facts that are predicted."""


class Draft(NamedTuple):
    """What stands in the builder. `replaces`: the version that it was made from, 0 for a new segment."""

    segment: str = ""
    name: str = ""
    expression: str = ""
    replaces: str = "0"


def fault(draft: Draft) -> str | None:
    """What is to be mended before a service is asked; None where nothing is."""
    if not _ID.fullmatch(draft.segment):
        return N_("Give it an id of small letters, digits and -, such as quiet-regulars.")
    if not 0 < len(draft.name) <= 100:
        return N_("Give it a name of at most 100 characters.")
    if not draft.expression:
        return N_("Write a condition, such as: stage = returning.")
    return None


@router.get("/s/{shop}/segments")
async def segments(viewer: Guarded, archived: Annotated[bool, Query()] = False) -> Response:
    """The shop's segments with their sizes, and those to begin with."""
    page, templates = await viewer.ask(
        viewer.of_shop("segmentation", "/segments", archived=str(archived).lower()),
        viewer.of_shop("segmentation", "/segment-templates"),
    )
    return viewer.draw("segments/segments.html", page=page, templates=templates, archived=archived, part=part)


@router.get("/s/{shop}/segment-builder")
async def segment_builder(
    viewer: Guarded,
    of: Annotated[str, Query(max_length=63)] = "",
    template: Annotated[str, Query(max_length=63)] = "",
    expression: Annotated[str, Query(max_length=4_000)] = "",
) -> Response:
    """An empty builder, or one that holds a segment, one of those to begin with, or a condition."""
    draft = Draft(expression=expression)
    if of:
        found = await _one(viewer, of)
        draft = Draft(of, found.body["name"], found.body["expression"], str(found.body["version"]))
    elif template:
        (known,) = await viewer.console.services.ask(viewer.of_shop("segmentation", "/segment-templates"))
        if not known.ok:
            raise NoAnswer(known)
        for each in known.body["templates"]:
            if each["segment"] == template:
                name = each["name_chinese"] if viewer.language == "zh" else each["name"]
                draft = Draft(template, name, each["expression"])
    return await _builder(viewer, draft)


async def _builder(
    viewer: Viewer, draft: Draft, *, error: str = "", status: int = 200, tried: Answer | None = None
) -> Response:
    facts, value = await viewer.console.services.ask(
        viewer.of_shop("segmentation", "/segment-facts"), viewer.of_shop("segmentation", "/lifetime-value")
    )
    return viewer.draw(
        "segments/builder.html",
        status,
        draft=draft,
        facts=facts,
        fit=_fit(draft.expression, value),
        error=error,
        tried=tried,
        part=part,
    )


def _fit(expression: str, value: Answer) -> str | None:
    """What predicts the lifetime values that the expression asks for; None where it asks for none."""
    return value.body["status"] if value.ok and _OF_VALUE.search(expression) else None


@router.post("/s/{shop}/segment-builder")
async def preview_segment(
    viewer: Guarded, segment: Written = "", name: Written = "", expression: Written = "", replaces: Written = "0"
) -> Response:
    """Whom it would hold, in words, number and sample; nothing is saved."""
    draft = Draft(segment.strip(), name.strip(), expression.strip(), replaces)
    if (said := fault(draft)) is not None:
        return await _builder(viewer, draft, error=viewer.say(said), status=422)
    path = f"/v1/shops/{viewer.here}/segments/preview"
    tried = await viewer.console.services.tell(
        "segmentation", "POST", path, within_s=WITHIN_S, json={"expression": draft.expression}
    )
    if not tried.ok:
        return await _builder(viewer, draft, error=why_not(viewer, tried), status=status_of(tried))
    return await _builder(viewer, draft, tried=tried)


@router.post("/s/{shop}/segments")
async def save_segment(
    viewer: Guarded,
    form: Annotated[str, Form(max_length=50)],
    segment: Written = "",
    name: Written = "",
    expression: Written = "",
    replaces: Written = "0",
) -> Response:
    """A version; once however often sent, and never over somebody else's."""
    draft = Draft(segment.strip(), name.strip(), expression.strip(), replaces)
    if (said := fault(draft)) is not None:
        return await _builder(viewer, draft, error=viewer.say(said), status=422)
    path = f"/segments/{part(draft.segment)}"
    body = {"name": draft.name, "expression": draft.expression, "replaces": whole(replaces) or 0}
    answer = await carry_out(viewer, "save_segment", path.strip("/"), form, "segmentation", "PUT", path, json=body)
    if answer is not None and not answer.ok:
        return await _builder(viewer, draft, error=why_not(viewer, answer), status=status_of(answer))
    return see(viewer.url(path), "sent-already" if answer is None else "segment-saved")


async def _one(viewer: Viewer, segment: str) -> Answer:
    """Raises NoAnswer, NotHere."""
    (found,) = await viewer.console.services.ask(viewer.of_shop("segmentation", f"/segments/{part(segment)}"))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    return found


@router.get("/s/{shop}/segments/{segment}")
async def one_segment(viewer: Guarded, segment: SegmentId) -> Response:
    """The segment in words, what its customers are like beside the shop, who came and went, its versions."""
    return await _page(viewer, segment)


async def _page(viewer: Viewer, segment: str, error: str = "", status: int = 200) -> Response:
    here = part(segment)
    found = await _one(viewer, segment)
    sheet, path, history, settings, value, uses = await viewer.ask(
        viewer.of_shop("segmentation", f"/segments/{here}/sheet"),
        viewer.of_shop("segmentation", f"/segments/{here}/path", days="90"),
        viewer.of_shop("segmentation", f"/segments/{here}/history"),
        viewer.of_shop("orders-ingest", "/settings"),
        viewer.of_shop("segmentation", "/lifetime-value"),
        viewer.of_shop("messaging", f"/segments/{here}/uses"),
    )
    return viewer.draw(
        "segments/segment.html",
        status,
        s=found.body,
        here=here,
        sheet=sheet,
        path=path,
        history=history,
        currency=settings.body["current"]["currency"] if settings.ok else "",
        fit=_fit(found.body["expression"], value),
        uses=uses,
        is_note=is_note,
        all=[sheet, path, history, value, uses],
        part=part,
        error=error,
    )


@router.get("/s/{shop}/segments/{segment}/customers")
async def segment_customers(
    viewer: Guarded, segment: SegmentId, after: Annotated[str, Query(max_length=500)] = ""
) -> Response:
    """Who is in it, since when and why."""
    here = part(segment)
    asked = {"limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.console.services.ask(viewer.of_shop("segmentation", f"/segments/{here}/customers", **asked))
    if page.state == "unknown":
        raise NotHere
    return viewer.draw("segments/customers.html", segment=segment, here=here, page=page, after=after, part=part)


@router.post("/s/{shop}/segments/{segment}/archive")
async def archive_segment(viewer: Guarded, segment: SegmentId, form: Annotated[str, Form(max_length=50)]) -> Response:
    """Everybody leaves it; its history stays."""
    path = f"/segments/{part(segment)}"
    answer = await carry_out(viewer, "archive_segment", path.strip("/"), form, "segmentation", "DELETE", path)
    if answer is not None and not answer.ok:
        return await _page(viewer, segment, why_not(viewer, answer), status_of(answer))
    return see(viewer.url("/segments"), "sent-already" if answer is None else "segment-archived")
