"""The filters of the list as the condition of a segment, which follows who comes and goes; pure."""

from __future__ import annotations

from collections.abc import Mapping

_FACTS = {"stage": "stage", "life_cycle": "life_cycle", "rfm": "rfm_class", "cell": "rfm_cell"}


def condition_of(chosen: Mapping[str, str], tiers: Mapping[str, str]) -> str:
    """The condition; empty where there is none, or a tier has a name that no expression can hold.

    `tiers`: by id the name that segments ask for.
    """
    told = list[str]()
    for name, value in chosen.items():
        if name in _FACTS:
            told.append(f"{_FACTS[name]} = {value}")
        elif name == "tier" and '"' not in (tier := tiers.get(value, '"')) and tier.isprintable():
            told.append(f'tier = "{tier}"')
        else:
            return ""
    return " and ".join(told)
