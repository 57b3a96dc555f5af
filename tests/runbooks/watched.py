"""A stack that Prometheus watches by our own rules, as quick as a test needs them, and what an operator does to it."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from regulars import operating
from regulars.stack.databases import dsn, in_database
from regulars.stack.plan import Plan
from regulars.stack.ports import free_port
from regulars.stack.services import environment
from regulars.stack.state import StackState, state_file

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/alerts.yml"
SHORTER = {
    "(outbox_oldest_unpublished_seconds) > 120": "(outbox_oldest_unpublished_seconds) > 3",
    "(consumer_seconds_since_progress) > 300": "(consumer_seconds_since_progress) > 8",
    "(erasures_oldest_open_seconds) > 3600": "(erasures_oldest_open_seconds) > 3",
}
"""What takes minutes in the rules; `for` is left away. Otherwise they are what is deployed."""
WITHIN_S = 90


@dataclass
class Watched:
    folder: Path
    prometheus: str
    apart: int
    """The port that Prometheus asks for a service that is no part of the stack, `feedback`."""
    mail_port: int

    @property
    def state(self) -> StackState:
        found = StackState.load(state_file(self.folder))
        assert found is not None
        return found

    def firing(self, job: str) -> set[str]:
        said = httpx.get(f"{self.prometheus}/api/v1/alerts", trust_env=False).json()["data"]["alerts"]
        return {a["labels"]["alertname"] for a in said if a["state"] == "firing" and a["labels"].get("job") == job}

    def until_it_fires(self, alert: str, job: str) -> None:
        self._until(lambda: alert in self.firing(job), f"{alert} does not fire for {job}")

    def until_it_is_quiet(self, alert: str, job: str) -> None:
        self._until(lambda: alert not in self.firing(job), f"{alert} goes on firing for {job}")

    def _until(self, check: Any, what: str) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not check():
            assert time.monotonic() < deadline, f"{what}\n{self.ready('membership')}"
            time.sleep(0.3)

    def regulars(self, *argv: str | Path, code: int = 0) -> str:
        """The operator's command, as the runbooks have it."""
        program = Path(sys.executable).parent / "regulars"
        done = subprocess.run(
            [program, *map(str, argv), "--folder", str(self.folder)], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def call(self, service: str, method: str, path: str, body: Any = None) -> httpx.Response:
        address = f"http://127.0.0.1:{self.state.services[service]['HTTP_PORT']}"
        headers = {"authorization": f"Bearer {self.state.api_key}"}
        return httpx.request(method, address + path, json=body, headers=headers, trust_env=False, timeout=20)

    def ready(self, service: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.call(service, "GET", "/health/ready").json()["checks"]
        except (httpx.TransportError, ValueError, KeyError):
            return {}
        return found

    def order(self, number: int) -> None:
        """Ann's, as the shop tells it."""
        data = {"order_id": f"{number}", "state": "completed", "currency": "EUR", "goods_paid": 10_000}
        body = {"id": f"o{number}", "type": "order.completed", "subject": "ann", "data": data}
        assert self.call("orders-ingest", "POST", "/v1/shops/tea/events", body).status_code == 202

    def orders(self) -> int:
        """How many of Ann's orders count with membership."""
        found = self.call("membership", "GET", "/v1/shops/tea/members/ann")
        return int(found.json()["orders"]) if found.status_code == 200 else 0

    def until_orders(self, number: int) -> None:
        self._until(lambda: self.orders() == number, f"{number} orders were to count")

    def sql(self, database: str, statement: str, *values: Any) -> list[Any]:
        return asyncio.run(self._sql(database, statement, values))

    async def _sql(self, database: str, statement: str, values: tuple[Any, ...]) -> list[Any]:
        connection = await self.connect(database)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def connect(self, database: str) -> asyncpg.Connection:
        """As the administrator of PostgreSQL."""
        return await asyncpg.connect(dsn(in_database(self.state.postgres, database)))

    @contextmanager
    def mail_server(self) -> Iterator[Path]:
        """It takes mails, each a line of the file."""
        store = self.folder / "taken.jsonl"
        argv = [sys.executable, "-m", "regulars.stack.mailsink", "--host", "127.0.0.1", "--port", str(self.mail_port)]
        process = subprocess.Popen([*argv, "--store", str(store)])
        try:
            yield store
        finally:
            process.terminate()
            process.wait(20)

    @contextmanager
    def started(self, package: str, *arguments: str, port: int, database_url: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process of a service beside the stack."""
        settings = {**self.state.services["membership"], "HTTP_PORT": str(port), "DATABASE_URL": database_url}
        env = environment({k: v for k, v in settings.items() if k != "OWNER_DATABASE_URL"})
        with (self.folder / f"{package}.log").open("ab") as log:
            argv = [sys.executable, "-m", f"{package}.main", "serve", *arguments]
            process = subprocess.Popen(argv, env=env, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(40)


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """A stack of three services and a Prometheus."""
    services, mail_port = operating.chosen(("orders-ingest", "membership", "messaging")), free_port()
    # A mail server of one's own, which is away until a test starts it.
    plan = Plan(folder / "run", services, mail={"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mail_port)})
    with ExitStack() as ending:
        ending.callback(operating.down, folder / "run", purge=True)
        state = operating.up(plan, lambda _: None)
        apart, own = free_port(), free_port()
        ports = {name: settings["HTTP_PORT"] for name, settings in state.services.items()} | {"feedback": apart}
        key = f"authorization: {{credentials: '{state.services['membership']['BOOTSTRAP_API_KEY']}'}}"
        (folder / "alerts.yml").write_text(quick(RULES.read_text()))
        (folder / "prometheus.yml").write_text(
            f"global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n"
            f"rule_files: [{folder / 'alerts.yml'}]\nscrape_configs:\n"
            + "".join(
                f"  - {{job_name: {name}, {key}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
                for name, port in ports.items()
            )
        )
        log = ending.enter_context((folder / "prometheus.log").open("wb"))
        argv = ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
        prometheus = subprocess.Popen(
            [*argv, f"--web.listen-address=127.0.0.1:{own}"], stdout=log, stderr=log, env=os.environ
        )
        ending.callback(prometheus.wait)
        ending.callback(prometheus.terminate)
        stack = Watched(folder / "run", f"http://127.0.0.1:{own}", apart, mail_port)
        settings = {"zone": "Europe/Berlin", "currency": "EUR"}
        answer = stack.call("orders-ingest", "PUT", "/v1/shops/tea/settings", settings)
        assert answer.status_code == 200, answer.text
        yield stack


def quick(rules: str) -> str:
    """The rules without `for`, and with shorter times."""
    rules = re.sub(r"^ +for: \S+\n", "", rules, flags=re.M)
    for long, short in SHORTER.items():
        assert long in rules, f"the rules do not say {long} any more"
        rules = rules.replace(long, short)
    return rules
