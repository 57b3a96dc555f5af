"""Alert rules: each is tried by promtool, has a runbook, and speaks of metrics that exist; one fires in Prometheus."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

import httpx
import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest, make_wsgi_app
from ruamel.yaml import YAML

from common.events.topics import SERVICES
from regulars.docs.metrics import metrics
from regulars.stack.ports import free_port

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/alerts.yml"
CASES = Path(__file__).parent / "alerts.test.yml"
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed: apt-get install prometheus"
)
OTHERS = {"up", "ALERTS"}
"""Prometheus' own; those of node_exporter begin with node_."""


def rules() -> list[dict[str, Any]]:
    (group,) = YAML(typ="safe").load(RULES)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def ours() -> set[str]:
    """The names of all metrics, as docs/metrics.md, which is generated, has them."""
    named = re.findall(r"^\| `(\w+)` \|.*?\| (\w+) \|", (ROOT / "docs/metrics.md").read_text(), re.M)
    assert len(named) > 20
    return {name for name, _ in named}


def metrics_of(expression: str) -> set[str]:
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(by|on|without)\s*\([^)]*\)', " ", expression)
    words = set(re.findall(r"\b[a-z_][a-z_0-9]*\b(?!\s*\()", bare, re.I)) - {"unless", "and", "or", "le"}
    return {re.sub(r"_bucket$", "", word) for word in words if not word.startswith("node_")} - OTHERS


def unknown(expressions: list[str]) -> set[str]:
    return {name for each in expressions for name in metrics_of(each)} - ours()


def test_alerts_and_dashboard_speak_of_metrics_that_exist() -> None:
    dashboard = json.loads((ROOT / "deploy/grafana/regulars.json").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert unknown([rule["expr"] for rule in rules()]) == set()
    assert unknown(shown) == set()
    assert unknown(['sum by (job) (rate(outbox_unpublished_rowz{job="x"}[5m])) > 0']) == {"outbox_unpublished_rowz"}


def test_every_alert_has_a_runbook_and_two_cases() -> None:
    names = [rule["alert"] for rule in rules()]
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.M)
    assert headings == names
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/runbooks.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("warning", "critical")
    cases = {case["name"] for case in YAML(typ="safe").load(CASES)["tests"]}
    assert cases == {f"{name} {what}" for name in names for what in ("fires", "does not fire")}


def test_every_link_of_the_runbooks_leads_somewhere() -> None:
    text = (ROOT / "docs/runbooks.md").read_text()
    for file, anchor in re.findall(r"\]\(([\w.]+)#([\w-]+)\)", text):
        headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / file).read_text(), re.M)
        slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in slugs, f"{file}#{anchor}"


@needs_promtool
def test_promtool_finds_rules_and_configuration_valid(tmp_path: Path) -> None:
    """The key's file is where Compose puts it in the container: here it stands beside the configuration."""
    folder, key = tmp_path / "prometheus", tmp_path / "metrics_key"
    shutil.copytree(RULES.parent, folder)
    key.write_text("a-key-of-tests")
    configuration = folder / "prometheus.yml"
    configuration.write_text(configuration.read_text().replace("/run/secrets/metrics_key", str(key)))
    for what, file in (("rules", RULES), ("config", configuration)):
        done = subprocess.run(["promtool", "check", what, file], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_each_alert_fires_when_it_should_and_only_then() -> None:
    done = subprocess.run(["promtool", "test", "rules", CASES], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_a_rule_that_never_fires_is_found(tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_text(RULES.read_text().replace("(dead_events) > 0", "(dead_events) > 100"))
    cases = tmp_path / "cases.yml"
    cases.write_text(CASES.read_text().replace("../../deploy/prometheus/alerts.yml", "alerts.yml"))
    assert subprocess.run(["promtool", "test", "rules", cases], capture_output=True).returncode != 0


def test_prometheus_finds_every_service() -> None:
    found = YAML(typ="safe").load(ROOT / "deploy/prometheus/prometheus.yml")["scrape_configs"]
    assert {each["job_name"] for each in found} == set(SERVICES)
    compose = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]
    for each in found:
        assert set(each["dns_sd_configs"][0]["names"]) <= set(compose)
        assert each["authorization"] == {"credentials_file": "/run/secrets/metrics_key"}
        assert all("metrics_key" in compose[name]["secrets"] for name in each["dns_sd_configs"][0]["names"])
    assert "metrics_key" in compose["prometheus"]["secrets"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")
def test_prometheus_fires_an_alert_for_a_service_with_dead_events(tmp_path: Path) -> None:
    """Prometheus itself, with our rules, asks an endpoint over HTTP."""
    registry = CollectorRegistry()
    Gauge("dead_events", "as common.metrics has it", ["consumer"], registry=registry).labels("membership").set(2)
    port, own = free_port(), free_port()
    server = make_server("127.0.0.1", port, make_wsgi_app(registry))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{RULES}]\nscrape_configs:\n"
        f"  - {{job_name: membership, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
    )
    argv = [
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(["prometheus", *argv], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        fired: list[dict[str, Any]] = []
        while not fired:
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()[-2000:]
            time.sleep(0.5)
            try:
                said = httpx.get(f"http://127.0.0.1:{own}/api/v1/alerts", timeout=60, trust_env=False).json()["data"][
                    "alerts"
                ]
            except httpx.TransportError:
                continue
            fired = [each for each in said if each["state"] == "firing"]
    finally:
        process.terminate()
        process.wait(30)
        server.shutdown()
        thread.join()
        server.server_close()
    assert [each["labels"]["alertname"] for each in fired] == ["DeadEvents"]
    assert fired[0]["annotations"]["summary"] == "2 events of membership could not be taken"


def _checked(exposition: str) -> str:
    """What promtool finds wrong with names, types and help, by Prometheus' conventions."""
    return subprocess.run(["promtool", "check", "metrics"], input=exposition, capture_output=True, text=True).stderr


@needs_promtool
def test_metrics_are_named_by_prometheus_conventions() -> None:
    """Of every service, as they stand in `/metrics`."""
    for service in SERVICES:
        importlib.import_module(f"{service.replace('-', '_')}.main")
    exposition = generate_latest(REGISTRY).decode()
    assert {metric.name for metric in metrics()} <= set(re.findall(r"^# TYPE (\S+) ", exposition, re.M))
    assert _checked(exposition) == ""


@needs_promtool
@pytest.mark.parametrize("name", ["orders_counter", "waitSeconds", "lag_milliseconds"])
def test_a_planted_metric_with_a_bad_name_is_found(name: str) -> None:
    kind = "counter" if "counter" in name else "gauge"
    assert name in _checked(f"# HELP {name} x\n# TYPE {name} {kind}\n{name} 1\n")
