"""Which of the five tribes a customer belongs to, with evidence and confidence (SEG-092 to SEG-096).

The first tribe of the table of which all needed signs are seen; the others of its signs say how sure that is. Each sign
is written twice, for a customer at hand and for rows of many (`t` the profile, `c` the customer), and a test on a
database holds both against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from common.events.customers import LifeState
from common.events.segments import Confidence
from segmentation.profiles.rules import CityLevel

TribeName = Literal["elderly", "boss", "housewife", "ant_tribe", "white_collar"]
YEARS = 5
"""Years of birth are told apart by so many (`customer.updated.born_from`)."""


class Seen(NamedTuple):
    """What the profile says, and what was bought; `rfm_class` of the window of RFM, `year` of the shop's today."""

    year: int
    born_from: int | None = None
    life_state: LifeState | None = None
    gender: str | None = None
    city_level: CityLevel | None = None
    rfm_class: str | None = None
    completed: int = 0


class Sign(NamedTuple):
    """`said` is the evidence; what is not known is not seen."""

    said: str
    seen: Callable[[Seen], bool]
    sql: str


class Tribe(NamedTuple):
    needed: tuple[Sign, ...]
    beside: tuple[Sign, Sign]


class Placed(NamedTuple):
    """`tribe` None: no tribe's needed signs are all seen."""

    tribe: TribeName | None
    confidence: Confidence
    evidence: list[str]


_YEAR = "cast(extract(year from cast(:today as date)) as integer)"


def _aged(said: str, least: int, most: int) -> Sign:
    """Whoever turns that old this year, whichever of the five years it was."""
    return Sign(
        said,
        lambda s: (
            s.born_from is not None and s.year - s.born_from - YEARS + 1 >= least and s.year - s.born_from <= most
        ),
        f"t.born_from <= {_YEAR} - {least + YEARS - 1} and t.born_from >= {_YEAR} - {most}",
    )


_SPENDS = Sign(
    "spends more than the shop's mean buyer",
    lambda s: s.rfm_class is not None and s.rfm_class.startswith("important_"),
    "c.rfm_class like 'important%'",
)
_SPENDS_LITTLE = Sign(
    "spends no more than the shop's mean buyer",
    lambda s: s.rfm_class == "general_value",
    "c.rfm_class = 'general_value'",
)
_OFFICE = Sign(
    "goods go to an office",
    lambda s: s.life_state in ("white_collar", "civil_servant"),
    "t.life_state in ('white_collar', 'civil_servant')",
)
_STUDIES = Sign(
    "goods go to a university, or an office",
    lambda s: s.life_state in ("student", "white_collar"),
    "t.life_state in ('student', 'white_collar')",
)
_HOME = Sign("goods go to a home", lambda s: s.life_state == "homebody", "t.life_state = 'homebody'")
_FEMALE = Sign("is a woman", lambda s: s.gender == "female", "t.gender = 'female'")
_LARGE_CITY = Sign(
    "lives in a large city",
    lambda s: s.city_level in ("tier_1", "tier_2"),
    "t.city_level in ('tier_1', 'tier_2')",
)
_LOYAL = Sign("five orders or more", lambda s: s.completed >= 5, "c.completed_orders >= 5")
TRIBES: Mapping[TribeName, Tribe] = {
    "elderly": Tribe((_aged("is 60 or older", 60, 150),), (_HOME, _LOYAL)),
    "boss": Tribe((_SPENDS, _aged("is 35 to 59", 35, 59)), (_OFFICE, _LARGE_CITY)),
    "housewife": Tribe((_FEMALE, _HOME), (_aged("is 25 to 59", 25, 59), _LOYAL)),
    "ant_tribe": Tribe((_aged("is 18 to 30", 18, 30), _SPENDS_LITTLE), (_STUDIES, _LARGE_CITY)),
    "white_collar": Tribe((_OFFICE,), (_aged("is 25 to 45", 25, 45), _SPENDS)),
}
"""In this order: the first that fits."""
_CONFIDENCE: tuple[Confidence, ...] = ("low", "medium", "high")


def place(seen: Seen) -> Placed:
    """The customer's tribe; confidence is low, medium or high where none, one or both of the signs beside are seen."""
    for name, tribe in TRIBES.items():
        if all(sign.seen(seen) for sign in tribe.needed):
            beside = [sign.said for sign in tribe.beside if sign.seen(seen)]
            return Placed(name, _CONFIDENCE[len(beside)], [sign.said for sign in tribe.needed] + beside)
    return Placed(None, "low", [])


def _needed(tribe: Tribe) -> str:
    return " and ".join(f"({sign.sql})" for sign in tribe.needed)


def _beside(tribe: Tribe) -> str:
    seen = " + ".join(f"cast(coalesce({sign.sql}, false) as integer)" for sign in tribe.beside)
    words = " ".join(f"when {n} then '{word}'" for n, word in enumerate(_CONFIDENCE))
    return f"case {seen} {words} end"


TRIBE_SQL = f"(case {' '.join(f'when {_needed(tribe)} then {name!r}' for name, tribe in TRIBES.items())} end)"
"""The tribe of `c`, a row of customers, and `t`, their profile; null: none."""
CONFIDENCE_SQL = f"(case {' '.join(f'when {_needed(tribe)} then {_beside(tribe)}' for tribe in TRIBES.values())} end)"
