"""How the source would have each tribe spoken to (SEG-092 to SEG-096)."""

from __future__ import annotations

from collections.abc import Mapping

from segmentation.tribes.rules import TribeName

STRATEGIES: Mapping[TribeName, tuple[str, ...]] = {
    "ant_tribe": (
        "win by experience and free samples",
        "count on the years to come: main consumers in three to five years",
    ),
    "white_collar": ("appeal by what the brand means and by its selling points",),
    "boss": (
        "offer the finest: taste, perfect quality, status",
        "show luxury and high-end goods first",
    ),
    "housewife": (
        "tell warm stories",
        "show what others buy",
        "invite to recommend: ambassadors of goods for every day",
    ),
    "elderly": (
        "care for what they care for: health, nutrition, service",
        "speak to the children who browse and buy",
        "use events for the elderly and holidays",
    ),
}
