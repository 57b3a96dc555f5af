"""docker-compose.yml is started: every service healthy, one order from HTTP to a mail, kills, a second consumer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from common.events.topics import SERVICES

from .containers import ROOT, WHY_NOT_WHOLE
from .shop import SHOP, Shop, until
from .walking import Standins, Walk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(WHY_NOT_WHOLE), reason=WHY_NOT_WHOLE),
    pytest.mark.usefixtures("image"),
]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The stack as an operator starts it: `new-secrets.sh`, then `up --wait`."""
    folder = tmp_path_factory.mktemp("compose")
    walk = Walk.beside(folder, folder / "secrets", folder / "env")
    try:
        began = time.monotonic()
        walk.up()
        print(f"\n{len(walk.containers)} services were up after {time.monotonic() - began:.0f} s")
        yield walk
    finally:
        walk.down()


@pytest.fixture(scope="module")
def shop(walk: Walk) -> Iterator[Shop]:
    shop = Shop(walk)
    shop.open()
    yield shop
    shop.close()


def test_every_service_comes_up_healthy_in_the_files_order(walk: Walk) -> None:
    expected = {name for name, service in walk.file["services"].items() if "profiles" not in service}
    assert set(walk.containers) == expected
    assert {*SERVICES, "console", "postgres", "kafka"} <= expected
    for name, service in walk.file["services"].items():
        for needed in service.get("depends_on", {}):
            if name in expected:
                assert walk.order.index(needed) < walk.order.index(name)
    for name, container in walk.containers.items():
        state = container.state
        completed = walk.file["services"][name]["restart"] == "on-failure"
        assert (state["Status"], state["ExitCode"]) == (("exited", 0) if completed else ("running", 0)), name


def test_no_secret_is_shown_by_inspect(walk: Walk) -> None:
    secrets = [file.read_text().strip() for file in (walk.folder / "secrets").iterdir()]
    shown = json.dumps([container.inspect() for container in walk.containers.values()])
    assert [secret[:4] for secret in secrets if secret and secret in shown] == []


def test_the_console_serves_its_page_and_invites_its_first_owner(walk: Walk) -> None:
    page = httpx.get(f"http://{walk.address('console')}:8080/", timeout=60, trust_env=False, follow_redirects=True)
    assert page.status_code == 200, page.text[:500]
    assert "html" in page.headers["content-type"]
    invited = walk.containers["console"].exec("python", "-m", "console.main", "invite", "--first-owner")
    assert invited.stdout.strip().startswith("http://127.0.0.1:8086/")


def test_an_order_goes_from_http_to_a_mail(shop: Shop) -> None:
    assert shop.order(1).status_code == 202
    until(lambda: len(shop.mails()) == 1, shop.decisions)
    (mail,) = shop.mails()
    assert mail["to"] == ["ann@example.test"]
    assert "1" in mail["subject"] + mail["text"]
    until(lambda: shop.call("segmentation", "GET", f"{SHOP}/customers/ann").status_code == 200, "not segmented")


@pytest.mark.parametrize("killed", ["messaging", "kafka", "postgres"])
def test_what_is_killed_comes_back_and_nothing_is_lost(walk: Walk, shop: Shop, killed: str) -> None:
    """`restart: unless-stopped`; the volumes keep what stood in them."""
    before, number = len(shop.mails()), 100 + len(shop.mails())
    container = walk.containers[killed]
    pid = container.state["Pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: container.state["Running"] and container.state["Pid"] != pid, f"{killed} was not started again")
    for name in (killed, *SERVICES):
        walk.await_healthy(name)
    assert shop.order(number).status_code == 202
    until(lambda: len(shop.mails()) > before, shop.decisions)
    assert len(shop.mails()) == before + 1


def test_more_consumers_share_the_partitions(walk: Walk, shop: Shop) -> None:
    """The profile `consumers` with `--scale membership-consumer=2`, beside the service itself."""
    for number in (1, 2):
        walk.add("membership-consumer", number)
    keys = ["membership", "membership-consumer", "membership-consumer#2"]
    for key in keys:
        walk.await_healthy(key)

    def shared() -> bool:
        said = [shop.call(key, "GET", "/health/ready").json() for key in keys]
        return all(str(each.get("checks", {}).get("consumer", "")).startswith("reading") for each in said)

    until(shared, "they do not all read")
    assert [key for key in keys[1:] if "ports" in walk.file["services"][key.partition("#")[0]]] == []


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")
def test_prometheus_finds_every_process_and_answers_what_the_dashboard_and_the_alerts_ask(walk: Walk) -> None:
    """Of the profile `watch`. Grafana is not at hand: what its dashboard asks is asked here."""
    walk.add("prometheus")
    address = f"http://{walk.address('prometheus')}:9090/api/v1"

    def ask(path: str, **parameters: str) -> Any:
        return (
            httpx.get(f"{address}/{path}", params=parameters, timeout=60, trust_env=False)
            .raise_for_status()
            .json()["data"]
        )

    processes = [key for key in walk.containers if key.partition("#")[0].removesuffix("-consumer") in SERVICES]

    def up() -> bool:
        try:
            found = ask("targets", state="active")["activeTargets"]
        except httpx.TransportError:
            return False
        return len(found) == len(processes) and {each["health"] for each in found} == {"up"}

    until(up, lambda: walk.containers["prometheus"].logs()[-3000:])
    (group,) = ask("rules")["groups"]
    (written,) = YAML(typ="safe").load(ROOT / "deploy/prometheus/alerts.yml")["groups"]
    assert len(group["rules"]) == len(written["rules"])
    until(lambda: {r["health"] for r in ask("rules")["groups"][0]["rules"]} == {"ok"}, lambda: str(ask("rules")))
    panels = json.loads((ROOT / "deploy/grafana/regulars.json").read_text())["panels"]
    asked = {target["expr"]: panel["title"] for panel in panels for target in panel["targets"]}
    empty = {title: expr for expr, title in asked.items() if not ask("query", query=expr)["result"]}
    # No rate without two readings; nothing is alarmed about.
    assert [title for title, expr in empty.items() if "rate(" not in expr and "ALERTS" not in expr] == []
    print(f"\n{len(asked) - len(empty)} of {len(asked)} questions of the dashboard were answered already")


def test_all_stop_within_their_grace_and_with_the_code_of_an_orderly_end(walk: Walk) -> None:
    """The last test: what it stops stays stopped."""
    for name in (*SERVICES, "console"):
        container = walk.containers[name]
        took = container.stop(30)
        assert took < 30
        assert container.state["ExitCode"] == 0, container.logs()[-2000:]
        print(f"\n{name}: stopped within {took:.1f} s")


def test_a_key_that_the_walk_does_not_know_is_an_error(tmp_path: Path) -> None:
    walk = Walk(tmp_path, {"KAFKA_CLUSTER_ID": "x"}, Standins(tmp_path))
    with pytest.raises(AssertionError, match="does not know what privileged of membership means"):
        walk._options("membership", {"privileged": True})
