"""A stack that Prometheus watches by our own rules, as quick as a test needs them, and what an operator does to it.

Runbooks are walked on request (`RUNBOOKS=walk pytest tests/runbooks`), some ten minutes: what the alert is about is
brought about, and what the page says mends it. They take Prometheus; those of hosts also node_exporter, faketime and
root (of Debian: prometheus, prometheus-node-exporter, faketime).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import asyncpg
import httpx
import pytest

from regulars import operating
from regulars.stack.databases import create_database, dsn, in_database
from regulars.stack.plan import Plan
from regulars.stack.ports import free_port
from regulars.stack.services import SERVICES, environment
from regulars.stack.state import StackState, state_file

ROOT = Path(__file__).parents[2]
ON_REQUEST = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(os.environ.get("RUNBOOKS") != "walk", reason="minutes of faults: run it with RUNBOOKS=walk"),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
]
RULES = ROOT / "deploy/prometheus/alerts.yml"
SHORTER = {
    "(outbox_oldest_unpublished_seconds) > 120": "(outbox_oldest_unpublished_seconds) > 3",
    "          ) > 300\n": "          ) > 8\n",
    "(erasures_oldest_open_seconds) > 3600": "(erasures_oldest_open_seconds) > 3",
    "rate(event_age_seconds_bucket[10m]))) > 300": "rate(event_age_seconds_bucket[10s]))) > 3",
    "          ) > 7200\n": "          ) > 15\n",
    "(event_loop_lag_seconds) > 5": "(event_loop_lag_seconds) > 0.5",
    '{job="orders-ingest"}[10m])) > 0.5': '{job="orders-ingest"}[8s])) > 0.5',
}
"""What takes minutes in the rules; `for` is left away. Otherwise they are what is deployed."""
WITHIN_S = 120
APART = "feedback"
"""The service that is no part of the stack: its processes are started by the walks that need them."""
HOST = "node"
"""The job of node_exporter."""


@dataclass
class Watched:
    folder: Path
    prometheus: str
    apart: tuple[int, int]
    """The ports that Prometheus asks for `APART`."""
    host: int
    """The one for node_exporter."""
    mail_port: int

    @property
    def state(self) -> StackState:
        found = StackState.load(state_file(self.folder))
        assert found is not None
        return found

    def _asked(self, path: str, **params: str) -> Any:
        return httpx.get(f"{self.prometheus}/api/v1/{path}", params=params, timeout=60, trust_env=False).json()["data"]

    def fires(self, alert: str, job: str, **labels: str) -> bool:
        wanted = {"alertname": alert, "job": job, **labels}.items()
        return any(a["state"] == "firing" and wanted <= a["labels"].items() for a in self._asked("alerts")["alerts"])

    def measured(self, expression: str) -> bool:
        """Whether Prometheus has a value of it."""
        return bool(self._asked("query", query=expression)["result"])

    def until_it_fires(self, alert: str, job: str, **labels: str) -> None:
        self.until(lambda: self.fires(alert, job, **labels), f"{alert} does not fire for {job}")

    def until_it_is_quiet(self, alert: str, job: str, **labels: str) -> None:
        self.until(lambda: not self.fires(alert, job, **labels), f"{alert} goes on firing for {job}")

    def until(self, check: Callable[[], object], what: str) -> None:
        """Until the check holds, which is asked again and again."""
        deadline = time.monotonic() + WITHIN_S
        while not check():
            assert time.monotonic() < deadline, f"{what}\n{self.ready('membership')}\n{self._asked('alerts')}"
            time.sleep(0.3)

    def regulars(self, *argv: str | Path, code: int = 0) -> str:
        """The operator's command, as the runbooks have it."""
        program = Path(sys.executable).parent / "regulars"
        done = subprocess.run(
            [program, *map(str, argv), "--folder", str(self.folder)], capture_output=True, text=True, timeout=300
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
        self.until(lambda: self.orders() == number, f"{number} orders were to count")

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

    def empty_database(self, name: str) -> str:
        """The address of a new one."""
        return asyncio.run(create_database(self.state.postgres, name)).replace("+asyncpg", "")

    def settings(self, port: int, database_url: str) -> dict[str, str]:
        """The environment of a process of `APART`, which owns its database."""
        settings = {**self.state.services["membership"], "HTTP_PORT": str(port), "DATABASE_URL": database_url}
        return environment({k: v for k, v in settings.items() if k != "OWNER_DATABASE_URL"})

    def module(self, *argv: str, env: dict[str, str]) -> str:
        """What `python -m …` says, which ends well."""
        done = subprocess.run([sys.executable, "-m", *argv], env=env, capture_output=True, text=True, timeout=WITHIN_S)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def started(
        self,
        *arguments: str,
        database_url: str,
        port: int | None = None,
        wrong: Mapping[str, str] = MappingProxyType({}),
    ) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """A process of `APART` beside the stack; `wrong`: more of its environment."""
        env = self.settings(port or self.apart[0], database_url) | dict(wrong)
        return self.program([sys.executable, "-m", f"{APART}.main", "serve", *arguments], env)

    @contextmanager
    def program(self, argv: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        """A process beside the stack, with its output in `beside.log`, which is ended afterwards."""
        with (self.folder / "beside.log").open("ab") as log:
            process = subprocess.Popen(argv, env=env, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(40)


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """A stack of all services but `APART`, and a Prometheus."""
    services, mail_port = tuple(each for each in SERVICES if each.name != APART), free_port()
    # A mail server of one's own, which is away until a test starts it.
    plan = Plan(folder / "run", services, mail={"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mail_port)})
    with ExitStack() as ending:
        ending.callback(operating.down, folder / "run", purge=True)
        state = operating.up(plan, lambda _: None)
        apart, host, own = (free_port(), free_port()), free_port(), free_port()
        found = {name: [settings["HTTP_PORT"]] for name, settings in state.services.items()}
        found |= {APART: [str(port) for port in apart], HOST: [str(host)]}
        addresses = {name: [f"127.0.0.1:{port}" for port in each] for name, each in found.items()}
        key = f"authorization: {{credentials: '{state.services['membership']['BOOTSTRAP_API_KEY']}'}}"
        (folder / "alerts.yml").write_text(quick(RULES.read_text()))
        (folder / "prometheus.yml").write_text(
            f"global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n"
            f"rule_files: [{folder / 'alerts.yml'}]\nscrape_configs:\n"
            + "".join(
                f"  - {{job_name: {name}, {key}, static_configs: [{{targets: {each}}}]}}\n"
                for name, each in addresses.items()
            )
        )
        log = ending.enter_context((folder / "prometheus.log").open("wb"))
        argv = ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
        prometheus = subprocess.Popen(
            [*argv, f"--web.listen-address=127.0.0.1:{own}"], stdout=log, stderr=log, env=os.environ
        )
        ending.callback(prometheus.wait)
        ending.callback(prometheus.terminate)
        stack = Watched(folder / "run", f"http://127.0.0.1:{own}", apart, host, mail_port)
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
