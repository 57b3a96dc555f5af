"""The segments that can be listed: kinds with the values of each, and those that the shop defines itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from segmentation.attributes.churn_reason.rules import REASONS
from segmentation.attributes.rfm.groups import GROUPS
from segmentation.expressions.parsing import parse
from segmentation.expressions.tree import Any, Tree

SegmentKind = Literal["stage", "lifecycle", "rfm", "rfm_group", "lapsed", "churn_risk", "churn_reason"]
VALUES: dict[SegmentKind, tuple[str, ...]] = {
    "stage": ("prospect", "new", "returning"),
    "lifecycle": ("active", "sleeping", "pre_churn", "churned", "dead"),
    "rfm": ("important_value", "important_development", "important_keep", "general_value"),
    "rfm_group": tuple(dict.fromkeys(name for names in GROUPS.values() for name in names)),
    "lapsed": ("true", "false"),
    "churn_risk": ("weak", "strong"),
    "churn_reason": REASONS,
}


NOBODY: Tree = Any(())


class Definition(BaseModel):
    """What a shop defines as a segment; of one that is archived nobody is."""

    model_config = ConfigDict(frozen=True)
    name: str
    expression: str
    archived: bool = False

    @property
    def tree(self) -> Tree:
        return NOBODY if self.archived else parse(self.expression)


@dataclass(frozen=True, slots=True)
class Defined:
    """The newest version of a segment; `compared`: customers up to here were compared with it, None: all were."""

    segment: str
    version: int
    definition: Definition
    compared: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """In which of the segments looked at a customer is by the definitions, and by the open stays.

    `turns`: ordinal of the next date on which the date alone may change the former, None: never.
    """

    customer: str
    inside: frozenset[str]
    open: frozenset[str]
    turns: int | None

    def beside(self, other: Standing) -> Standing:
        """The same customer in the segments of both."""
        turns = min((each for each in (self.turns, other.turns) if each is not None), default=None)
        return Standing(self.customer, self.inside | other.inside, self.open | other.open, turns)

    @property
    def entered(self) -> list[str]:
        return sorted(self.inside - self.open)

    @property
    def left(self) -> list[str]:
        return sorted(self.open - self.inside)
