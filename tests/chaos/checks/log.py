"""What was announced stands in the log, once, in order; what left by mail, left once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from chaos.checks import Finding
from chaos.evidence import Evidence, Fact, Logged


def published(found: Evidence) -> Iterator[Finding]:
    logged = {(r.topic, r.id) for r in found.log}
    announced = {(f.topic, f.id) for rows in found.outboxes.values() for f in rows}
    for service, rows in found.outboxes.items():
        for (topic, id_), times in Counter((f.topic, f.id) for f in rows).items():
            if times > 1:
                yield Finding("doubled", f"{service} announced {id_} on {topic} {times} times")
        for fact in rows:
            # The log of keys is compacted: older records of a customer may be gone.
            if fact.topic != "customer-keys" and (fact.topic, fact.id) not in logged:
                marked = "marked as published" if fact.published else "never published"
                yield Finding("lost", f"{service}: {fact.type} {fact.id} is {marked} and not in the log")
        yield from _in_order(service, rows, found.log)
    for topic, id_ in logged - announced:
        yield Finding("ghost", f"{id_} is in the log of {topic}, and no outbox knows it")


def _in_order(service: str, rows: Iterable[Fact], log: Iterable[Logged]) -> Iterator[Finding]:
    """By key, facts first appear in the log in the order of their `seq`: repeats behind that are harmless."""
    seqs = {(fact.topic, fact.id): fact.seq for fact in rows}
    last: dict[tuple[str, str], tuple[int, str]] = {}
    seen: set[tuple[str, str]] = set()
    for record in log:
        name = (record.topic, record.id)
        if name not in seqs or name in seen:
            continue
        seen.add(name)
        before = last.get((record.topic, record.key))
        if before is not None and before[0] > seqs[name]:
            yield Finding("order", f"{service}: {record.key} has {before[1]} before {record.id} in the log")
        last[record.topic, record.key] = (seqs[name], record.id)


def mailed(found: Evidence) -> Iterator[Finding]:
    """Marketing and surveys leave at most once. An order's mails may be repeated when their sender is killed."""
    for message, times in Counter(found.mails).items():
        purpose = found.purposes.get(message.strip("<>").partition("@")[0])
        if times > 1 and purpose != "transactional":
            yield Finding("doubled", f"mail {message} ({purpose}) was handed off {times} times")
        if purpose is None:
            yield Finding("ghost", f"mail {message} belongs to no message")


def repeated_mails(found: Evidence) -> int:
    """Transactional mails handed off again after their sender died, which is meant so."""
    return sum(times - 1 for times in Counter(found.mails).values())
