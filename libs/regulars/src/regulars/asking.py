"""Those who attended an activity are asked the questions of its form, whose answers are feedback's (MEM-110)."""

from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from common.values.paths import part
from regulars.client import Services
from regulars.dead import asked
from regulars.stack.errors import Refused

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
_RUN = Path(".run")
_console = Console(highlight=False, soft_wrap=True)
PAGE = 200
"""As many as feedback asks in one request."""


def ask(shop: str, activity: str, *, form: str = "", folder: Folder = _RUN) -> int:
    """Ask everybody who attended the activity, and say how many were asked, and why others were not.

    Nobody is asked twice of one activity, however often this is called; whoever was asked something of late rests.

    Parameters
    ----------
    form
        The form of feedback: by default the one that the activity names as its `feedback_form`.
    """
    found = asked(folder, lambda services: ask_attendees(services, shop, activity, form))
    said = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(found.items())) or "nobody attended"
    _console.print(f"{activity}: {said}")
    return 0


async def ask_attendees(services: Services, shop: str, activity: str, form: str = "", page: int = PAGE) -> Counter[str]:
    """How many were asked, by what feedback says of each. Raises Refused, where no form is named too."""
    path = f"/v1/shops/{part(shop)}/activities/{part(activity)}"
    form = form or (await services.get("membership", path))["activity"]["feedback_form"] or ""
    if not form:
        raise Refused(f"the activity {activity!r} names no feedback_form: say which one with --form")
    outcomes, after = Counter[str](), ""
    while True:
        found = await services.get("membership", f"{path}/entries", status="attended", after=after, limit=page)
        names = [entry["customer"] for entry in found["items"]]
        if names:
            body = {"request_id": f"activity-{activity}", "form_id": form, "customers": names}
            answer = await services.call("feedback", "POST", f"/v1/shops/{part(shop)}/surveys", json=body)
            outcomes.update(each["outcome"] for each in answer["items"])
        if found["after"] is None:
            return outcomes
        after = found["after"]
