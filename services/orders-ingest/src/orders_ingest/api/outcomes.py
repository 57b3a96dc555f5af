"""Answers about what was taken: one outcome, or one for each event of a batch."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from fastapi import Response
from pydantic import BaseModel

from orders_ingest.intake.state import Outcome, Status


class LeftOutOut(BaseModel):
    """A field of a profile that cannot be used; the rest of the profile was taken without it."""

    field: str
    slug: str
    detail: str


class OutcomeOut(BaseModel):
    """What became of one event. Send a refused one again once it is mended, with the same id."""

    id: str | None = None
    status: Status
    slug: str | None = None
    detail: str | None = None
    left_out: list[LeftOutOut] | None = None


class ResultsOut(BaseModel):
    """One result for each event of a batch, in its order."""

    results: list[OutcomeOut]


def one(outcome: Outcome) -> Response:
    """202 with the outcome. Raises the refusal of what was not taken."""
    if outcome.refusal is not None:
        raise outcome.refusal
    return _accepted(outcome.as_dict())


def each(outcomes: Iterable[Outcome]) -> Response:
    """202 with an outcome for each, in order; the refused ones among them."""
    return _accepted({"results": [outcome.as_dict() for outcome in outcomes]})


def _accepted(body: object) -> Response:
    return Response(orjson.dumps(body), 202, media_type="application/json")
