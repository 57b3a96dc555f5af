"""What a hand-off means for the message."""

from __future__ import annotations

from datetime import datetime, timedelta

from messaging.channels.protocol import Delivery
from messaging.decisions.rules import LOOK_AGAIN, is_stale
from messaging.decisions.state import MISSED, Reason
from messaging.delivery.state import Ended, Queued
from messaging.policy.state import Policy

RETRY_AFTER_S = (2.0, 10.0, 60.0, 600.0, 3600.0)
WITHHELD_FIRST_S, WITHHELD_LONGEST_S = 30.0, 3600.0
IN_DOUBT_ATTEMPTS = 2
"""A notice that may have arrived is sent once more, with the same id, and not a third time."""


def outcome_of(message: Queued, policy: Policy, delivery: Delivery, at: datetime) -> Ended:
    """What a hand-off means for the message: marketing and surveys in doubt are never sent again."""
    match delivery.outcome:
        case "accepted":
            return Ended(message, "sent", at)
        case "refused":
            reason = f"bounced_{delivery.reason}" if delivery.address_bad else delivery.reason
            return Ended(message, "failed", at, reason=reason, address_bad=delivery.address_bad)
        case "withheld":
            return withheld(message, delivery, at)
        case "forbidden" if delivery.reason == MISSED:
            return missed(message, at)
        case "forbidden" | "stopped":
            return back(message, at)
        case "unknown":
            return in_doubt(message, policy, at, delivery.reason or "unknown")
        case "later":
            return _try_again(message, policy, at, delivery.reason)


def back(message: Queued, at: datetime) -> Ended:
    """Leased and not tried."""
    return Ended(message, "queued", at, tried=False)


def rests(message: Queued, reason: str, wait_s: float, at: datetime) -> Ended:
    """Its address is paused: it waits until that is over, and costs no attempt."""
    return Ended(message, "queued", at, reason=reason, wait_s=wait_s, tried=False)


def missed(message: Queued, at: datetime) -> Ended:
    """Not sent in its window, or where it was to go: the sweep decides it again."""
    return Ended(message, "missed", at, reason=MISSED, tried=False)


def of_another_release(
    message: Queued, reason: Reason, policy: Policy, at: datetime, *, replay: bool, rested: timedelta = timedelta()
) -> Ended:
    """This release does not know its flow, or has no sender for its channel: it waits for one that does while it is
    fresh and its window is open. `reason` is one of OF_ANOTHER_RELEASE.

    After its window the sweep decides it again, and so it does in a replay, where no time passes in the queue.
    """
    if is_stale(message.about.purpose, message.cause_at + rested, policy, at):
        return Ended(message, "suppressed", at, reason=reason, tried=False)
    if replay or (message.leave_before is not None and at >= message.leave_before):
        return missed(message, at)
    return Ended(message, "queued", at, reason=reason, wait_s=LOOK_AGAIN.total_seconds(), tried=False)


def withheld(message: Queued, delivery: Delivery, at: datetime) -> Ended:
    """Refused for a reason that is not its own: it costs no attempt, and goes later for as long as it is fresh."""
    wait_s = 0.0  # what concerns the channel is waited for by the channel's pause
    if delivery.trouble is not None and delivery.trouble.scope != "channel":
        # Half its age: the waits grow without being counted.
        wait_s = min(max((at - message.at).total_seconds() / 2, WITHHELD_FIRST_S), WITHHELD_LONGEST_S)
    return Ended(message, "queued", at, reason=delivery.reason, wait_s=wait_s, tried=False)


def in_doubt(message: Queued, policy: Policy, at: datetime, reason: str) -> Ended:
    """Nobody knows whether it left."""
    again = min(policy.transactional_attempts, IN_DOUBT_ATTEMPTS)
    if message.about.purpose == "transactional" and message.attempts < again:
        return _try_again(message, policy, at, reason)
    return Ended(message, "unknown", at, reason=reason)


def _try_again(message: Queued, policy: Policy, at: datetime, reason: str | None) -> Ended:
    if message.attempts >= policy.transactional_attempts:
        return Ended(message, "failed", at, reason=f"gave_up_{reason}")
    wait_s = RETRY_AFTER_S[min(message.attempts, len(RETRY_AFTER_S)) - 1]
    return Ended(message, "queued", at, reason=reason, wait_s=wait_s)
