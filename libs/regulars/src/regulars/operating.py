"""How are a stack's parts started in the background, asked, and stopped to the last process?"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from regulars.stack import postgres_binaries
from regulars.stack.errors import StackError
from regulars.stack.local import PLAN_VARIABLE, Plan, serve
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
    known = StackState.load(state_file(plan.folder))
    if known is not None and known.phase == "ready" and known.supervisor.is_alive():
        report(f"a stack runs from {plan.folder} already")
        return known
    plan.folder.mkdir(parents=True, exist_ok=True)
    log = plan.folder / "logs" / "stack.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "regulars.stack.local"],
            env=os.environ | {PLAN_VARIABLE: plan.to_json(), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
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


def down(folder: Path, *, purge: bool = False) -> int:
    """Stop exactly what ``up`` started from this folder; gives the number of processes that had to be killed.

    Idempotent. With ``purge`` the folder's data, logs and secrets are deleted as well.
    """
    state = StackState.load(state_file(folder))
    killed = 0
    if state is not None:
        if state.supervisor.is_alive():
            os.kill(state.supervisor.pid, signal.SIGTERM)
            _wait_gone(state.supervisor)
        # Written anew by the supervisor whenever a part was started again.
        last = StackState.load(state_file(folder)) or state
        for each in [last.supervisor, *state.processes.values(), *last.processes.values()]:
            if each.is_alive():
                signal_group(each.pid, signal.SIGKILL)
                killed += 1
        state_file(folder).unlink(missing_ok=True)
        for process in _started:
            process.poll()
    if purge:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(postgres_binaries.shared_place("data", folder / "postgres"), ignore_errors=True)
    return killed


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
