"""Steps that can be done with a ticket, each with the fields that it asks for: data for the form and the command."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from console.texts import N_
from console.web.numbers import minor


class Step(NamedTuple):
    """`fields`: what the form shows, by the names of the command's fields. `resolved`: of resolved tickets, of others.

    The owning service says what may be done; a step that it refuses is answered with its reason.
    """

    label: str
    fields: tuple[str, ...]
    resolved: bool = False
    decides: bool = False


STEPS: Mapping[str, Step] = {
    "answer": Step(N_("Answer the customer"), ("text",)),
    "ask": Step(N_("Ask the customer for something: the clock rests"), ("text",)),
    "note": Step(N_("Note for colleagues"), ("text",)),
    "assign": Step(N_("Give it to somebody"), ("owner",)),
    "prioritise": Step(N_("Change how urgent it is"), ("priority",)),
    "promise": Step(N_("Promise something by a time"), ("text", "promised_by")),
    "promise_kept": Step(N_("The promise is kept"), ()),
    "compensate": Step(N_("Compensate: above your limit a second person approves"), ("kind", "amount")),
    "approve": Step(N_("Approve the compensation"), (), decides=True),
    "refuse": Step(N_("Refuse the compensation"), ("text",), decides=True),
    "resolve": Step(N_("Close it"), ("outcome", "text")),
    "reopen": Step(N_("Open it again"), ("text",), resolved=True),
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "priority": ("urgent", "high", "normal"),
    "outcome": ("solved", "refunded", "replaced", "explained", "rejected", "withdrawn"),
    "kind": ("refund", "reship", "points", "coupon"),
}
NAMES: Mapping[str, str] = {
    "text": N_("Words"),
    "owner": N_("Whose"),
    "priority": N_("How urgent"),
    "promised_by": N_("By when"),
    "outcome": N_("What came of it"),
    "kind": N_("What is given"),
    "amount": N_("Worth"),
}


class Unusable(Exception):
    """A field that cannot be used; `text` says why."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def offered(ticket: Mapping[str, Any]) -> dict[str, Step]:
    """The steps that make sense of the ticket as it stands."""
    resolved = ticket["state"] == "resolved"
    given, promise = ticket["compensation"], ticket["promise"]
    waits = given is not None and given["state"] == "proposed"
    left_out = set()
    if not waits:
        left_out |= {"approve", "refuse"}
    if promise is None or promise["kept_at"] is not None:
        left_out.add("promise_kept")
    if given is not None and given["state"] in ("proposed", "granted"):
        left_out.add("compensate")
    return {
        name: step
        for name, step in STEPS.items()
        if name not in left_out and (step.resolved == resolved or name == "note")
    }


def command(action: str, form: Mapping[str, str], zone: tzinfo, currency: str) -> dict[str, Any]:
    """The fields of the command as feedback takes them, but who and which. Raises Unusable."""
    body: dict[str, Any] = {"action": action}
    for name in STEPS[action].fields:
        written = form.get(name, "").strip()
        if name == "promised_by":
            body[name] = _instant(written, zone)
        elif name == "amount":
            body["claim"] = {"kind": form.get("kind", ""), "amount": _amount(written, currency), "currency": currency}
        elif name in CHOICES and written not in CHOICES[name]:
            raise Unusable(N_("Choose one of the list."))
        elif name != "kind" and written:
            body[name] = written
    return body


def _instant(written: str, zone: tzinfo) -> str:
    try:
        return datetime.fromisoformat(written).replace(tzinfo=zone).isoformat()
    except ValueError:
        raise Unusable(N_("Say until when, with day and time.")) from None


def _amount(written: str, currency: str) -> int:
    amount = minor(written, currency)
    if amount is None or amount <= 0:
        raise Unusable(N_("Write what it is worth, such as 12.50."))
    return amount
