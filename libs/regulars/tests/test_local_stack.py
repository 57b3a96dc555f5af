"""The stack comes up whole, heals, and goes without leaving a process."""

import http.client
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from regulars import operating
from regulars.stack.databases import dsn
from regulars.stack.errors import StackError
from regulars.stack.kafka_probe import live_brokers
from regulars.stack.plan import Plan
from regulars.stack.services import Service, own_mail_server
from regulars.stack.state import ProcessId, StackState, address_of, running, state_file
from regulars.testing import SharedKafka, SharedPostgres

# A service as the stack knows it: it migrates a database of its own, answers the readiness question, ends at SIGTERM.
_SERVICE = """
import asyncio, http.server, os, sys
import asyncpg

async def migrate():
    connection = await asyncpg.connect(os.environ["OWNER_DATABASE_URL"].replace("+asyncpg", ""))
    await connection.execute("create table if not exists seen (mail text)")
    await connection.execute("insert into seen values ($1)", os.environ.get("SMTP_PORT", "none"))
    await connection.execute("grant select on seen to small_shop_service")
    await connection.close()

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()

if sys.argv[1] == "verify":
    sys.exit(3)
else:
    assert sys.argv[1:] in (["serve", "--migrate"], ["serve"])
    if "--migrate" in sys.argv:
        asyncio.run(migrate())
    http.server.HTTPServer((os.environ["HTTP_HOST"], int(os.environ["HTTP_PORT"])), Answer).serve_forever()
"""

SHOP = Service("small-shop", "small_shop", 8191, sends_mail=True)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="regulars-stack-") as name:
        root = Path(name)
        root.chmod(0o755)
        package = root / "src" / "small_shop"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "main.py").write_text(_SERVICE)
        inherited = os.environ.get("PYTHONPATH")
        monkeypatch.setenv("PYTHONPATH", f"{root}/src" + (f":{inherited}" if inherited else ""))
        yield root / "run"
        operating.down(root / "run", purge=True)


@pytest.mark.slow
async def test_up_brings_every_part_and_down_leaves_no_process(folder: Path) -> None:
    phases: list[str] = []
    state = operating.up(Plan(folder, (SHOP,)), phases.append)

    assert phases[-1] == "ready"
    assert set(state.processes) == {"postgres", "kafka-1", "mailsink", "fork-server", "small-shop"}
    host, _, port = state.kafka.partition(":")
    assert live_brokers(host, int(port)) == 1
    settings = state.services["small-shop"]
    connection = await asyncpg.connect(dsn(settings["DATABASE_URL"]))
    who = await connection.fetchval("select current_user || '/' || current_database()")
    assert who == "small_shop_service/small_shop"
    assert await connection.fetchval("select array_agg(mail) from seen") == [settings["SMTP_PORT"]]
    await connection.close()
    assert _get(state.mails_url) == 200
    assert stat.S_IMODE(state_file(folder).stat().st_mode) == 0o600

    again = operating.up(Plan(folder, (SHOP,)), phases.append)
    assert again.supervisor == state.supervisor
    assert operating.down(folder).killed == 0
    assert [name for name, process in state.processes.items() if process.is_alive()] == []
    assert not state.supervisor.is_alive()
    with pytest.raises(StackError, match="no stack runs"):
        running(folder)

    # What was kept comes back with the second start: same secrets, same rows, one more from its migration.
    back = operating.up(Plan(folder, (SHOP,)), phases.append)
    assert back.api_key == state.api_key
    connection = await asyncpg.connect(dsn(back.services["small-shop"]["DATABASE_URL"]))
    assert await connection.fetchval("select count(*) from seen") == 2
    await connection.close()


@pytest.mark.slow
async def test_several_processes_of_a_service_share_its_database_and_go_with_the_stack(folder: Path) -> None:
    """The first one migrates; the links of all lead to it; each has a port of its own and is known by its name."""
    state = operating.up(Plan(folder, (SHOP,), processes=3), lambda _: None)
    names = ["small-shop", "small-shop-2", "small-shop-3"]
    assert [*state.all_processes()] == [*state.of_service("small-shop")] == names
    assert {*names} <= state.processes.keys()
    assert len({state.processes[name].pid for name in names}) == 3
    every = state.all_processes()
    assert len({each["HTTP_PORT"] for each in every.values()}) == 3
    assert {each["PUBLIC_URL"] for each in every.values()} == {address_of(every["small-shop"])}
    assert [_get(address_of(each) + "/health/ready") for each in every.values()] == [200, 200, 200]
    connection = await asyncpg.connect(dsn(every["small-shop-3"]["DATABASE_URL"]))
    assert await connection.fetchval("select count(*) from seen") == 1
    await connection.close()
    os.kill(state.processes["small-shop-2"].pid, signal.SIGKILL)
    before = state.processes["small-shop-2"]
    _until(lambda: _process(folder, "small-shop-2") not in (None, before))
    assert operating.run_in_services(folder, "verify", (SHOP,)) == 3, "once a service, not once a process"
    now = running(folder)
    assert operating.down(folder).killed == 0
    assert [name for name, process in now.processes.items() if process.is_alive()] == []


@pytest.mark.slow
def test_a_part_that_is_killed_is_started_again_and_still_found_by_down(folder: Path) -> None:
    state = operating.up(Plan(folder, (SHOP,)), lambda _: None)
    for name in ("small-shop", "postgres", "kafka-1"):
        before = state.processes[name]
        os.kill(before.pid, signal.SIGKILL)
        _until(lambda name=name, before=before: _process(folder, name) not in (None, before))  # type: ignore[misc]
    _until(lambda: _get(state.services["small-shop"]["PUBLIC_URL"] + "/health/ready") == 200)
    now = running(folder)
    operating.down(folder)
    assert [name for name, process in now.processes.items() if process.is_alive()] == []


@pytest.mark.slow
def test_parts_end_with_a_supervisor_that_is_killed(folder: Path) -> None:
    state = operating.up(Plan(folder, (SHOP,)), lambda _: None)
    os.kill(state.supervisor.pid, signal.SIGKILL)
    _until(lambda: not any(process.is_alive() for process in state.processes.values()))
    assert operating.down(folder).killed == 0


@pytest.mark.slow
def test_a_service_that_never_gets_ready_is_named_with_its_last_words_and_nothing_stays(folder: Path) -> None:
    main = folder.parent / "src" / "small_shop" / "main.py"
    main.write_text('import sys\nif sys.argv[1] == "serve": sys.exit("MASTER_KEY is of no use")\n')
    with pytest.raises(StackError, match=r"small-shop keeps ending[\s\S]*MASTER_KEY is of no use"):
        operating.up(Plan(folder, (SHOP,)), lambda _: None)
    state = StackState.load(state_file(folder))
    assert state is not None
    assert state.phase == "failed"
    assert _processes_naming(folder) == []


@pytest.mark.slow
def test_addresses_of_ones_own_take_the_place_of_postgres_and_kafka(
    folder: Path, postgres: SharedPostgres, kafka: SharedKafka
) -> None:
    plan = Plan(folder, (SHOP,), database_url=postgres.url, kafka=kafka.bootstrap_servers)
    state = operating.up(plan, lambda _: None)
    assert set(state.processes) == {"mailsink", "fork-server", "small-shop"}
    assert state.services["small-shop"]["KAFKA_BOOTSTRAP_SERVERS"] == kafka.bootstrap_servers


@pytest.mark.slow
def test_a_mail_server_of_ones_own_takes_the_place_of_the_sink(
    folder: Path, postgres: SharedPostgres, kafka: SharedKafka
) -> None:
    mail = own_mail_server(
        {
            "SMTP_HOST": "mail.example",
            "SMTP_PORT": "587",
            "SMTP_TLS": "starttls",
            "SMTP_USER": "shop",
            "SMTP_PASSWORD": "secret",
            "SMTP_CA_FILE": "",
            "HOME": "/",
        }
    )
    plan = Plan(folder, (SHOP,), database_url=postgres.url, kafka=kafka.bootstrap_servers, mail=mail)
    state = operating.up(plan, lambda _: None)
    assert set(state.processes) == {"fork-server", "small-shop"}
    settings = {name: value for name, value in state.services["small-shop"].items() if name.startswith("SMTP")}
    assert (
        settings
        == mail
        == {
            "SMTP_HOST": "mail.example",
            "SMTP_PORT": "587",
            "SMTP_TLS": "starttls",
            "SMTP_USER": "shop",
            "SMTP_PASSWORD": "secret",
        }
    )
    assert (state.smtp, state.mails_url) == ("mail.example:587", "")


def test_without_a_host_the_other_settings_of_a_mail_server_are_nobodys() -> None:
    assert own_mail_server({"SMTP_PORT": "587", "SMTP_USER": "shop"}) == {}


@pytest.mark.slow
def test_in_the_foreground_it_shows_what_the_parts_say_and_ends_at_ctrl_c(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from regulars import operating\n"
        "from regulars.stack.plan import Plan; from regulars.stack.services import Service\n"
        f"plan = Plan(Path({str(folder)!r}), (Service('small-shop', 'small_shop', 8191),))\n"
        "operating.serve_here(plan, lambda line: print(line, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line.strip())
            if said[-1] == "ready":
                process.send_signal(signal.SIGINT)
    assert any(line.startswith("topics | ") for line in said)
    assert process.returncode == 0
    assert _processes_naming(folder) == []


def test_a_command_for_a_stack_that_does_not_run_says_how_to_start_one(folder: Path) -> None:
    with pytest.raises(StackError, match="start one with: regulars up"):
        operating.run_in_services(folder, "verify", (SHOP,))


def test_an_unknown_service_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(StackError, match=r"no service 'billing'; there are orders-ingest, membership"):
        operating.chosen(("billing",))


def test_a_process_number_that_went_to_somebody_else_is_not_taken_for_ours() -> None:
    me = ProcessId.of(os.getpid())
    assert me is not None
    assert me.is_alive()
    assert not ProcessId(me.pid, me.started - 60).is_alive()


def _process(folder: Path, name: str) -> ProcessId | None:
    return running(folder).processes.get(name)


def _processes_naming(folder: Path) -> list[int]:
    return [
        each.pid for each in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(each.info["cmdline"] or [])
    ]


def _until(check: Callable[[], bool]) -> None:
    while not check():  # pytest's own timeout ends a wait that is in vain
        time.sleep(0.1)


def _get(url: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()
