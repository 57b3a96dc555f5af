"""The whole stack on one machine: its parts, and the order in which they come up."""

import asyncio
import contextlib
import http.client
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable

from regulars.stack.databases import as_role, ensure_database, role_of
from regulars.stack.errors import FolderHeld, PartDied, StackError
from regulars.stack.folder import end_leftovers, lock
from regulars.stack.forking import ForkServer
from regulars.stack.kafka import KafkaCluster
from regulars.stack.kafka_probe import live_brokers
from regulars.stack.plan import PLAN_VARIABLE, Plan
from regulars.stack.ports import free_port, listens
from regulars.stack.postgres import PostgresServer
from regulars.stack.process import Command, tail
from regulars.stack.services import CONSOLE, Service, Surroundings, environment, settings_of, settings_of_console
from regulars.stack.state import ProcessId, Secrets, StackState, process_name, state_file
from regulars.stack.supervisor import Child, Supervisor

# Generous: importing five services at once takes two busy cores a minute and more.
_READY_WITHIN_S = 300.0
_TOO_MANY_RESTARTS = 4


class LocalStack:
    """Brings one plan up, keeps it up, and takes it down again. Must run on the main thread."""

    def __init__(self, plan: Plan, report: Callable[[str], None]) -> None:
        self._plan = plan
        self._report = report
        supervisor = ProcessId.of(os.getpid())
        assert supervisor is not None
        self._file = state_file(plan.folder)
        self._state = StackState("starting", supervisor)
        logs = plan.folder / "logs"
        # Elsewhere a process that was forked and not started anew may not use the system's libraries (macOS).
        self._forks = ForkServer(logs / "fork-server.log") if sys.platform == "linux" else None
        self._parts = Supervisor(logs, report=report, changed=self._save, forks=self._forks)
        self._secrets = Secrets.load_or_draw(
            plan.folder / "secrets.json",
            [name for each in (*plan.services, *self._consoles()) for name in (each.database, role_of(each.database))],
        )

    def _consoles(self) -> list[Service]:
        return [CONSOLE] if self._plan.console else []

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set. Raises StackError, after taking everything down, when a part does not start."""
        try:
            async with self._forks or contextlib.nullcontext(), self._parts:
                await _unless_stopped(self._bring_up(), stop)
                await stop.wait()
                self._phase("stopping")
                services = [child for name, child in self._parts.children.items() if name in self._processes()]
                await self._parts.stop(services)
        except BaseExceptionGroup as group:
            # Leaving the task group wraps what went wrong; the operator wants the sentence itself.
            raise _first(group) from group
        finally:
            self._state.phase = "stopped"
            self._save()

    def _processes(self) -> set[str]:
        return {*self._state.all_processes(), *(each.name for each in self._consoles())}

    async def _bring_up(self) -> None:
        self._state.api_key = self._secrets.api_key
        self._phase("starting PostgreSQL and Kafka (the first start ever downloads Kafka, some 20 s)")
        (postgres, databases), kafka, mail = await asyncio.gather(self._databases(), self._topics(), self._mail())
        self._state.postgres, self._state.kafka = postgres, kafka
        around = Surroundings(
            kafka,
            self._secrets.master_key,
            self._secrets.api_key,
            self._plan.log_level,
            self._plan.set_clock,
            mail,
            self._secrets.further_keys,
            str(self._plan.folder / "photos"),
        )
        for service in self._plan.services:
            port = free_port(service.port)
            self._state.services[service.name] = settings_of(service, port, databases[service.name], around)
            first = self._state.services[service.name]
            for number in range(2, self._plan.processes + 1):
                self._state.others[process_name(service.name, number)] = settings_of(
                    service, free_port(), databases[service.name], around, public_port=int(first["HTTP_PORT"])
                )
        for console in self._consoles():
            self._state.console = settings_of_console(
                free_port(console.port), databases[console.name], around, self._state.services
            )
        self._phase("starting the services, which bring their databases up to date")
        started = (*self._plan.services, *self._consoles())
        children = [await self._parts.start(self._command(each, each.name)) for each in started]
        await _all(self._ready(child) for child in children)
        if self._state.others:
            self._phase(f"starting the others of {self._plan.processes} processes of each service")
            further = [
                await self._parts.start(self._command(service, process_name(service.name, number)))
                for number in range(2, self._plan.processes + 1)
                for service in self._plan.services
            ]
            await _all(self._ready(child) for child in further)
        self._phase("ready")

    async def _databases(self) -> tuple[str, dict[str, str]]:
        """The server's address, and each service's own."""
        postgres = await self._postgres()
        return postgres, {
            each.name: await self._database(postgres, each) for each in (*self._plan.services, *self._consoles())
        }

    async def _topics(self) -> str:
        kafka = await self._kafka()
        command = [sys.executable, "-m", "common.bus.broker", "topics"]
        await self._parts.run(Command("topics", command, environment({"KAFKA_BOOTSTRAP_SERVERS": kafka}), forked=True))
        return kafka

    async def _postgres(self) -> str:
        if self._plan.database_url:
            return self._plan.database_url
        folder = self._plan.folder / "postgres"
        server = await asyncio.to_thread(
            lambda: PostgresServer(folder, port=free_port(5433), password=self._secrets.postgres)
        )
        child = await self._parts.start(await asyncio.to_thread(server.prepare))
        await self._until(lambda: asyncio.to_thread(server.is_ready), child, server.port, 30)
        return server.url

    async def _kafka(self) -> str:
        if self._plan.kafka:
            return self._plan.kafka
        cluster = KafkaCluster(self._plan.folder / "kafka", ports=[free_port(9092)])
        (command,) = await asyncio.to_thread(cluster.prepare)
        child = await self._parts.start(command)
        port = cluster.nodes[0].port

        async def answers() -> bool:
            return await asyncio.to_thread(live_brokers, "127.0.0.1", port) > 0

        await self._until(answers, child, port, 60)
        return cluster.bootstrap_servers

    async def _mail(self) -> dict[str, str]:
        """Settings of the mail server: the operator's own, else of a sink that keeps what it gets."""
        given = self._plan.mail
        if given:
            self._state.smtp = f"{given['SMTP_HOST']}:{given.get('SMTP_PORT', '1025')}"
            return given
        smtp, web = free_port(1025), free_port(8025)
        argv = [sys.executable, "-m", "regulars.stack.mailsink", "--port", str(smtp), "--http-port", str(web)]
        argv += ["--store", str(self._plan.folder / "mails.jsonl")]
        child = await self._parts.start(Command("mailsink", argv, environment({})))
        await self._until(lambda: _answers(web, "/count"), child, web, 20)
        self._state.smtp, self._state.mails_url = f"127.0.0.1:{smtp}", f"http://127.0.0.1:{web}/count"
        return {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(smtp)}

    async def _database(self, admin_url: str, service: Service) -> str:
        """The address as which the service serves."""
        name, passwords = service.database, self._secrets.databases
        await ensure_database(admin_url, name, passwords[name], passwords[role_of(name)])
        return as_role(admin_url, role_of(name), passwords[role_of(name)], database=name)

    def _owner(self, service: Service) -> dict[str, str]:
        """What the process that migrates needs besides."""
        name = service.database
        return {"OWNER_DATABASE_URL": as_role(self._state.postgres, name, self._secrets.databases[name])}

    def _command(self, service: Service, process: str) -> Command:
        # Two commands would read the whole program twice, which takes longer than all else in a start. The others find
        # the database as the first process has left it.
        migrates = process == service.name
        migrate = ["--migrate"] if migrates else []
        settings = self._state.console if service == CONSOLE else self._state.all_processes()[process]
        settings = settings | (self._owner(service) if migrates else {})
        argv = [sys.executable, "-m", f"{service.package}.main", "serve", *migrate]
        # A service finishes its batch and hands its partitions back before it ends.
        # The console reads half as much as a service does: a process of its own stays smaller.
        return Command(process, argv, environment(settings), stop_timeout_s=25, forked=service != CONSOLE)

    async def _ready(self, child: Child) -> None:
        port = int(child.command.env["HTTP_PORT"])
        await self._until(lambda: _answers(port, "/health/ready"), child, port, _READY_WITHIN_S)

    async def _until(self, check: Callable[[], Awaitable[bool]], child: Child, port: int, seconds: float) -> None:
        """Wait until the part answers. An answer counts when it is the part itself that listens on the port."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not (await check() and child.process is not None and listens(child.process.pid, port)):
            if child.restarts >= _TOO_MANY_RESTARTS or loop.time() > deadline:
                why = "keeps ending" if child.restarts else f"was not ready within {seconds:.0f} s"
                raise PartDied(f"{child.command.name} {why} ({child.log}):\n{tail(child.log)}")
            await asyncio.sleep(0.1)

    def _phase(self, phase: str) -> None:
        self._state.phase = phase
        self._report(phase)
        self._save()

    def _save(self) -> None:
        pids = {name: child.process.pid for name, child in self._parts.children.items() if child.process}
        if self._forks is not None and self._forks.pid is not None:
            pids["fork-server"] = self._forks.pid
        alive = {name: ProcessId.of(pid) for name, pid in pids.items()}
        self._state.processes = {name: process for name, process in alive.items() if process is not None}
        self._state.save(self._file)

    def failed(self, error: str) -> None:
        """Leave the reason where ``regulars up`` looks for it."""
        self._state.phase, self._state.error = "failed", error
        self._state.save(self._file)


async def _unless_stopped(work: Awaitable[None], stop: asyncio.Event) -> None:
    """Do the work, or give it up as soon as ``stop`` is set."""
    doing, waiting = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([doing, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        if not doing.done():
            doing.cancel()
    try:
        await doing
    except asyncio.CancelledError:
        if not stop.is_set():
            raise


async def _all(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Do all at once; the first failure cancels the others."""
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(each)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _answers(port: int, path: str) -> bool:
    return await asyncio.to_thread(_get, port, path) == 200


def _get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


async def serve(plan: Plan, report: Callable[[str], None], stop: asyncio.Event) -> None:
    """Run the plan until SIGTERM, SIGINT or ``stop``. Raises StackError when it cannot be brought up."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if plan.tied:
        _stop_at_end_of_input(stop)
    with lock(plan.folder):
        for name in end_leftovers(plan.folder):
            report(f"{name} was left over by a stack that was killed; it is ended")
        stack = LocalStack(plan, report)
        try:
            await stack.run(stop)
        except StackError as error:
            stack.failed(str(error))
            raise


def _stop_at_end_of_input(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            stop.set()

    loop.add_reader(0, read)


def main() -> None:
    """``python -m regulars.stack.local``: what ``regulars up`` leaves running in the background."""
    # Not an argument: those are shown to every account of the machine, and the plan may hold a password.
    plan = Plan.from_json(os.environ.pop(PLAN_VARIABLE))

    async def run() -> None:
        await serve(plan, lambda sentence: print(sentence, flush=True), asyncio.Event())

    try:
        asyncio.run(run())
    except FolderHeld as error:
        print(error)
        sys.exit(FolderHeld.EXIT)
    except (StackError, OSError) as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
