"""Claims of rewards for reviews: those that wait for a decision, and what was decided."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Response

from common.values.paths import part
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded
from console.web.page import Viewer, see

router = APIRouter()
ROWS = 50
STATES = ("claimed", "approved", "refused")


@router.get("/s/{shop}/rewards")
async def rewards(
    viewer: Guarded,
    state: Annotated[str, Query(max_length=20)] = "claimed",
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Claims in one state, a page at a time."""
    return await _page(viewer, state if state in STATES else "claimed", after)


async def _page(viewer: Viewer, state: str, after: str = "", error: str = "", status: int = 200) -> Response:
    asked = {"state": state, "limit": str(ROWS)} | ({"after": after} if after else {})
    (page,) = await viewer.console.services.ask(viewer.of_shop("feedback", "/reward-claims", **asked))
    values = {"page": page, "state": state, "states": STATES, "after": after, "error": error, "part": part}
    return viewer.draw("feedback/rewards.html", status, **values)


@router.post("/s/{shop}/rewards/{claim}")
async def decide_reward(
    viewer: Guarded,
    claim: str,
    decision: Annotated[Literal["approve", "refuse"], Form()],
    form: Annotated[str, Form(max_length=50)],
) -> Response:
    """The person who looked at the review decides; the payout is membership's."""
    thing, body = f"reward-claims/{part(claim)}", {"decision": decision, "by": viewer.who.name}
    path = f"/{thing}/decision"
    answer = await carry_out(viewer, f"reward_{decision}", thing, form, "feedback", "POST", path, json=body)
    if answer is not None and not answer.ok:
        return await _page(viewer, "claimed", "", why_not(viewer, answer), status_of(answer))
    if answer is None:
        return see(viewer.url("/rewards"), "sent-already")
    return see(viewer.url("/rewards"), "reward-waits" if answer.body["state"] == "claimed" else "reward-decided")
