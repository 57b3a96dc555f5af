"""Whether a shop's requests can be served: its settings are here, or on their way."""

from __future__ import annotations

import time

from common.process.runtime import Runtime
from common.shops.following import Follower
from common.shops.settings import SettingsNotRead, ShopNotSetUp

SETTINGS_OWNER = "orders-ingest"
SETTINGS_WITHIN_S = 2.0
"""How long a request waits for its shop's settings, which came to orders-ingest and not yet here."""
WAITING_AT_ONCE = 50


async def check_set_up(runtime: Runtime, shop: str) -> None:
    """Raises ShopNotSetUp; SettingsNotRead where this process is known to be behind on the topic `shops`.

    orders-ingest sets them and announces them on a topic: what was set a moment ago is waited for, by some requests
    at once and not by all, so that requests for a shop that nobody sets up do not pile up.
    """
    if not await runtime.shops.missing({shop}):
        return
    follower = runtime.follower
    if follower is None or not follower.running or runtime.name == SETTINGS_OWNER:
        raise ShopNotSetUp(shop)
    if runtime.waiting < WAITING_AT_ONCE:
        runtime.waiting += 1
        try:
            if await _comes(runtime, shop, follower):
                return
        finally:
            runtime.waiting -= 1
    raise SettingsNotRead(shop) if follower.behind else ShopNotSetUp(shop)


async def _comes(runtime: Runtime, shop: str, follower: Follower) -> bool:
    deadline = time.monotonic() + SETTINGS_WITHIN_S
    while (left := deadline - time.monotonic()) > 0:
        await follower.more(left)
        if not await runtime.shops.missing({shop}):
            return True
    return False
