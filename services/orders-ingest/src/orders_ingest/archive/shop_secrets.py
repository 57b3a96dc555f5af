"""Shops' secrets that stand in their settings, sealed, as hex: counted, and sealed anew (S6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from common.crypto.master import MasterKeys, head_of, sealed_with
from common.crypto.sealed import Row, say_broken
from common.crypto.sealing import SealBroken
from common.storage.database import Transaction
from orders_ingest.archive.vault import ARCHIVE


@dataclass(frozen=True, slots=True)
class SealedSecrets:
    """What `field` holds, one secret or a list, of each setting `<prefix><vendor>`; `place(shop, vendor)`: what it is
    sealed to."""

    prefix: str
    field: str
    place: Callable[[str, str], str]

    @property
    def name(self) -> str:
        return f"settings.{self.prefix}{self.field}"

    async def count(self, tx: Transaction) -> dict[str, int]:
        found = Counter[str]()
        for row in await self._settings(tx, [""]):
            found.update(sealed_with(bytes.fromhex(one)) for one in _each(row.value[self.field]))
        return found

    async def anew(self, tx: Transaction, master: MasterKeys, broken: set[Row]) -> int:
        done = 0
        for row in await self._settings(tx, [head_of(key_id).hex() for key_id in master.replaced], lock=True):
            place, kept = self.place(row.shop, row.key.removeprefix(self.prefix)).encode(), row.value[self.field]
            if (row.shop, row.key) in broken:
                continue
            try:
                sealed = [master.reseal(ARCHIVE, bytes.fromhex(one), aad=place).hex() for one in _each(kept)]
            except SealBroken as error:
                say_broken(self.name, (row.shop, row.key), error, broken)
                continue
            done += await tx.execute(
                "update settings set value = cast(:value as jsonb) where shop = :shop and key = :key",
                shop=row.shop,
                key=row.key,
                value=orjson.dumps(row.value | {self.field: sealed if isinstance(kept, list) else sealed[0]}).decode(),
            )
        return done

    async def _settings(self, tx: Transaction, heads: Iterable[str], *, lock: bool = False) -> Iterable[Any]:
        """Those with a secret that begins so. One pass over the settings, some rows a shop."""
        return await tx.fetch(
            f"""
            select shop, key, value from settings
            where starts_with(key, :prefix) and cast(value -> :field as text) like any(cast(:heads as text[]))
            {"for update skip locked" if lock else ""}
            """,
            prefix=self.prefix,
            field=self.field,
            heads=[f'%"{head}%' for head in heads],
        )


def _each(kept: str | list[str]) -> list[str]:
    return kept if isinstance(kept, list) else [kept]
