"""P10: membership's `verify`, after what the other measurements have left in its ledger."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import asyncpg

from bench import machine
from bench.figures import Figure, Result
from bench.living import Living
from bench.servers import ROOT, Failed
from common.storage.migrate import driver_url
from regulars.stack.services import environment

LEGS = 1_000_000


async def measure(stack: Living, result: Result) -> None:
    """The command as an operator runs it, while the service goes on; its time is scaled to a million legs."""
    settings = stack.state.services["membership"]
    load = machine.load()
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "membership.main", "verify"),
        env=os.environ | environment(settings),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    seconds = time.perf_counter() - began
    if process.returncode != 0:
        raise Failed(f"verify ended with {process.returncode}:\n{said.decode()[-2000:]}")
    connection = await asyncpg.connect(driver_url(settings["DATABASE_URL"]))
    try:
        legs = int(await connection.fetchval("select count(*) from ledger_legs"))
        members = int(await connection.fetchval("select count(*) from customers"))
    finally:
        await connection.close()
    result.figures.append(
        Figure(
            "P10",
            "verify of membership, for each 1,000,000 legs of the ledger",
            seconds * LEGS / legs,
            "s",
            load,
            most=30,
        )
    )
    result.notes.append(
        f"P10: {legs:,} legs of {members:,} customers in {seconds:.1f} s, start of the process included; what a "
        "million would take is in proportion, not measured. Every member is folded anew, every balance, redemption and "
        f"leg compared, and every claim with the topics. Its last line: {said.decode().strip().splitlines()[-1]}"
    )
