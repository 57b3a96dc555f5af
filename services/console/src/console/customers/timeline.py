"""Everything that happened with a customer, from all services, as one list: newest first, paged by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Response

from common.values.paths import part
from console.client import Answer, Ask
from console.customers.merging import MOST, Item, Page, merge, read, written
from console.customers.sentences import sentence
from console.web.formats import instant
from console.web.guard import Guarded, NotHere
from console.web.page import Viewer

router = APIRouter()
ROWS = 40
ALL = 200
"""Reviews, surveys and tickets come in order of id: of a customer, who has few, they are read at once."""


class Source(NamedTuple):
    """One list: whose it is, how a page is asked for, and how its answer is read: items' times, and its next cursor."""

    service: str
    path: str
    asked: Callable[[str | None], dict[str, str]]
    rows: Callable[[Any], list[tuple[str, Any]]]
    after: Callable[[Any], str | None]


def _asked(name: str, rows: int = ROWS, **more: str) -> Callable[[str | None], dict[str, str]]:
    return lambda cursor: more | {"limit": str(rows)} | ({name: cursor} if cursor is not None else {})


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def sources(customer: str) -> dict[str, Source]:
    """The lists by the kinds of what they hold."""
    here = part(customer)

    def few(path: str, time: Callable[[Any], Any]) -> Source:
        return Source(
            "feedback",
            path,
            lambda _: {"customer": customer, "limit": str(ALL)},
            lambda body: [(at, row) for row in body["items"] if (at := time(row)) is not None],
            lambda _: None,
        )

    return {
        "orders": Source(
            "orders-ingest",
            f"/customers/{here}/orders",
            _asked("before"),
            lambda body: [(row["time"], row) for row in body["items"]],
            lambda body: _text(body["before"]),
        ),
        "points": Source(
            "membership",
            f"/members/{here}/statement",
            _asked("before", order="happened"),
            lambda body: [(row["occurred_at"], row) for row in body["lines"]],
            lambda body: _text(body["before"]),
        ),
        "rfm": Source(
            "segmentation",
            f"/customers/{here}/rfm/movements",
            _asked("after"),
            lambda body: [(row["at"], row) for row in body["movements"]],
            lambda body: _text(body["next_after"]),
        ),
        "tier": Source(
            "membership",
            f"/members/{here}/tier-changes",
            _asked("after"),
            lambda body: [(row["at"], row) for row in body["changes"]],
            lambda body: _text(body["next_after"]),
        ),
        "changes": Source(
            "segmentation",
            f"/customers/{here}/changes",
            _asked("after"),
            lambda body: [(row["at"], row) for row in body["changes"]],
            lambda body: _text(body["next_after"]),
        ),
        "messages": Source(
            "messaging",
            f"/customers/{here}/decisions",
            _asked("before"),
            lambda body: [(row["at"], row) for row in body],
            lambda body: str(body[-1]["at"]) if len(body) >= ROWS else None,
        ),
        "reviews": few("/reviews", lambda row: row["at"]),
        "surveys": few("/surveys", lambda row: row["answered_at"] or row["asked_at"]),
        "tickets": few("/tickets", lambda row: row["opened_at"]),
        "consent": Source(
            "messaging",
            f"/customers/{here}/permissions",
            lambda _: {},
            lambda body: [(row["at"], row) for row in body],
            lambda _: None,
        ),
    }


@router.get("/s/{shop}/customers/{customer}/timeline")
async def timeline(
    viewer: Guarded,
    customer: str,
    kind: Annotated[str, Query(max_length=20)] = "",
    after: Annotated[str, Query(max_length=MOST)] = "",
) -> Response:
    """One page; each list is asked where it goes on. What a service did not say is said, and ends the list there."""
    known = sources(customer)
    names = [kind] if kind in known else list(known)
    places = read(after, names)
    if places is None:
        raise NotHere
    going = [name for name in names if places[name] is not None]
    answers = dict(zip(going, await _ask(viewer, known, going, places), strict=True))
    pages = {name: _page(name, known[name], answer) for name, answer in answers.items()}
    items, behind = merge(pages, places, ROWS)
    if not items and not after and await _is_unknown(viewer, customer):
        raise NotHere
    missing = [answer for answer in answers.values() if not answer.ok and answer.state != "unknown"]
    return viewer.draw(
        "customers/timeline.html",
        customer=customer,
        here=part(customer),
        items=items,
        kind=kind if kind in known else "",
        kinds=list(known),
        missing=list({answer.service: answer for answer in missing}.values()),
        after=after,
        # Where a service is missing nobody knows what stands behind.
        next_after=None if missing else written(behind),
        sentence=sentence,
    )


async def _is_unknown(viewer: Viewer, customer: str) -> bool:
    (profile,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", f"/customers/{part(customer)}"))
    return profile.state == "unknown"


async def _ask(viewer: Viewer, known: dict[str, Source], going: list[str], places: Any) -> list[Answer]:
    asked: list[Ask] = []
    for name in going:
        source = known[name]
        asked.append(viewer.of_shop(source.service, source.path, **source.asked(places[name].cursor)))
    return await viewer.console.services.ask(*asked)


def _page(name: str, source: Source, answer: Answer) -> Page:
    """The answer as a page of the list, newest first; empty where the service knows nothing or said nothing."""
    if not answer.ok:
        return Page([], None)
    rows = [Item(moment, name, row) for at, row in source.rows(answer.body) if (moment := instant(at)) is not None]
    return Page(sorted(rows, key=lambda item: item.at, reverse=True), source.after(answer.body))
