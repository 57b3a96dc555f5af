"""The flows of a shop: those of the library, and over them the versions that the shop saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources

from pydantic import TypeAdapter

from messaging.flows.document import Dated, EventTrigger, FlowDocument

CAMPAIGN = "campaign"
"""What the messages of campaigns bear as their flow; no flow of a shop is called so."""
_LISTED: TypeAdapter[list[FlowDocument]] = TypeAdapter(list[FlowDocument])


@dataclass(frozen=True, slots=True)
class Versioned:
    """A flow by one of its versions; 0: as the library of this release has it. `at`: from when on it holds."""

    document: FlowDocument
    version: int = 0
    at: datetime | None = None

    @property
    def name(self) -> str:
        return self.document.flow


@lru_cache(4096)
def read_document(text: str) -> FlowDocument:
    """A stored document; the same text is read once."""
    return FlowDocument.model_validate_json(text)


@cache
def library() -> Mapping[str, Versioned]:
    """The flows of this release, by name."""
    folder = resources.files("messaging.flows.library")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".json")), key=lambda f: f.name)
    return {d.flow: Versioned(d) for file in files for d in _LISTED.validate_json(file.read_bytes())}


class Book:
    """The flows that hold at one instant."""

    def __init__(self, flows: Iterable[Versioned]) -> None:
        self.flows = {v.name: v for v in flows}
        self._by_event: dict[str, list[Versioned]] = {}
        for v in self.flows.values():
            if v.document.enabled and isinstance(v.document.trigger, EventTrigger):
                self._by_event.setdefault(v.document.trigger.event, []).append(v)

    def started_by(self, event_type: str) -> Sequence[Versioned]:
        """The enabled flows that such an event may start."""
        return self._by_event.get(event_type, ())

    def sends_at_once(self, flow: str) -> bool:
        """Whether its event makes the candidate, without a run."""
        return flow in self.flows and (d := self.flows[flow].document).enabled and d.at_once

    @property
    def dated(self) -> list[Versioned]:
        """The enabled flows that a day starts."""
        return [v for v in self.flows.values() if v.document.enabled and isinstance(v.document.trigger, Dated)]


class Books:
    """All versions of a shop's flows."""

    def __init__(self, versions: Sequence[Versioned] = ()) -> None:
        self._versions = sorted(versions, key=lambda v: v.version)
        self._made: dict[int, Book] = {}
        self.names = {CAMPAIGN, *library(), *(v.name for v in versions)}

    def at(self, instant: datetime) -> Book:
        """The flows that hold at an instant."""
        held = [v for v in self._versions if v.at is not None and v.at <= instant]
        newest = held[-1].version if held else 0
        if newest not in self._made:
            own = {v.name: v for v in held}
            self._made[newest] = _library_book() if not own else Book({**library(), **own}.values())
        return self._made[newest]

    @property
    def now(self) -> Book:
        """With the newest version of each."""
        own = {v.name: v for v in self._versions}
        return Book({**library(), **own}.values())

    def of(self, flow: str, version: int) -> FlowDocument | None:
        """The document that a run goes by."""
        if version == 0:
            known = library().get(flow)
            return known.document if known is not None else None
        return next((v.document for v in self._versions if (v.name, v.version) == (flow, version)), None)

    @property
    def last(self) -> int:
        """The number of the newest version; 0: the shop has none of its own."""
        return self._versions[-1].version if self._versions else 0


@cache
def _library_book() -> Book:
    return Book(library().values())
