"""Waits for processes to end."""

import asyncio

import psutil


async def gone(pid: int) -> None:
    """Wait until it has ended; who has been killed may live for another moment. pytest's own timeout ends the wait."""
    while _runs(pid):
        await asyncio.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
