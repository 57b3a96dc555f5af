"""docs/reliability.md says of each target whether it was reached, and cannot say so of what was not measured."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from regulars.docs import proofs, runs
from regulars.docs.__main__ import ROOT
from regulars.docs.reliability import reliability
from regulars.docs.trials import TRIALS, Trial, judged

BY_FILE = {trial.file: trial for trial in TRIALS}


def short() -> dict[str, Any]:
    """A verdict of the short form that reached everything."""
    return {
        "verdict": "lost 0, doubled 0, ghost 0, order 0, imbalance 0",
        "passed": True,
        "totals": dict.fromkeys(("lost", "doubled", "ghost", "order", "imbalance"), 0),
        "settled": True,
        "seed": 7,
        "kills": {"membership": 20, "postgres": 2},
        "pauses": {"membership": 5},
        "cuts": {"membership": 5},
        "faults_missed": [],
        "events": {"distinct": 3_466},
        "measured": {},
        "seconds": {"settling": 5.2, "all": 240.0},
        "at": "2026-11-30T06:37:16+00:00",
        "commit": "dce0ac6f",
        "machine": {"load_average": [1.0, 2.0]},
    }


def changed(path: str, value: object) -> dict[str, Any]:
    """The same, but for one figure."""
    verdict = copy.deepcopy(short())
    *parents, last = path.split(".")
    place = verdict
    for name in parents:
        place = place[name]
    place[last] = value
    return verdict


@pytest.mark.parametrize(
    ("form", "measured"),
    [
        ("poison", {"poison": {"others_waited_p99_s": {}}}),
        ("storms", {"storm": {"rounds_with_progress": {}}}),
        ("three-brokers", {"silence_after_leader_kill_s": {"consuming": {}}}),
        ("outage", {"outage": {"drained_faster_than_it_came": {}}}),
    ],
)
def test_of_what_was_measured_of_nobody_the_page_says_so(form: str, measured: dict[str, Any]) -> None:
    said, reached = judged(BY_FILE[form], {**short(), "measured": measured})
    assert not reached
    assert "not measured" in said


def test_a_form_that_did_what_was_wanted_has_reached_its_target() -> None:
    said, reached = judged(BY_FILE["short"], short())
    assert reached
    assert said == "events 3,466; kills 22; pauses 5; cuts 5; seconds 240; five zeros; settled after, s, 5.2"


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        pytest.param(changed("totals.lost", 1), "**lost 0", id="something is wrong"),
        pytest.param(changed("passed", False), "**its form says: not passed**", id="the form says no"),
        pytest.param(changed("settled", False), "**not settled**", id="it never settled"),
        pytest.param(changed("events.distinct", 2_999), "**events 2,999, 3000 wanted**", id="too few events"),
        pytest.param(changed("kills", {"membership": 19}), "**kills 19, 20 wanted**", id="too few kills"),
        pytest.param(changed("seconds.settling", 61.0), "**settled after, s, 61, at most 60 wanted**", id="late"),
        pytest.param(changed("seconds.all", 481.0), "**seconds 481, at most 480 wanted**", id="too slow"),
    ],
)
def test_what_is_missed_is_said(verdict: dict[str, Any], says: str) -> None:
    said, reached = judged(BY_FILE["short"], verdict)
    assert not reached
    assert says in said


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.file)
def test_a_verdict_without_the_forms_own_figures_reaches_nothing(trial: Trial) -> None:
    """Each form demands something that the short one has not measured."""
    verdict = short() | {"steps": {}, "network": {}, "others": {}}
    said, reached = judged(trial, verdict)
    assert reached is (trial.file == "short"), said


def test_a_test_that_is_not_there_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "R1" in reliability(ROOT)
    gone = ("R5", "nothing", ("libs/common/tests/bus/test_consumer.py::test_that_was_renamed",))
    monkeypatch.setattr("regulars.docs.reliability.CHANGES", (*proofs.CHANGES, gone))
    with pytest.raises(ValueError, match="test_that_was_renamed"):
        reliability(ROOT)


PYTEST = runs.Run("X", "a target", tests="tests", keeps="^so many")
PROGRAM = runs.Run("X", "a target", program="bench.soak", keeps=" limit ")


@pytest.mark.parametrize(
    ("run", "output", "code", "passed", "said"),
    [
        (PYTEST, "so many\n== 2 passed in 3.10s ==\n", 0, True, ["so many", "2 passed in 3.10s"]),
        (PYTEST, "1 failed, 2 passed in 3.10s\n", 1, False, ["1 failed, 2 passed in 3.10s"]),
        (PYTEST, "1 skipped in 0.10s\n", 0, False, ["1 skipped in 0.10s"]),
        (PYTEST, "2 passed, 1 skipped in 0.10s\n", 0, False, ["2 passed, 1 skipped in 0.10s"]),
        (PYTEST, "", 0, False, ["no summary"]),
        (PROGRAM, "memory 3 limit 5\n", 0, True, ["memory 3 limit 5"]),
        (PROGRAM, "memory 9 limit 5\n", 1, False, ["memory 9 limit 5"]),
        (PROGRAM, "", 0, False, []),
    ],
)
def test_a_run_has_passed_only_where_something_ran_and_said_so(
    run: runs.Run, output: str, code: int, passed: bool, said: list[str]
) -> None:
    assert runs.result(run, output, code) == (passed, said)


def test_a_run_is_kept_with_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "said.py").write_text("import os\nprint('memory', os.environ['GIVEN'], 'limit 5')\n")
    monkeypatch.setattr(
        runs, "RUNS", {"x": runs.Run("X", "a target", program="said", asks_for=("GIVEN",), keeps="limit")}
    )
    assert runs.main(["x"], tmp_path) == 2
    assert runs.main(["y"], tmp_path) == 2
    assert runs.main(["x", "GIVEN=3"], tmp_path) == 0
    found = json.loads((tmp_path / "docs/runs/x.json").read_text())
    assert (found["passed"], found["said"]) == (True, ["memory 3 limit 5"])
    assert found["command"] == "GIVEN=3 .venv/bin/python -m said"
    assert found["machine"]["python"] == sys.version.split()[0]
