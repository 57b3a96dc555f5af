"""How an order of the shop's list stands to ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orders_ingest.reconciliation.state import Kind, Ours

AMOUNTS = ("currency", "goods_paid", "freight")


def compared(theirs: Mapping[str, Any], ours: Ours | None) -> tuple[Kind, str] | None:
    """The kind of difference and its words; None where both say the same. `theirs` holds datetimes.

    Ours is newer where it reached its state later than the list says: a list is read while orders go on.
    """
    if ours is None:
        return "missed", f"not known here; {theirs['state']} at {theirs['time'].isoformat()}"
    differing = [
        f"{name} {getattr(ours, name)} here, {value} in the list"
        for name in ("state", *AMOUNTS)
        if getattr(ours, name) != (value := theirs.get(name, 0))
    ]
    if theirs.get("customer") and not ours.customer:
        differing.append("nobody's here")
    if not differing:
        return None
    kind: Kind = "ahead" if ours.at > theirs["time"] else "behind"
    return kind, "; ".join(differing)
