"""Starts a stack in the background, asks its parts, and stops them to the last process."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from regulars.stack import postgres_binaries
from regulars.stack.errors import FolderHeld, StackError
from regulars.stack.folder import end_leftovers, lock, usable
from regulars.stack.local import serve
from regulars.stack.plan import PLAN_VARIABLE, Plan
from regulars.stack.process import signal_group, tail
from regulars.stack.services import SERVICES, Service, environment
from regulars.stack.state import ProcessId, StackState, running, state_file
from regulars.stack.supervisor import follow

_STOP_WITHIN_S = 90.0
# Stacks outlive the command that started them; a handle that is let go while its process runs would warn.
_started: list[subprocess.Popen[bytes]] = []


def up(plan: Plan, report: Callable[[str], None]) -> StackState:
    """Start the stack in the background and wait until every service is ready; a stack that runs is left as it is.

    Raises StackError with the reason and the end of the log when it does not come up; then nothing is left running.
    """
    usable(plan.folder)
    known = StackState.load(state_file(plan.folder))
    if known is not None and known.phase == "ready" and known.supervisor.is_alive():
        report(f"a stack runs from {plan.folder} already")
        return known
    log = plan.folder / "logs" / "stack.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "regulars.stack.local"],
            env=os.environ | {PLAN_VARIABLE: plan.to_json(), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE if plan.tied else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _started.append(process)
    try:
        return _wait_ready(process, plan.folder, log, report)
    except (KeyboardInterrupt, SystemExit):
        process.terminate()
        process.wait(_STOP_WITHIN_S)
        raise


def _wait_ready(process: subprocess.Popen[bytes], folder: Path, log: Path, report: Callable[[str], None]) -> StackState:
    said = ""
    while True:
        ended = process.poll() is not None
        if process.returncode == FolderHeld.EXIT:
            return _wait_for_the_other(folder, report)
        state = StackState.load(state_file(folder))
        ours = state is not None and state.supervisor.pid == process.pid
        if state is not None and ours and state.phase != said and not ended:
            said = state.phase
            report(said)
            if said == "ready":
                return state
        if ended:
            raise StackError((state.error if state is not None and ours else "") or tail(log))
        time.sleep(0.1)


def _wait_for_the_other(folder: Path, report: Callable[[str], None]) -> StackState:
    """The stack that somebody else is starting from this folder, when it is ready. Raises StackError if it fails."""
    report(f"a stack is being started from {folder} already; waiting for it")
    while True:
        state = StackState.load(state_file(folder))
        alive = state is not None and state.supervisor.is_alive()
        if state is not None and alive and state.phase == "ready":
            return state
        if not alive and _is_free(folder):
            raise StackError((state.error if state is not None else "") or f"the stack of {folder} did not come up")
        time.sleep(0.1)


def _is_free(folder: Path) -> bool:
    try:
        lock(folder).close()
    except FolderHeld:
        return False
    return True


def stacks_in(folder: Path) -> list[Path]:
    """Folders of stacks: the folder itself, and those right below it, such as the demo's."""
    return [
        each for each in (folder, *sorted(p.parent for p in folder.glob("*/stack.json"))) if state_file(each).exists()
    ]


def serve_here(plan: Plan, report: Callable[[str], None]) -> None:
    """Run the stack in this process until Ctrl-C, and show what its parts say. Raises StackError."""

    async def run() -> None:
        ended = asyncio.Event()
        following = asyncio.create_task(follow(plan.folder / "logs", report, ended))
        try:
            await serve(plan, report, asyncio.Event())
        finally:
            ended.set()
            await following

    asyncio.run(run())


@dataclass(frozen=True, slots=True)
class Ended:
    """What `down` did: the folders of the stacks that it ended, and how many processes had to be killed."""

    stacks: list[Path]
    killed: int


def down(folder: Path, *, purge: bool = False) -> Ended:
    """End the stacks of this folder and of those right below it (the demo's), and what killed ones left running.

    Idempotent. With ``purge`` the folder's data, logs and secrets are deleted as well.
    """
    stacks, killed = [], 0
    for each in stacks_in(folder):
        ran, left = _end(each)
        killed += left
        if ran:
            stacks.append(each)
    for process in _started:
        process.poll()
    if purge:
        places = {folder, *(each.parent for each in folder.glob("*/postgres"))}
        shutil.rmtree(folder, ignore_errors=True)
        for place in places:
            shutil.rmtree(postgres_binaries.shared_place("data", place / "postgres"), ignore_errors=True)
    return Ended(stacks, killed)


def _end(folder: Path) -> tuple[bool, int]:
    """Whether anything of the folder's stack ran, and how many of its processes had to be killed."""
    state = StackState.load(state_file(folder))
    if state is None:
        return False, 0
    ran = state.supervisor.is_alive()
    killed = 0
    if ran:
        os.kill(state.supervisor.pid, signal.SIGTERM)
        _wait_gone(state.supervisor)
        if state.supervisor.is_alive():
            signal_group(state.supervisor.pid, signal.SIGKILL)
            killed += 1
    # Parts that were started again meanwhile stand in the state as it was written last.
    left = end_leftovers(folder)
    last = StackState.load(state_file(folder)) or state
    for each in last.processes.values():
        _wait_gone(each)
    state_file(folder).unlink(missing_ok=True)
    return ran or bool(left), killed + len(left)


def _wait_gone(process: ProcessId) -> None:
    deadline = time.monotonic() + _STOP_WITHIN_S
    while process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.05)


def chosen(names: tuple[str, ...]) -> tuple[Service, ...]:
    """The services with these names, all when none is named. Raises StackError for a name that no service has."""
    known = {service.name: service for service in SERVICES}
    for name in names:
        if name not in known:
            raise StackError(f"there is no service {name!r}; there are {', '.join(known)}")
    return tuple(known[name] for name in names) if names else SERVICES


def run_in_services(folder: Path, verb: str, services: tuple[Service, ...]) -> int:
    """Run ``python -m <package>.main <verb>`` for each, with the running stack's settings; gives the worst exit code.

    The output goes to the terminal. Raises StackError when no stack runs, or a service is not part of it.
    """
    state = running(folder)
    worst = 0
    for service in services:
        if service.name not in state.services:
            raise StackError(f"{service.name} is not part of the stack that runs from {folder}")
        argv = [sys.executable, "-m", f"{service.package}.main", verb]
        code = subprocess.run(argv, env=environment(state.services[service.name]), check=False).returncode
        worst = max(worst, abs(code))
    return worst


def verify_console(folder: Path, known: str | None) -> int:
    """Follow the console's audit entries; gives the exit code, 0 where the stack has no console. `known`: how far an
    earlier one said that they go. Raises StackError where that is given, and there is no console."""
    state = running(folder)
    if not state.console:
        if known is not None:
            raise StackError("this stack has no console: --known is of a console's record")
        return 0
    argv = [sys.executable, "-m", "console.main", "verify", *(["--known", known] if known is not None else [])]
    return abs(subprocess.run(argv, env=environment(state.console), check=False).returncode)


def first_invitation(state: StackState) -> str | None:
    """A one-time link for the first owner of the stack's console; None once there are people, or without a console."""
    return _invite(state, "--first-owner") or None if state.console else None


def invitation(state: StackState, shop: str, role: str) -> str:
    """A one-time link for one more person of the shop. Raises StackError."""
    if not state.console:
        raise StackError("this stack has no console: start one with: regulars up")
    return _invite(state, "--shop", shop, "--role", role)


def recovery(state: StackState, name: str) -> str:
    """A one-time link by which a person of the stack's console chooses a new password. Raises StackError."""
    if not state.console:
        raise StackError("this stack has no console: start one with: regulars up")
    return _link(state, "recover", "--name", name)


def _invite(state: StackState, *arguments: str) -> str:
    return _link(state, "invite", *arguments)


def _link(state: StackState, *arguments: str) -> str:
    argv = [sys.executable, "-m", "console.main", *arguments]
    ended = subprocess.run(argv, env=environment(state.console), check=False, capture_output=True, text=True)
    if ended.returncode:
        raise StackError(f"the console could not make a link: {_last_line(ended.stderr)}")
    return ended.stdout.strip()


def _last_line(text: str) -> str:
    """The last line, which says what is wrong."""
    return text.strip().rpartition("\n")[2]
