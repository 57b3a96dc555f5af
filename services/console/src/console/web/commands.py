"""Commands of the services that people order: recorded, once for each form, and answered as the service did."""

from __future__ import annotations

import asyncio
from typing import Any

from console.client import Answer
from console.texts import N_
from console.web.page import Viewer


async def carry_out(
    viewer: Viewer, action: str, thing: str, form: str, service: str, method: str, path: str, **more: Any
) -> Answer | None:
    """The service's answer; None where the form was sent and answered before, and nothing is sent again.

    A form that is sent again while the first one is under way, as by two quick clicks, has the first one's answer:
    what it leads to is there by then, and a refusal is told to whom the browser shows it.
    """
    under_way, name = viewer.console.under_way, (viewer.who.person_id, form)
    if (first := under_way.get(name)) is not None:
        return await asyncio.shield(first)
    first = under_way[name] = asyncio.get_running_loop().create_future()
    try:
        answer = await _send(viewer, action, thing, form, service, method, path, **more)
        first.set_result(answer)
        return answer
    finally:
        del under_way[name]
        if not first.done():
            first.set_result(None)


async def _send(
    viewer: Viewer, action: str, thing: str, form: str, service: str, method: str, path: str, **more: Any
) -> Answer | None:
    """The service's answer; None where the form was sent before.

    Who asked is recorded first, and what came of it after. The form's name goes along as the correlation id, which the
    service keeps with what it makes of the command: by it the audit says who did it.
    """
    if not await viewer.record(action, thing, "asked", form):
        return None
    path = f"/v1/shops/{viewer.here}{path}"
    headers = {"x-correlation-id": correlation(form)}
    answer = await viewer.console.services.tell(service, method, path, headers=headers, **more)
    await viewer.record(action, thing, answer.slug or answer.state)
    return answer


def correlation(form: str) -> str:
    """The correlation id of a command that a form orders."""
    return f"console-{form}"


IN_A_FORM = {
    "goal_changed": N_(
        "There is a goal of this id, or somebody saved it meanwhile: choose another id, or open that one and change it."
    ),
}
"""What a service says to programs, by slug, in the words of who has a form before them."""


def why_not(viewer: Viewer, answer: Answer) -> str:
    """Why the command came to nothing, as the service says it."""
    if answer.slug in IN_A_FORM:
        return viewer.say(IN_A_FORM[answer.slug])
    return answer.detail or viewer.say("{service} did not answer. Try again.", service=answer.service)


def status_of(answer: Answer) -> int:
    """The status of the page that says so."""
    return 503 if answer.state == "unavailable" else 422
