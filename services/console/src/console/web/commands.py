"""Commands of the services that people order: recorded, once for each form, and answered as the service did."""

from __future__ import annotations

from typing import Any

from console.client import Answer
from console.web.page import Viewer


async def carry_out(
    viewer: Viewer, action: str, thing: str, form: str, service: str, method: str, path: str, **more: Any
) -> Answer | None:
    """The service's answer; None where the form was sent before, and nothing is sent again.

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


def why_not(viewer: Viewer, answer: Answer) -> str:
    """Why the command came to nothing, as the service says it."""
    return answer.detail or viewer.say("{service} did not answer. Try again.", service=answer.service)


def status_of(answer: Answer) -> int:
    """The status of the page that says so."""
    return 503 if answer.state == "unavailable" else 422
