"""The fuse of a channel: refusals of us pause it for all shops, a shop whose sender is refused, or an address."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import structlog

from common.events.customers import Channel
from common.storage.database import Transaction
from messaging.channels.protocol import Trouble
from messaging.delivery.state import Place
from messaging.delivery.store import pauses
from messaging.delivery.store.pauses import ALL_SHOPS, Pause
from messaging.metrics import SENDS_PAUSED

log = structlog.get_logger()
IN_A_ROW = 5
"""So many refusals of one shop's messages, none accepted between, are about the shop and not about its recipients."""
FIRST_S, LONGEST_S = 10.0, 900.0
AWAY_FIRST_S, AWAY_LONGEST_S = 2.0, 60.0
"""Of a provider that cannot be reached: it may only be starting."""


class Fuse:
    """Begins and ends the pauses of one channel. Counts of refusals are this process's own, pauses are everybody's."""

    def __init__(self, channel: Channel) -> None:
        self._channel: Channel = channel
        self._in_a_row: dict[Place, int] = {}
        self._known: list[Pause] = []

    async def look(self, tx: Transaction) -> list[Pause]:
        """The pauses as they stand, but for those of addresses."""
        self._known = await pauses.list_pauses(tx, self._channel)
        SENDS_PAUSED.labels(self._channel).set(len(self._known))
        return self._known

    async def record(
        self,
        tx: Transaction,
        through: Collection[str],
        trials: Collection[Place],
        refused: Iterable[tuple[Place, Trouble]],
    ) -> None:
        """Take in what came of hand-offs: shops of which some were accepted, addresses on trial that took one, and
        what met trouble."""
        for shop in through:
            self._in_a_row.pop(Place(shop), None)
        if trials:
            await pauses.end_trials(tx, self._channel, trials)
        if through and self._known:
            await pauses.end_pauses(tx, self._channel, [ALL_SHOPS, *sorted(through)])
        for place, trouble in refused:
            if place.address:  # one refusal of a robot is about that robot
                await self._pause(tx, place, trouble)
                continue
            in_a_row = self._in_a_row[place] = self._in_a_row.get(place, 0) + 1
            on_trial = any(p.shop == place.shop and p.over for p in self._known)
            if trouble.at_once or on_trial or in_a_row >= IN_A_ROW:
                await self._pause(tx, place, trouble)

    async def _pause(self, tx: Transaction, place: Place, trouble: Trouble) -> None:
        first, longest = (AWAY_FIRST_S, AWAY_LONGEST_S) if trouble.away else (FIRST_S, LONGEST_S)
        seconds = await pauses.save_pause(
            tx, self._channel, place, trouble.stage, trouble.reason, trouble.reply, first, longest
        )
        if seconds is not None:
            log.warning(
                "channel_paused",
                channel=self._channel,
                shop=place.shop or None,
                address=place.address.hex() or None,
                for_s=seconds,
                stage=trouble.stage,
                reason=trouble.reason,
                reply=trouble.reply,
            )
