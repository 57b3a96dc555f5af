"""A customer's history checked anew: all that was decided and sent follows from what was known then."""

from __future__ import annotations

from messaging.verification.candidates import of_candidates, of_messages
from messaging.verification.caps import of_caps
from messaging.verification.decisions import of_decisions
from messaging.verification.flows import of_runs
from messaging.verification.permission import of_permission_when_sent
from messaging.verification.state import History


def differences(history: History) -> list[str]:
    """What does not follow, a sentence each; nothing when all is well."""
    found = [
        *of_candidates(history),
        *of_messages(history),
        *of_decisions(history),
        *of_caps(history),
        *of_permission_when_sent(history),
        *of_runs(history),
    ]
    shop, customer = history.customer
    return [f"customer {customer} of {shop}: {sentence}" for sentence in found]
