"""Types of buyers and what each does on the way to an order and after it (SEG-074 to SEG-082)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Habits(NamedTuple):
    """Ranges are from, to, both included. Shares are of orders.

    `spends`: times what the shop's customers spend; `again`: comes by what was bought before, and stays with one
    category; `broken_off`: checkouts left before one that is ended; `stars`: weights of 1 to 5.
    """

    share: float
    decides_hours: tuple[float, float] = (2, 20)
    compares: tuple[int, int] = (1, 3)
    panels: tuple[int, int] = (0, 1)
    chats: float = 0.4
    promoted: float = 0.35
    spends: float = 1.0
    again: float = 0.2
    broken_off: float = 0.15
    reviews: float = 0.25
    photo: float = 0.05
    stars: tuple[int, int, int, int, int] = (3, 4, 10, 30, 53)
    complains: float = 0.02


BUYERS: Mapping[str, Habits] = {
    "emotional": Habits(0.14, reviews=0.75, photo=0.5, stars=(0, 0, 1, 9, 90)),
    "impulsive": Habits(0.16, decides_hours=(0.05, 0.8), compares=(1, 1), chats=0.3),
    "rational": Habits(0.15, decides_hours=(26, 60), compares=(5, 9), chats=0.15, promoted=0.1),
    "vip_type": Habits(0.06, chats=0.95, promoted=0.05, spends=1.6, complains=0.06),
    "habitual": Habits(0.22, decides_hours=(0.2, 4), compares=(1, 2), promoted=0.05, again=0.85),
    "opinion_led": Habits(0.1, decides_hours=(25, 50), panels=(3, 6)),
    "cautious": Habits(
        0.09, decides_hours=(74, 130), compares=(5, 8), broken_off=1.4, stars=(20, 25, 25, 20, 10), reviews=0.4
    ),
    "greedy": Habits(0.08, promoted=0.95, spends=0.55, stars=(25, 25, 20, 20, 10), reviews=0.5, complains=0.12),
}
LONGEST_HOURS = max(habits.decides_hours[1] for habits in BUYERS.values())
MEAN_SPEND = sum(habits.share * habits.spends for habits in BUYERS.values())
