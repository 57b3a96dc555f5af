"""P11: how soon a stack is ready, and what it holds while nothing happens."""

from __future__ import annotations

import asyncio

from bench import machine
from bench.figures import Figure, Result
from bench.living import Living


async def measure(stack: Living, result: Result, rests_s: float) -> None:
    """Of a stack that has just been started, and rests for so long."""
    load = machine.load()
    result.figures.append(
        Figure("P11", "a stack starts, until every service is ready", stack.started_s, "s", load, most=10)
    )
    before = stack.cpu()
    await asyncio.sleep(rests_s)
    spent = sum(stack.cpu().values()) - sum(before.values())
    memory = stack.memory()
    result.figures.append(
        Figure("P11", "an idle stack, broker and database included", sum(memory.values()), "MB", load, most=1_000)
    )
    largest = sorted(memory.items(), key=lambda each: -each[1])
    result.notes.append(
        f"P11: idle, all processes together use {spent / rests_s:.0%} of one core; MB of each: "
        + ", ".join(f"{name} {mb:.0f}" for name, mb in largest)
        + ". How long a demo takes it says itself."
    )
