"""The mutants' patches fit the product."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaos import mutants

ROOT = Path(__file__).resolve().parents[2]


def test_there_are_enough_mutants() -> None:
    assert len(mutants.names()) >= 20


@pytest.mark.parametrize("name", mutants.names())
def test_the_patch_applies_and_leaves_python_behind(name: str, tmp_path: Path) -> None:
    patch = (mutants.FOLDER / f"{name}.patch").read_text("utf-8")
    for line in patch.splitlines():
        if line.startswith("+++ b/"):
            file = line.removeprefix("+++ b/")
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text((ROOT / file).read_text("utf-8"), "utf-8")
    mutants.apply(name, tmp_path)
    for changed in tmp_path.rglob("*.py"):
        text = changed.read_text("utf-8")
        compile(text, str(changed), "exec")
        assert text != (ROOT / changed.relative_to(tmp_path)).read_text("utf-8")


def test_what_was_seen_of_a_mutant_replaces_what_was_seen_before(tmp_path: Path) -> None:
    one, other = mutants.names()[:2]
    file = tmp_path / "mutants.json"
    file.write_text(json.dumps({one: {"caught": False}, other: {"caught": True}, "gone": {"caught": True}}))
    mutants.keep(file, one, {"caught": True})
    assert json.loads(file.read_text()) == {one: {"caught": True}, other: {"caught": True}}


@pytest.mark.parametrize("name", [name for name in mutants.names() if mutants.test_of(name)])
def test_the_test_that_must_see_it_is_there(name: str) -> None:
    path, _, test = str(mutants.test_of(name)).partition("::")
    assert f"def {test.partition('[')[0]}(" in (ROOT / path).read_text("utf-8")
