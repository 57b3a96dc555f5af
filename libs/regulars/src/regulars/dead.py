"""Commands over dead events: list, show, mend and send again, one or all, bury."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from regulars.client import Services
from regulars.stack.errors import Refused, StackError
from regulars.stack.state import address_of, running

app = App(name="dead", help="List, inspect and send back the events that a service could not take.")

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
_RUN = Path(".run")
_PAGE = 200
T = TypeVar("T")
# A file or another program gets whole lines.
_console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 400)


@app.command(name="list")
def list_(*, folder: Folder = _RUN) -> None:
    """List the dead events of every service, oldest first, without their bodies."""
    table = Table("service", "id", "topic", "shop", "type", "why", "since", "sent back", box=None, pad_edge=False)
    for service, events in asked(folder, dead_events).items():
        for event in events:
            place = f"{event['topic']}/{event['partition']}@{event['offset']}"
            why = f"{event['slug']}: {event['detail']}"
            table.add_row(
                service,
                str(event["dead_id"]),
                place,
                event["shop"] or "",
                event["type"] or "",
                why,
                event["recorded_at"],
                event["resent_at"] or "",
            )
    _console.print(table if table.row_count else "no dead events")


@app.command
def show(service: str, dead_id: int, *, folder: Folder = _RUN) -> None:
    """Print one dead event's body as it was read; mend a copy of it and give that to `resend`."""

    async def ask(services: Services) -> dict[str, Any]:
        event: dict[str, Any] = await services.get(service, f"/ops/dead/{dead_id}")
        return event

    event = asked(folder, ask)
    # The body alone goes where it may be redirected to.
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        f"{event['slug']}: {event['detail']}", style="dim", markup=False
    )
    print(event["body"])


@app.command
def resend(service: str, dead_id: int, *, body: Path | None = None, folder: Folder = _RUN) -> None:
    """Have the service take the event again, as if it had come in time; it counts once.

    Parameters
    ----------
    body
        File with the mended event; without it the event is taken as it was read.
    """
    try:
        mended = body.read_text("utf-8") if body is not None else None
    except (OSError, UnicodeError) as error:
        raise StackError(f"{body} cannot be read as a mended event: {error}") from None

    async def ask(services: Services) -> str:
        answer = await services.call(service, "POST", f"/ops/dead/{dead_id}/resend", json={"body": mended})
        return str(answer["outcome"])

    _console.print(asked(folder, ask))


@app.command
def resend_all(service: str, *, slug: str | None = None, folder: Folder = _RUN) -> None:
    """Have the service take all its dead events again as they were read, page by page, and print how far it is.

    What still cannot be taken is named and stays; the exit code is 1 then. Interrupted, run it again: it goes on with
    what is left.

    Parameters
    ----------
    slug
        Only those that are dead for this reason, such as handler_failed after a mend was deployed.
    """
    taken, refused = asked(folder, lambda services: resent_in_pages(services, service, slug))
    stay = f"; {refused} still cannot be taken" if refused else ""
    _console.print((f"{taken} events were taken" if taken else "no event was taken") + stay)
    if refused:
        sys.exit(1)


async def resent_in_pages(services: Services, service: str, slug: str | None = None) -> tuple[int, int]:
    """How many were taken, those that had counted before included, and how many could not be; each page is said."""
    after: int | None = 0
    taken = 0
    left = 0
    while after is not None:
        asked_for = {"after": after, "limit": _PAGE, "slug": slug}
        page = await services.call(service, "POST", "/ops/dead/resend", json=asked_for)
        taken += page["new"] + page["duplicate"]
        after = page["after"]
        left += len(page["refused"])
        for refused in page["refused"]:
            _console.print(f"{refused['dead_id']}: {refused['slug']}: {refused['detail']}", markup=False)
        _console.print(f"{taken} taken" + ("" if after is None else f", up to dead event {after}"), style="dim")
    return taken, left


@app.command
def bury(service: str, topic: str, partition: int, offset: int, *, folder: Folder = _RUN) -> None:
    """Bury the event of a newer version that a service stopped reading at, where no release wrote it.

    Readiness names the place, topic/partition@offset. The service passes over it after a restart; a release that reads
    that version takes it by `resend`.
    """

    place = {"topic": topic, "partition": partition, "offset": offset}
    mine = running(folder.resolve()).of_service(service)

    async def ask(processes: Services) -> str:
        declined: Refused | None = None
        for process in mine:
            # The one that stopped there takes it.
            try:
                return str((await processes.call(process, "POST", "/ops/dead", json=place))["next"])
            except Refused as error:
                declined = declined or error
        raise declined or Refused(f"{service} is not part of the stack")

    _console.print(asked(folder, ask, every_process=True))


async def dead_events(services: Services) -> dict[str, list[dict[str, Any]]]:
    """All dead events by service, read page by page."""
    found: dict[str, list[dict[str, Any]]] = {}
    pages = await services.everywhere("GET", "/ops/dead", params={"limit": _PAGE})
    for service, page in pages.items():
        events = found[service] = list(page)
        while len(page) == _PAGE:
            page = await services.get(service, "/ops/dead", after=page[-1]["dead_id"], limit=_PAGE)
            events += page
    return found


def asked(folder: Path, ask: Callable[[Services], Awaitable[T]], *, every_process: bool = False) -> T:
    """What the stack that runs from the folder answers: each service, or each of its processes.

    Raises StackError when none runs, Refused when it declines.
    """
    state = running(folder.resolve())

    async def run() -> T:
        asked_of = state.all_processes() if every_process else state.services
        addresses = {name: address_of(settings) for name, settings in asked_of.items()}
        async with Services(addresses, state.api_key) as services:
            return await ask(services)

    return asyncio.run(run())
