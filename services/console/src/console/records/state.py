"""A record as it is now."""

from __future__ import annotations

from typing import Any, NamedTuple


class Record(NamedTuple):
    """`asked_by`: the id of whose wish it was, of one that is or was to be decided."""

    kind: str
    name: str
    version: int
    state: str
    fields: dict[str, Any]
    person: str
    asked_by: int | None
    at: Any

    @property
    def currency(self) -> str:
        """Of its amounts: the shop's when this version was written; empty where it has none."""
        return str(self.fields.get("currency", ""))
