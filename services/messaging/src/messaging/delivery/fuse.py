"""The fuse of a channel: refusals of us pause it for all shops, or for the shop whose sender is refused."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from common.events.customers import Channel
from common.storage.database import Transaction
from messaging.channels.protocol import Trouble
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
        self._in_a_row: dict[str, int] = {}
        self._known: list[Pause] = []

    async def look(self, tx: Transaction) -> list[Pause]:
        """The pauses as they stand."""
        self._known = await pauses.list_pauses(tx, self._channel)
        SENDS_PAUSED.labels(self._channel).set(len(self._known))
        return self._known

    async def record(self, tx: Transaction, accepted: Iterable[str], refused: Iterable[tuple[str, Trouble]]) -> None:
        """Take in what came of hand-offs, by shop: which were accepted, which met trouble."""
        through = set(accepted)
        for shop in through:
            self._in_a_row.pop(shop, None)
        if through and self._known:
            await pauses.end_pauses(tx, self._channel, [ALL_SHOPS, *sorted(through)])
        for shop, trouble in refused:
            scope = ALL_SHOPS if trouble.scope == "channel" else shop
            in_a_row = self._in_a_row[scope] = self._in_a_row.get(scope, 0) + 1
            on_trial = any(p.shop == scope and p.over for p in self._known)
            if trouble.at_once or on_trial or in_a_row >= IN_A_ROW:
                await self._pause(tx, scope, trouble)

    async def _pause(self, tx: Transaction, shop: str, trouble: Trouble) -> None:
        first, longest = (AWAY_FIRST_S, AWAY_LONGEST_S) if trouble.away else (FIRST_S, LONGEST_S)
        seconds = await pauses.save_pause(
            tx, self._channel, shop, trouble.stage, trouble.reason, trouble.reply, first, longest
        )
        if seconds is not None:
            log.warning(
                "channel_paused",
                channel=self._channel,
                shop=shop or None,
                for_s=seconds,
                stage=trouble.stage,
                reason=trouble.reason,
                reply=trouble.reply,
            )
