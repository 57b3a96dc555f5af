"""The supervisor's side of the fork server: asks for a process, and learns that it has ended."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections import deque
from pathlib import Path
from typing import Any, Self

from regulars.stack.errors import PartDied
from regulars.stack.process import Command, popen_options, signal_group, tail

PRELOADED = (
    "common.service.commands",
    "uvloop",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.httptools_impl",
    "sqlalchemy.dialects.postgresql.asyncpg",
)
"""What all services read before anything of their own: nine tenths of the time that each needs to start."""


class ForkedProcess:
    """A process that the fork server started; used as `asyncio.subprocess.Process` is."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        """Exit code, -n when signal n ended it; None while it runs."""
        return self._code.result() if self._code.done() else None

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        return await asyncio.shield(self._code)

    def send_signal(self, number: signal.Signals) -> None:
        """Signal it; nothing is done where it has ended."""
        if not self._code.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def ended(self, code: int) -> None:
        """Said by the fork server."""
        if not self._code.done():
            self._code.set_result(code)


class ForkServer:
    """`regulars.stack.fork_server` as a child; use as an async context manager on the main thread.

    Entering starts it and does not wait until it has read the libraries. Should it end, all that it has started is
    killed, and the next `spawn` starts it again.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._starting: deque[asyncio.Future[ForkedProcess]] = deque()
        self._running: dict[int, ForkedProcess] = {}

    @property
    def pid(self) -> int | None:
        """Its process id; None while it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def spawn(self, command: Command, log: Path) -> ForkedProcess:
        """Start `python -m module args` as a fork. Raises PartDied when the fork server ends instead."""
        # All that a dead fork server had started is started again at one moment: the first starts the next one.
        async with self._lock:
            if self._reading is None or self._reading.done():
                await self._start()
        assert self._writer is not None
        _, _, module, *args = command.argv
        request = {"name": command.name, "module": module, "args": args, "env": dict(command.env), "log": str(log)}
        started: asyncio.Future[ForkedProcess] = asyncio.get_running_loop().create_future()
        self._starting.append(started)
        self._writer.write(json.dumps(request).encode() + b"\n")
        return await started

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        command = Command(
            "fork-server",
            [sys.executable, "-m", "regulars.stack.fork_server", str(theirs.fileno()), *PRELOADED],
            os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with theirs, self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *command.argv, stdout=output, stderr=output, pass_fds=[theirs.fileno()], **popen_options(command)
            )
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._reading = asyncio.create_task(self._read(reader, self._writer), name="fork-server")

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            async for line in reader:
                self._take(json.loads(line))
            writer.close()
            await writer.wait_closed()
        # It is gone, and the kernel has ended its children; they are not waited for.
        for process in self._running.values():
            signal_group(process.pid, signal.SIGKILL)
            process.ended(-signal.SIGKILL)
        self._running.clear()
        while self._starting:
            self._starting.popleft().set_exception(PartDied(f"the fork server ended ({self._log}):\n{tail(self._log)}"))

    def _take(self, answer: dict[str, Any]) -> None:
        if "started" in answer:
            process = ForkedProcess(answer["started"])
            self._running[process.pid] = process
            self._starting.popleft().set_result(process)
        else:
            self._running.pop(answer["ended"]).ended(answer["code"])
