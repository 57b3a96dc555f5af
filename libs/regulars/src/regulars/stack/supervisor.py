"""The supervisor: restarts the parts that end, and ends them all."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from regulars.stack.errors import PartDied
from regulars.stack.forking import ForkedProcess, ForkServer
from regulars.stack.process import Command, popen_options, signal_group, tail

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0
# A child that lived this long was healthy: its next end is a new fault and not the old one again.
_HEALTHY_AFTER_S = 10.0


@dataclass(slots=True)
class Child:
    """A command that is to run until it is stopped."""

    command: Command
    log: Path
    process: Process | ForkedProcess | None = None
    restarts: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """Starts commands, starts each again when it ends (after 0.2, 0.4, 0.8 … 10 s), and stops them last first.

    Use as an async context manager on the main thread; leaving it stops every child. ``changed`` is called whenever
    a child has another process id, ``report`` with a sentence for the operator. With ``forks`` the commands that may
    be forks are.
    """

    def __init__(
        self,
        logs: Path,
        *,
        report: Callable[[str], None],
        changed: Callable[[], None],
        forks: ForkServer | None = None,
    ) -> None:
        self._logs = logs
        self._forks = forks
        self._report = report
        self._changed = changed
        self._group = asyncio.TaskGroup()
        self.children: dict[str, Child] = {}

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop_all()
        finally:
            await self._group.__aexit__(kind, error, trace)

    async def start(self, command: Command) -> Child:
        """Start the command and keep it up; returns once its process exists."""
        child = Child(command, self.log_of(command.name))
        self.children[command.name] = child
        await self._spawn(child)
        self._group.create_task(self._keep(child), name=command.name)
        return child

    def log_of(self, name: str) -> Path:
        """Where the output of the command with this name goes."""
        return self._logs / f"{name}.log"

    async def run(self, command: Command) -> None:
        """Run the command to its end. Raises PartDied with the end of its output when it fails."""
        child = Child(command, self.log_of(command.name))
        process = await self._spawn(child)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await _end(child)
            raise
        if code != 0:
            raise PartDied(f"{command.name} failed with exit code {code} ({child.log}):\n{tail(child.log)}")

    async def _spawn(self, child: Child) -> Process | ForkedProcess:
        child.log.parent.mkdir(parents=True, exist_ok=True)
        if child.command.forked and self._forks is not None:
            child.process = await self._forks.spawn(child.command, child.log)
        else:
            # The child writes to the file itself: its last words are kept even when we are killed first.
            with child.log.open("ab") as output:
                child.process = await asyncio.create_subprocess_exec(
                    *child.command.argv, stdout=output, stderr=output, **popen_options(child.command)
                )
        self._changed()
        return child.process

    async def _keep(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE_S
        try:
            while True:
                began = loop.time()
                assert child.process is not None
                code = await child.process.wait()
                if child.stopping.is_set():
                    return
                signal_group(child.process.pid, signal.SIGKILL)
                if loop.time() - began > _HEALTHY_AFTER_S:
                    pause = _FIRST_PAUSE_S
                child.restarts += 1
                self._report(
                    f"{child.command.name} ended with {code}; starting it again in {pause:.1f} s ({child.log})"
                )
                if await _set_within(child.stopping, pause):
                    return
                pause = min(pause * 2, _LONGEST_PAUSE_S)
                await self._spawn(child)
        finally:
            child.ended.set()

    async def stop_all(self) -> None:
        """Stop the children in the opposite order of their start: services before what they stand on."""
        for child in reversed(list(self.children.values())):
            await self.stop([child])

    async def stop(self, children: Sequence[Child]) -> None:
        """Stop these children at once, each with its signal, and kill the group of what does not end in time."""
        for child in children:
            child.stopping.set()
        await asyncio.gather(*(_end(child) for child in children))
        for child in children:
            self.children.pop(child.command.name, None)
        self._changed()


async def _end(child: Child) -> None:
    process = child.process
    if process is None:
        return
    if process.returncode is None:
        process.send_signal(child.command.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), child.command.stop_timeout_s)
        except TimeoutError:
            signal_group(process.pid, signal.SIGKILL)
            await process.wait()
    signal_group(process.pid, signal.SIGKILL)


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def follow(logs: Path, write: Callable[[str], None], stop: asyncio.Event) -> None:
    """Give every new line of every log in the folder, prefixed with the part's name, until it is to stop."""
    read: dict[Path, int] = {file: file.stat().st_size for file in logs.glob("*.log")}
    while True:
        ending = await _set_within(stop, 0.2)
        for file in sorted(logs.glob("*.log")):
            with file.open("rb") as log:
                log.seek(read.get(file, 0))
                new = log.read()
            # A line that is still being written waits for its end.
            whole = new if ending else new[: new.rfind(b"\n") + 1]
            read[file] = read.get(file, 0) + len(whole)
            for line in whole.decode(errors="replace").splitlines():
                write(f"{file.stem:>14} | {line}")
        if ending:
            return
