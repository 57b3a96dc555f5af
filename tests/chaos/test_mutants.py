"""The mutants' patches fit the product."""

from __future__ import annotations

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
