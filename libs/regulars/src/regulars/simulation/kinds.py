"""Kinds of shops: how often their customers order, for how much, in which seasons, and what they sell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """`rate`, `dropout`: of BG/NBD (Fader, Hardie and Lee 2005): orders a week while a customer is one, as a gamma of
    shape and weeks; and the chance of leaving after an order, as a beta. `regularity`: shape of the gamma of times
    between orders; 1: as chance has it (BG/NBD), above it: more even. `spend`: of gamma-gamma (Fader and Hardie 2013),
    in major units. `months`, `weekdays` (Monday first) and `hours` weigh time; only their proportions count.

    Shares are of completed orders, `unpaid` of all that are placed. `prices` are the lowest and the highest of the
    catalogue's, in major units.
    """

    name: str
    currency: str
    zone: str
    language: str
    rate: tuple[float, float]
    regularity: float
    dropout: tuple[float, float]
    spend: tuple[float, float, float]
    prices: tuple[float, float]
    products: int
    most_units: int
    """Of one product in an order."""
    categories: tuple[str, ...]
    months: tuple[float, ...]
    weekdays: tuple[float, ...]
    hours: tuple[float, ...]
    unpaid: float
    refunded: float
    whole: float
    """Of the refunds, those of the whole order."""


_EVENINGS = (1, 0.5, 0.3, 0.2, 0.2, 0.3, 0.8, 1.5, 2, 2.5, 3, 3, 3.5, 3, 3, 3, 3, 3.5, 4, 5, 6, 6, 4.5, 2.5)
_WORKING_HOURS = (0, 0, 0, 0, 0, 0, 0.1, 0.6, 2, 4, 6, 6, 7, 6, 6, 6, 4, 2, 0.6, 0.4, 0.2, 0, 0, 0)
_EVEN = (1.0,) * 12
KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        # CDNOW's customers of 1997: parameters as published for the sample's 39 weeks.
        Kind(
            name="music",
            currency="USD",
            zone="America/New_York",
            language="en",
            rate=(0.243, 4.414),
            regularity=1.0,
            dropout=(0.793, 2.426),
            spend=(6.25, 3.74, 15.44),
            prices=(5.97, 29.97),
            products=2_000,
            most_units=6,
            categories=("rock", "pop", "jazz", "classical", "soundtracks", "box sets"),
            months=_EVEN,
            weekdays=(1.1, 1.1, 1.05, 1.05, 1, 0.85, 0.85),
            hours=_EVENINGS,
            unpaid=0.02,
            refunded=0.03,
            whole=0.7,
        ),
        # A gift shop with many wholesalers: fitted to UCI Online Retail, whose customers hardly leave within the year.
        Kind(
            name="gifts",
            currency="GBP",
            zone="Europe/London",
            language="en",
            rate=(0.7, 8.5),
            regularity=1.5,
            dropout=(0.35, 16.0),
            spend=(2.75, 3.48, 395.0),
            prices=(0.85, 24.95),
            products=3_000,
            most_units=300,
            categories=("kitchen", "party", "christmas", "bags", "candles", "stationery", "garden", "toys"),
            months=(0.75, 0.75, 0.95, 0.85, 1.05, 0.95, 0.9, 0.9, 1.2, 1.3, 1.6, 1.0),
            weekdays=(1.0, 1.1, 1.15, 1.35, 0.75, 0, 0.95),
            hours=_WORKING_HOURS,
            unpaid=0.03,
            refunded=0.12,
            whole=0.2,
        ),
        # What is used up and bought again.
        Kind(
            name="tea",
            currency="CNY",
            zone="Asia/Shanghai",
            language="zh",
            rate=(1.1, 7.0),
            regularity=1.3,
            dropout=(0.6, 4.0),
            spend=(5.0, 4.0, 110.0),
            prices=(19.0, 398.0),
            products=160,
            most_units=8,
            categories=("绿茶", "红茶", "乌龙茶", "普洱茶", "白茶", "花茶", "茶具"),
            months=(1.1, 0.7, 1.0, 1.15, 0.95, 1.1, 0.9, 0.85, 1.05, 1.0, 1.5, 1.1),
            weekdays=(1, 1, 1, 1, 1, 1.05, 1.1),
            hours=_EVENINGS,
            unpaid=0.06,
            refunded=0.05,
            whole=0.6,
        ),
    )
}
"""Each kind by its name."""
