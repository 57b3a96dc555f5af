"""Pages that are one form: empty, drawn again with what was written, and sent as a service's command once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fastapi import Response

from console.access.forms import new_form
from console.forms.fields import Field, read
from console.texts import N_
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import NoAnswer
from console.web.numbers import whole
from console.web.page import Viewer, see

LONGEST = 200_000
OTHER_CURRENCY = N_("Its amounts are in another currency: write each anew in the shop's.")
"""Of a form that holds what was written before the shop's currency changed."""
Redraw = Callable[[str, int], Awaitable[Response]]


class Sheet(NamedTuple):
    """`title`, `lead`, `button`: sentences. `back`: path within the shop and label of the page that leads here."""

    title: str
    button: str
    fields: tuple[Field, ...]
    back: tuple[str, str]
    lead: str = ""
    danger: bool = False


class Command(NamedTuple):
    """What a form orders: the audit's `action` and `thing`, and the service's route within the shop."""

    action: str
    thing: str
    service: str
    method: str
    path: str


@dataclass(slots=True)
class Filled:
    """A sheet with what was written in it; `body` is of use where `wrong` is empty.

    `written["command"]` names the command, and stays where the page is drawn again: a lost answer counts once.
    """

    viewer: Viewer
    sheet: Sheet
    at: str
    written: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    currency: str = ""

    @property
    def command(self) -> str:
        """The command's id, as the services keep it."""
        return f"console-{self.written['command'][:60]}"

    @property
    def version(self) -> int:
        """The version from which the form was filled; 0 of an empty one, and where somebody wrote no number."""
        return whole(self.written.get("version", "")) or 0

    def draw(self, error: str = "", status: int = 200) -> Response:
        """The page of the form."""
        return self.viewer.draw(
            "forms/sheet.html",
            status,
            sheet=self.sheet,
            at=self.viewer.url(self.at),
            written=self.written,
            wrong=self.wrong,
            currency=self.currency,
            error=error,
        )

    def refused(self) -> Response:
        """The page with a sentence at each field that cannot be used."""
        return self.draw(status=422)

    async def send(self, command: Command, back: str, **more: Any) -> Response:
        """Order it; what the service refuses is said above the form as it was written."""

        async def again(error: str, status: int) -> Response:
            return self.draw(error, status)

        return await order(self.viewer, self.written.get("form", "")[:50], command, again, back, **more)


async def empty(viewer: Viewer, sheet: Sheet, at: str, given: Mapping[str, str] | None = None) -> Response:
    """The form, with what is known already; `at`: where it is sent to."""
    written = {"command": new_form()} | dict(given or {})
    return Filled(viewer, sheet, at, written, currency=await _currency(viewer, sheet)).draw()


async def filled(viewer: Viewer, sheet: Sheet, at: str) -> Filled:
    """What was sent. Raises NoAnswer where an amount cannot be read, its currency being unknown."""
    written = {"command": new_form()} | await sent(viewer)
    currency = await _currency(viewer, sheet)
    body, wrong = read(sheet.fields, written, viewer.zone, currency or "EUR")
    return Filled(viewer, sheet, at, written, body, wrong, currency)


async def sent(viewer: Viewer) -> dict[str, str]:
    """The fields of the form as text."""
    return {name: str(value)[:LONGEST] for name, value in (await viewer.request.form()).items()}


async def order(viewer: Viewer, form: str, command: Command, again: Redraw, back: str, **more: Any) -> Response:
    """Carry a command out, and go on to the page `back`; `again` draws the page that says why not."""
    answer = await carry_out(viewer, command.action, command.thing, form, *command[2:], **more)
    if answer is not None and not answer.ok:
        return await again(why_not(viewer, answer), status_of(answer))
    return see(viewer.url(back), "sent-already" if answer is None else "done")


async def _currency(viewer: Viewer, sheet: Sheet) -> str:
    """The shop's currency, asked for where the form has an amount. Raises NoAnswer."""
    return await currency_of(viewer) if any(one.kind == "money" for one in sheet.fields) else ""


async def currency_of(viewer: Viewer) -> str:
    """The shop's currency. Raises NoAnswer: without it no amount can be read."""
    (settings,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", "/settings"))
    if not settings.ok:
        raise NoAnswer(settings)
    return str(settings.body["current"]["currency"])
