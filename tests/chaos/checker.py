"""The checker: a pure function from what was answered and what was found to what is wrong.

Three-valued: what was acked must have been applied once, what was refused never, and of what got no
answer nothing is known but that it is not there twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from chaos.answers import Answers
from chaos.checks import KINDS, Finding, commands, effects, events, ledger, log
from chaos.evidence import Evidence


def check(answers: Answers, sent: Mapping[str, Mapping[str, Any]], found: Evidence) -> list[Finding]:
    """Everything that is wrong; `sent` are the bodies of events, by id."""
    findings = [
        *events.applied(answers, sent, found),
        *events.claimed(found),
        *effects.effects(answers, sent, found),
        *commands.merged(answers, found),
        *commands.redeemed(answers, found),
        *commands.checked_out(answers, found),
        *commands.complained(answers, found),
        *commands.campaigned(answers, found),
        *ledger.ledger(found),
        *log.published(found),
        *log.mailed(found),
    ]
    for service, rows in found.dead.items():
        findings += [Finding("lost", f"{service} laid aside as dead {row}") for row in rows]
    return findings


def repeated_mails(found: Evidence) -> int:
    """Transactional mails handed off again after their sender died, which is meant so."""
    return sum(times - 1 for times in Counter(found.mails).values())


def totals(findings: Iterable[Finding]) -> dict[str, int]:
    counted = Counter(finding.kind for finding in findings)
    return {kind: counted[kind] for kind in KINDS}


def sentence(found: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {found[kind]}" for kind in KINDS)
