"""What the topics say about decisions, messages, permissions and policies, and what of it a customer's rows say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from common.events import fact_id, rfc3339
from common.events.customers import ConsentChanged
from common.events.envelope import parse_time
from common.events.messages import (
    CampaignChanged,
    CampaignEntered,
    ContactAddressSuppressed,
    ContactCalled,
    ContactOptedIn,
    ContactOptedOut,
    ContactPolicyChanged,
    ContactPolicyWithdrawn,
    FlowChanged,
    FlowEntered,
    FlowMoved,
    InsertScanned,
    MessageClicked,
    MessageDelivered,
    MessageDoubtEnded,
    MessageFailed,
    MessageHeld,
    MessageRead,
    MessageSent,
    MessageSuppressed,
    MessageUndelivered,
    ParcelPlanChanged,
    ParcelPlanned,
    TemplateChanged,
)
from common.verification import Expectation, digest
from messaging.campaigns.document import CampaignDocument
from messaging.consent.state import PURPOSES, Statement
from messaging.decisions.facts import decision_cause, missed_cause
from messaging.decisions.state import MISSED
from messaging.delivery.receipts.state import Receipt
from messaging.flows.document import FlowDocument
from messaging.occasions.rules import is_of_a_day
from messaging.parcels.document import ParcelPlan
from messaging.policy.state import Policy
from messaging.templates.document import TemplateDocument
from messaging.verification.state import History, Message

MISSING = {
    "fact": "a message's fact was announced, and no decision and no message says so",
    "permission": "a permission was announced, and no row keeps it",
    "move": "a move through a flow was announced, and no row keeps it",
    "flow": "a version of a flow was announced, and no row keeps it",
    "template": "a template was announced, and no row keeps it",
    "campaign": "a campaign was announced, and no row keeps it",
    "member": "somebody came into a campaign, and no row keeps it",
    "policy": "a policy was announced, and no row keeps it",
    "withdrawal": "a policy was withdrawn, and its row does not say so",
    "parcel": "a parcel was planned, and no row keeps it so",
    "insert": "an insert was planned into a parcel, and no row keeps it",
    "scan": "an insert was scanned, and no row keeps it",
    "parcel_plan": "a parcel plan was announced, and no row keeps it",
    "call": "a call was announced, and no row keeps it",
}
"""Kinds of names that a row must stand for, and what to say of one that has none."""
_RECEIPTS = {
    "delivered": MessageDelivered.TYPE,
    "undelivered": MessageUndelivered.TYPE,
    "clicked": MessageClicked.TYPE,
    "read": MessageRead.TYPE,
    "taken": MessageDoubtEnded.TYPE,
    "never_taken": MessageDoubtEnded.TYPE,
}
Kept = tuple[tuple[str, ...], bytes | None]


def expectations(event: dict[str, Any]) -> Iterator[Expectation]:
    """Everything that one event of `messages` or `customers` says."""
    kind, shop, data, at = event["type"], event["shop"], event["data"], parse_time(event["time"])
    customer = event.get("subject", "")
    if kind.startswith("message."):
        until = parse_time(data["until"]) if "until" in data else None
        when = None if kind == MessageFailed.TYPE else at  # when it failed is kept nowhere
        said = _said(kind, customer, data["message_id"], data.get("reason"), when, until, _word_of(data))
        yield Expectation(("fact", shop, event["id"]), said)
    elif kind in (ConsentChanged.TYPE, ContactOptedOut.TYPE, ContactOptedIn.TYPE):
        granted = kind == ContactOptedIn.TYPE or bool(data.get("granted"))
        refusal = "withdrawn" if kind == ConsentChanged.TYPE else "opted_out"
        state = "granted" if granted else refusal
        given = data.get("purpose")
        for purpose in PURPOSES if given is None and kind == ContactOptedOut.TYPE else (given or "marketing",):
            name = "permission", shop, customer, data["channel"], purpose, event["source"], event["id"]
            yield Expectation(name, digest(state, rfc3339(at)))
    elif kind == ContactAddressSuppressed.TYPE:
        name = "permission", shop, customer, data["channel"], data["purpose"], event["source"], event["id"]
        yield Expectation(name, digest(data["state"], rfc3339(parse_time(data["said_at"]))))
    elif kind == ContactCalled.TYPE:
        called = "call", shop, customer, data["message_id"], str(data["number"])
        yield Expectation(called, call(data["outcome"], data["by"], at, data.get("again_at")))
    elif kind == FlowMoved.TYPE:
        said = _moved(customer, data["run_id"], data["number"], data["reason"], at, data.get("step"), data.get("until"))
        yield Expectation(("move", shop, event["id"]), said)
    elif kind == FlowChanged.TYPE:
        yield Expectation(("flow", shop, str(data["version"])), flow(parse_time(data["valid_from"]), data["document"]))
    elif kind == TemplateChanged.TYPE:
        yield Expectation(("template", shop, str(data["version"])), template(parse_time(data["valid_from"]), data))
    elif kind == CampaignChanged.TYPE:
        yield Expectation(("campaign", shop, str(data["version"])), campaign(parse_time(data["valid_from"]), data))
    elif kind == FlowEntered.TYPE:
        for entry in data.get("entries", ()):
            yield Expectation(("entered", shop, data["cause"], entry["customer"]), digest(data["flow"]))
    elif kind == CampaignEntered.TYPE:
        for entry in data.get("entries", ()):
            yield Expectation(("member", shop, data["campaign"], entry["customer"]), member(entry["arm"], at))
    elif kind == ParcelPlanned.TYPE:
        planned = digest(data["version"], data.get("gift", False), data.get("show_price", False), rfc3339(at))
        yield Expectation(("parcel", shop, customer, data["order_id"]), planned)
        for place, insert in enumerate(data.get("inserts", ())):
            said = digest(place, data["version"], rfc3339(at))
            yield Expectation(("insert", shop, customer, data["order_id"], insert), said)
    elif kind == InsertScanned.TYPE:
        yield Expectation(("scan", shop, customer, data["order_id"], data["insert"]), digest(rfc3339(at)))
    elif kind == ParcelPlanChanged.TYPE:
        document = ParcelPlan.model_validate(data["document"]).model_dump(mode="json")
        plan = "parcel_plan", shop, str(data["version"])
        yield Expectation(plan, digest(rfc3339(parse_time(data["valid_from"])), document))
    elif kind == ContactPolicyChanged.TYPE:
        yield Expectation(
            ("policy", shop, str(data["version"])), policy(parse_time(data["valid_from"]), data["policy"])
        )
    elif kind == ContactPolicyWithdrawn.TYPE:
        yield Expectation(("withdrawal", shop, str(data["version"])), b"")


def policy(valid_from: datetime, body: dict[str, Any]) -> bytes:
    return digest(rfc3339(valid_from), Policy.model_validate(body).model_dump(mode="json"))


def flow(valid_from: datetime, body: dict[str, Any]) -> bytes:
    return digest(rfc3339(valid_from), FlowDocument.model_validate(body).model_dump(mode="json"))


def template(valid_from: datetime, data: dict[str, Any]) -> bytes:
    """Of `document`, `author` and `approved_by`."""
    document = TemplateDocument.model_validate(data["document"]).model_dump(mode="json")
    return digest(rfc3339(valid_from), document, data.get("author"), data.get("approved_by"))


def campaign(valid_from: datetime, data: dict[str, Any]) -> bytes:
    """Of `document`, `state`, `reason` and `by`."""
    document = CampaignDocument.model_validate(data["document"]).model_dump(mode="json")
    return digest(rfc3339(valid_from), document, data["state"], data.get("reason"), data.get("by"))


def call(outcome: str, by: str, at: datetime, again_at: str | None) -> bytes:
    return digest(outcome, by, rfc3339(at), again_at)


def member(arm: str, at: datetime) -> bytes:
    return digest(arm, rfc3339(at))


def moves_of(history: History) -> Iterator[Kept]:
    """The facts that a customer's moves through flows must have been announced as."""
    shop, customer = history.customer
    for m in history.moves:
        id_ = fact_id(f"{m.run_id}/{m.number}", FlowMoved.TYPE, shop, customer, 0)
        until = rfc3339(m.until) if m.until is not None else None
        yield ("move", shop, id_), _moved(customer, m.run_id, m.number, m.reason, m.at, m.step, until)


def entered_of(history: History) -> Iterator[Kept]:
    """What began on a day must have been announced as such; what began and was old news leaves no row."""
    shop, customer = history.customer
    begun = [(run.flow, run.cause) for run in history.runs.values()]
    begun += [(asked.candidate.flow, asked.candidate.cause) for asked in history.candidates.values()]
    for flow, cause in dict.fromkeys(begun):
        if is_of_a_day(flow, cause):
            yield ("entered", shop, cause, customer), digest(flow)


def _moved(
    customer: str, run_id: str, number: int, reason: str, at: datetime, step: str | None, until: str | None
) -> bytes:
    return digest(customer, run_id, number, reason, rfc3339(at), step, until)


def statement(customer: tuple[str, str], said: Statement) -> Kept:
    name = "permission", *customer, said.channel, said.purpose, said.source, said.id
    return name, digest(said.state, rfc3339(said.at))


def facts_of(history: History) -> Iterator[Kept]:
    """The facts that a customer's decisions and messages must have been announced as."""
    for decision in history.decisions:
        if decision.outcome == "suppress":
            yield _fact(
                history, MessageSuppressed.TYPE, decision.message_id, decision.message_id, decision.reason, decision.at
            )
        elif decision.outcome == "hold":
            cause = (missed_cause if decision.reason == MISSED else decision_cause)(decision.message_id, decision.at)
            yield _fact(
                history, MessageHeld.TYPE, cause, decision.message_id, decision.reason, decision.at, decision.until
            )
    for message in history.messages.values():
        yield from _end_of(history, message)
    for receipt in history.receipts:
        kind = _RECEIPTS[receipt.said]
        yield _fact(history, kind, receipt.message_id, receipt.message_id, None, receipt.at, word=_word(receipt))


def _end_of(history: History, message: Message) -> Iterator[Kept]:
    id_ = message.message_id
    if message.state == "sent":
        yield _fact(history, MessageSent.TYPE, id_, id_, None, message.sent_at)
    elif message.state == "failed":
        yield _fact(history, MessageFailed.TYPE, id_, id_, message.reason or "failed", None)
    elif message.state == "unknown":
        yield _fact(history, MessageFailed.TYPE, id_, id_, "unknown", None)


def _fact(
    history: History,
    kind: str,
    cause: str,
    message_id: str,
    reason: str | None,
    at: datetime | None,
    until: datetime | None = None,
    word: str | int | None = None,
) -> Kept:
    shop, customer = history.customer
    id_ = fact_id(cause, kind, shop, customer, 0)
    return ("fact", shop, id_), _said(kind, customer, message_id, reason, at, until, word)


def _said(
    kind: str,
    customer: str,
    message_id: str,
    reason: str | None,
    at: datetime | None,
    until: datetime | None,
    word: str | int | None,
) -> bytes:
    """`word`: what a receipt says besides its type; of anything else None."""
    return digest(kind, customer, message_id, reason, at and rfc3339(at), until and rfc3339(until), word)


def _word(receipt: Receipt) -> str | int | None:
    """The gateway's code, the number of the link, or whether it was taken, and who says so."""
    if receipt.said in ("taken", "never_taken"):
        return _told(receipt.code, taken=receipt.said == "taken")
    return int(receipt.code or 0) if receipt.said == "clicked" else receipt.code


def _word_of(data: dict[str, Any]) -> str | int | None:
    """The same of an announced fact."""
    if "taken" in data:
        return _told(data.get("by"), taken=data["taken"])
    return next((data[name] for name in ("code", "link") if name in data), None)


def _told(by: str | None, *, taken: bool) -> str:
    return f"{taken} {by or ''}"
