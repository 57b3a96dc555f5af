"""The generated documents say what the code does."""

from __future__ import annotations

import importlib
import json
import re
import shutil
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from common.events.topics import SERVICES
from regulars.docs import settings
from regulars.docs.__main__ import ROOT, main
from regulars.docs.citations import Recorder, cited_in, cited_in_name, load, save
from regulars.docs.claims import CLAIMS, claims_page
from regulars.docs.coverage import coverage, requirements
from regulars.docs.flows import Flow, flows, subscriptions
from regulars.docs.metrics import document, metrics
from regulars.docs.reliability import reliability


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        pytest.param("Asks once (FBK-007).", {"FBK-007"}, id="one"),
        pytest.param("MSG-001 to 003 and SEC-005", {"MSG-001", "MSG-002", "MSG-003", "SEC-005"}, id="a range with to"),
        pytest.param("SEG-009-011", {"SEG-009", "SEG-010", "SEG-011"}, id="a range with a dash"),
        pytest.param("T-4.17 by C-7", {"T-4.17", "C-7"}, id="tables and conflicts"),
        pytest.param("UTF-8, RFC-822, MEM-29, XMEM-029", set(), id="things that only look like it"),
        pytest.param("MEM-030 to 029", set(), id="a range the wrong way round"),
    ],
)
def test_numbers_are_found_in_docstrings(text: str, numbers: set[str]) -> None:
    assert cited_in(text) == numbers


def test_numbers_are_found_in_names() -> None:
    assert cited_in_name("test_fbk_007_and_mem_029_hold") == {"FBK-007", "MEM-029"}
    assert cited_in_name("test_sometimes_mem_0291") == set()


_SAMPLE = '''
import pytest

def test_one():
    """FBK-007."""

@pytest.mark.parametrize("n", [pytest.param(1, id="T-4.14: late"), pytest.param(2, id="T-4.15: fails")])
def test_table(n):
    assert n == 1

def test_wrong():
    """MEM-001."""
    assert False

class TestClass:
    """SEG-003."""

    def test_inner(self):
        pass

@pytest.mark.skip
def test_skipped():
    """MEM-002."""
'''


def test_only_what_passed_is_noted_and_a_partial_run_keeps_the_rest(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]")  # else one of a folder above would hold
    pytester.makepyfile(test_sample=_SAMPLE, test_other='def test_other():\n    """ORD-001."""\n')
    options = ("-p", "regulars.docs.citations", "-p", "no:asyncio", "-p", "no:cacheprovider")
    pytester.runpytest_inprocess(*options).assert_outcomes(passed=4, failed=2, skipped=1)
    notes = pytester.path / ".run" / "coverage.json"
    first = notes.read_bytes()
    for absent in (b"MEM-001", b"MEM-002", b"T-4.15"):
        assert absent not in first
    for present in (b"FBK-007", b"T-4.14", b"SEG-003", b"ORD-001"):
        assert present in first
    pytester.runpytest_inprocess(*options, "test_other.py")
    assert notes.read_bytes() == first
    (pytester.path / "test_sample.py").unlink()
    pytester.runpytest_inprocess(*options)
    assert load(pytester.path)[0] == {"test_other.py::test_other": ["ORD-001"]}


@pytest.mark.parametrize(
    ("arguments", "whole"),
    [
        pytest.param((), True, id="all tests, one of them failed"),
        pytest.param(("test_one.py",), False, id="a file"),
        pytest.param((".",), False, id="a folder that is named"),
        pytest.param(("-k", "one"), False, id="a keyword"),
        pytest.param(("--deselect", "test_one.py::test_one"), False, id="all but one"),
        pytest.param(("--ignore", "test_one.py"), False, id="all but a file"),
        pytest.param(("-x",), False, id="given up at the first failure"),
    ],
)
def test_notes_are_whole_after_a_run_of_all_tests(
    pytester: pytest.Pytester, arguments: tuple[str, ...], whole: bool
) -> None:
    pytester.makeini("[pytest]")
    pytester.makepyfile(
        test_one='def test_one():\n    """ORD-001."""\n', test_two="def test_two():\n    assert False\n"
    )
    options = ("-p", "regulars.docs.citations", "-p", "no:asyncio", "-p", "no:cacheprovider")
    pytester.runpytest_inprocess(*options, *arguments)
    assert load(pytester.path)[1] is whole


def test_notes_stay_whole_until_a_run_of_some_tests_loses_one(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]")
    pytester.makepyfile(
        test_one='def test_one():\n    """ORD-001."""\n', test_two='def test_two():\n    """ORD-002."""\n'
    )
    options = ("-p", "regulars.docs.citations", "-p", "no:asyncio", "-p", "no:cacheprovider")
    pytester.runpytest_inprocess(*options)
    pytester.runpytest_inprocess(*options, "test_one.py")
    assert load(pytester.path) == (
        {"test_one.py::test_one": ["ORD-001"], "test_two.py::test_two": ["ORD-002"]},
        True,
    )
    (pytester.path / "test_two.py").rename(pytester.path / "test_moved.py")
    pytester.runpytest_inprocess(*options, "test_one.py")
    assert load(pytester.path) == ({"test_one.py::test_one": ["ORD-001"]}, False)


def test_a_test_that_fails_now_loses_its_note(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    recorder = Recorder(tmp_path)
    recorder._ran.add("a.py::test_x[1]")
    assert recorder.merged({"a.py::test_x": ["FBK-007"], "a.py::test_y": ["FBK-008"], "b.py::test_z": ["C-1"]}) == {
        "a.py::test_y": ["FBK-008"]
    }


def test_coverage_counts_each_requirement_once_and_shows_unknown_numbers() -> None:
    words = {"FBK-007": "asks | once", "FBK-008": "follow up"}
    text = coverage({"services/feedback/tests/test_a.py::test_asks_once": ["FBK-007", "FBK-999"]}, words)
    assert "| FBK: Feedback | 2 | 1 |" in text
    assert "| FBK-007 | asks \\| once | feedback/test_a: asks once |" in text
    assert "Not cited: FBK-008." in text
    assert "- FBK-999: feedback/test_a: asks once" in text


def test_the_list_of_requirements_is_whole() -> None:
    known = requirements(ROOT)
    assert sum(number[:2] not in ("T-", "C-") for number in known) == 467


def test_flows_name_producer_and_takers() -> None:
    text = flows([Flow("order.completed", "feedback", "handlers.on_orders")])
    row = "| `order.completed` | orders | orders-ingest | feedback (`handlers.on_orders`) |"
    assert row in text
    assert "| `order.closed` | orders | orders-ingest | – |" in text


def test_every_service_is_wired_and_the_flow_table_is_fresh() -> None:
    wired = subscriptions()
    assert Flow("order.completed", "feedback", "handlers.on_orders") in wired
    erased = {flow.type for flow in wired if flow.service == "orders-ingest" and flow.type.endswith(".customer_erased")}
    assert len(erased) == len(SERVICES) - 1, "it reads the others' confirmations"
    assert {flow.service for flow in wired if flow.type == "shop.settings_changed"} == set(SERVICES)
    assert (ROOT / "docs" / "flows.md").read_text("utf-8") == flows(wired)


def lay_out(root: Path) -> None:
    """What the documents are made of, with a single requirement."""
    for name in ("chaos", "runs"):
        shutil.copytree(ROOT / "docs" / name, root / "docs" / name)
    for name in ("libs", "services", "tests"):  # where the tests lie that are named
        (root / name).symlink_to(ROOT / name)
    for name in ("README.md", "docs/bench.md"):
        shutil.copy(ROOT / name, root / name)
    (root / "docs" / "requirements.tsv").write_text("FBK-007\tasks once\n")


def test_a_claim_that_the_readme_does_not_make_or_nothing_measures_is_refused(tmp_path: Path) -> None:
    lay_out(tmp_path)
    assert all(claim.words in claims_page(tmp_path) for claim in CLAIMS)
    bench = tmp_path / "docs/bench.md"
    bench.write_text(bench.read_text().replace("an idle stack", "a stack"))
    with pytest.raises(ValueError, match="does not measure all of"):
        claims_page(tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text(readme.read_text().replace("Every event", "Each event"))
    with pytest.raises(ValueError, match="the README does not say 'Every event counts"):
        claims_page(tmp_path)


def test_what_the_readme_says_and_nothing_is_said_to_show_is_found(tmp_path: Path) -> None:
    lay_out(tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text(readme.read_text().replace("Each service shows", "It never sleeps. Each service shows"))
    with pytest.raises(ValueError, match=r"says 'It never sleeps\.': say in docs/claims\.py what shows it"):
        claims_page(tmp_path)


def test_a_claim_says_that_its_target_was_missed_and_when(tmp_path: Path) -> None:
    """Five zeros of two kills at each step are no proof where twenty were asked for."""
    lay_out(tmp_path)
    steps = tmp_path / "docs/chaos/steps.json"
    verdict = json.loads(steps.read_text()) | {"seed": 8, "at": "2026-12-01"}
    missed, reached = (verdict | {"steps": dict.fromkeys(verdict["steps"], times)} for times in (2, 20))
    steps.write_text(json.dumps(missed))
    assert "steps: **target missed**: **times at each step, at least, 2, 20 wanted**; five zeros;" in claims_page(
        tmp_path
    )
    steps.write_text(json.dumps(reached))
    page = claims_page(tmp_path)
    assert "<br>steps: times at each step, at least, 20; five zeros;" in page
    assert "(seed 8, " in page
    assert ", 2026-12-01)" in page


def test_stale_documents_fail_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay_out(tmp_path)
    save(tmp_path, {"a.py::test_x": ["FBK-007"]}, whole=True)
    assert main(["check"], tmp_path) == 1
    assert "docs/coverage.md is missing: run `make docs`" in capsys.readouterr().err
    assert main([], tmp_path) == 0
    assert main(["check"], tmp_path) == 0
    save(tmp_path, {"a.py::test_x": []}, whole=True)
    assert main(["check"], tmp_path) == 1
    assert "docs/coverage.md is stale" in capsys.readouterr().err


@pytest.mark.parametrize("ran", [pytest.param(True, id="some tests"), pytest.param(False, id="no test")])
def test_coverage_is_left_as_it_is_where_not_all_tests_have_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ran: bool
) -> None:
    lay_out(tmp_path)
    page = tmp_path / "docs" / "coverage.md"
    page.write_text("of a run of all tests")
    if ran:
        save(tmp_path, {"a.py::test_x": ["FBK-007"]}, whole=False)
    assert main([], tmp_path) == 1
    assert "run all of them with `make test`, then `make docs`" in capsys.readouterr().err
    assert page.read_text() == "of a run of all tests"
    assert (tmp_path / "docs" / "flows.md").exists(), "what needs no tests is written"


def test_an_unknown_command_shows_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chekc"]) == 2
    assert "usage" in capsys.readouterr().err


METRICS = {
    "outbox_unpublished_rows", "outbox_oldest_unpublished_seconds", "outbox_dead_rows", "inbox_duplicates_total",
    "events_applied_total", "late_inputs_total", "dead_events", "event_age_seconds", "consumer_assigned_partitions",
    "consumer_seconds_since_progress", "consumer_recreated_total", "ledger_imbalance_minor_units", "sends_unknown",
    "sends_blocked_total", "db_pool_in_use", "event_loop_lag_seconds", "consumer_stopped",
    "sends_paused", "sends_refused_total", "sweep_tasks_set_aside",
}  # fmt: skip


def test_metrics_are_generated_from_the_code_and_keep_their_names() -> None:
    """XCT-006: a metric's name is what alerts and dashboards are built on."""
    listed = metrics()
    assert sorted(metric.name for metric in listed) == sorted({metric.name for metric in listed})
    assert {metric.name for metric in listed} >= METRICS
    assert (ROOT / "docs" / "metrics.md").read_text("utf-8") == document(listed)


def test_the_page_of_settings_is_fresh_and_each_says_what_it_is() -> None:
    listed = settings.groups()
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == settings.document(listed)
    fields = {name: field for group in listed for kind in group.kinds for name, field in kind.model_fields.items()}
    assert [name for name, field in fields.items() if not field.description] == []


def test_the_pages_of_claims_and_of_runs_are_made_of_the_results_that_are_kept() -> None:
    assert (ROOT / "docs" / "claims.md").read_text("utf-8") == claims_page(ROOT)
    assert (ROOT / "docs" / "reliability.md").read_text("utf-8") == reliability(ROOT)


def test_what_a_rebuild_takes_from_the_live_database_stands_in_the_operators_page() -> None:
    """Who has no live database any more loses just this."""
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    rows = dict(
        re.findall(r"^\| `?([a-z-]+)`? \| [^|]* \| ([^|]*) \|$", page.partition("What stands on no topic")[2], re.M)
    )
    for service in SERVICES:
        wired = importlib.import_module(f"{service.replace('-', '_')}.main").SERVICE
        assert [each.table for each in wired.copied if f"`{each.table}`" not in rows[service]] == [], service


def test_a_metric_of_one_service_is_published_by_that_service() -> None:
    owners = {metric.name: metric.owner for metric in metrics()}
    assert owners["ledger_imbalance_minor_units"] == "membership"
    assert {owner for name, owner in owners.items() if name.startswith("sends_")} == {"messaging"}
    assert owners["dead_events"] == "every service"


def test_every_metric_of_the_code_is_defined_where_the_page_looks() -> None:
    subscriptions()  # imports every service
    known = {metric.name.removesuffix("_total") for metric in metrics()}
    made = {c._name for c in REGISTRY._collector_to_names if isinstance(c, MetricWrapperBase)}
    assert made - known == set()
