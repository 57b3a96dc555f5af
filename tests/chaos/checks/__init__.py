"""What may be wrong with a run, by subject: each file pure functions from answers and evidence to findings."""

from __future__ import annotations

from typing import NamedTuple

from chaos.evidence import Evidence

KINDS = ("lost", "doubled", "ghost", "order", "imbalance")


class Finding(NamedTuple):
    """`kind`: one of KINDS."""

    kind: str
    detail: str


def person(customer: str, found: Evidence) -> str:
    """Under whom a customer is counted. Nobody who went on was absorbed in a run."""
    return found.merged.get("orders-ingest", {}).get(customer, customer)
