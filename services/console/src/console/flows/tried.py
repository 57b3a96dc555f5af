"""What a flow would have sent, added up over pages of customers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SHOWN = 20


@dataclass
class Tried:
    """`runs`: by how they ended; `messages`: by template, then by the reason of the last decision."""

    customers: int = 0
    newest_alone: bool = False
    runs: Counter[str] = field(default_factory=Counter)
    messages: dict[str, Counter[str]] = field(default_factory=dict)
    shown: list[Mapping[str, Any]] = field(default_factory=list)

    def add(self, page: Mapping[str, Any]) -> None:
        """The answer of one page more."""
        self.customers += page["customers"]
        self.newest_alone |= page["history"] == "newest"
        self.runs.update(page["runs"])
        for template, reasons in page["messages"].items():
            self.messages.setdefault(template, Counter()).update(reasons)
        self.shown = [*self.shown, *page["shown"]][:SHOWN]

    @property
    def sent(self) -> int:
        """Messages that nothing would have forbidden."""
        return sum(reasons["allowed"] for reasons in self.messages.values())
