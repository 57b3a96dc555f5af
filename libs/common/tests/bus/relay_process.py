"""A process that is nothing but a relay: `python relay_process.py DATABASE_URL SERVERS`. Says when it is the holder."""

import asyncio
import sys

from common.bus.relay import Relay
from common.storage.database import Database


async def main(url: str, servers: str) -> None:
    relay = Relay(Database(url, service="toy"), servers, "toy")
    running = asyncio.create_task(relay.run())
    said = False
    print("up", flush=True)
    while not running.done():
        if relay.holder and not said:
            print("holder", flush=True)
        said = relay.holder
        await asyncio.sleep(0.02)
    running.result()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
