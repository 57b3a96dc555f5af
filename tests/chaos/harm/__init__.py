"""What is done to the stack under load: each form of a run is a module here with a subclass of `Harm`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.evidence import Evidence
from chaos.holdings import Holdings
from regulars.stack.state import StackState

Figures = dict[str, Any]


@dataclass(slots=True)
class Done:
    """What was really done, by process; `cuts` by the service whose sessions were cut, `steps` by name, `network` by
    way and link, `others` by what a form calls it.

    `rolls`: restarts by SIGTERM.

    `instants` are the unix times of kills.
    """

    kills: Counter[str] = field(default_factory=Counter)
    pauses: Counter[str] = field(default_factory=Counter)
    cuts: Counter[str] = field(default_factory=Counter)
    rolls: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    network: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    instants: list[tuple[float, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and with what seed a run takes place; `apart` is a folder for what a form starts itself."""

    folder: Path
    apart: Path
    seed: int
    say: Callable[[str], None]


class Harm(ABC):
    """One form of a run. It may start what the stack stands on, harms it under load, and says whether that was enough.

    The load lasts as long as the harm does: a form says by `progress`, 0 to 1, how much of it may have been sent.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.done = Done()
        self.sent_share = 0.0

    @property
    def progress(self) -> float:
        """How much of the load may have been sent."""
        return self.sent_share

    def start(self) -> Mapping[str, Any]:
        """Start what the stack is to stand on, before it; gives what of its `Plan` differs. Raises StackError."""
        return {}

    def stop(self) -> None:  # noqa: B027  # most forms start nothing
        """End what `start` began, after the stack's end. Called where `start` failed, too."""

    def log_servers(self, state: StackState) -> str:
        """Where the evidence reads the log."""
        return state.kafka

    @abstractmethod
    async def run(self, holdings: Holdings) -> None:
        """Do the harm, from the first to the last; `progress` is 1 afterwards, however it ends."""

    @abstractmethod
    def enough(self) -> bool:
        """A run that did not harm everything as planned proves nothing."""

    def sift(self, found: Evidence) -> None:  # noqa: B027  # most forms put nothing there
        """Take out of the evidence what the harm itself put there."""

    async def measured(self, _databases: Mapping[str, str]) -> tuple[Figures, bool]:
        """Further figures, and whether they keep to their targets; `databases` are the services' own, by name."""
        return {}, True
