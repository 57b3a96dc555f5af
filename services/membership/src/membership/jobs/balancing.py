"""The walk round the ledgers for the metric of imbalance: all causes, some customers at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from common.events import CustomerKey
from common.storage.database import Transaction
from common.work.sweeps import Job
from membership.histories import ranges
from membership.ledger import store as ledgers
from membership.ledger.legs import BOOKS
from membership.metrics import LEDGER_IMBALANCE

log = structlog.get_logger()
ROUND = timedelta(minutes=1)
"""A new round begins at most so often; one of many customers takes some each sweep until it is done."""


class Walk:
    """Where the walk is, and what it has found out of balance: by book, debits less credits of the causes, all taken
    as positive so that two mistakes do not make a right."""

    def __init__(self) -> None:
        self._after: CustomerKey = ranges.BEGINNING
        self._begun: datetime | None = None
        self._found = dict.fromkeys(BOOKS, 0)
        self.imbalance = dict.fromkeys(BOOKS, 0)

    async def batch(self, tx: Transaction, now: datetime, limit: int) -> int:
        """Look at the next customers' causes. Returns 0: it is never work that a round of sweeps must wait for."""
        if self._after == ranges.BEGINNING and self._begun is not None and self._begun <= now < self._begun + ROUND:
            return 0
        if self._after == ranges.BEGINNING:
            self._begun, self._found = now, dict.fromkeys(BOOKS, 0)
        last = await ranges.next_key(tx, self._after, limit)
        for row in await ledgers.unbalanced_causes(tx, self._after, last):
            # Legs that cannot be read are out of balance by nobody knows how much.
            self._found[row.book] += max(abs(int(row.amount)), int(row.damaged))
            log.error(
                "ledger_imbalance",
                shop=row.shop,
                book=row.book,
                cause=row.cause,
                amount=int(row.amount),
                damaged=row.damaged,
            )
        self._after = last or ranges.BEGINNING
        for book in BOOKS:
            # What the last round found stands until this one has come round.
            complete = last is None
            known = self._found[book] if complete else max(self._found[book], self.imbalance[book])
            self.imbalance[book] = known
            LEDGER_IMBALANCE.labels(book).set(known)
        return 0


def job() -> Job:
    return Job("balance", Walk().batch)
