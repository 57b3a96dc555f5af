"""Mutants: each patch beside this file breaks the product in one place, and a brief run must see it.

What no run of minutes brings about, such as a tier's review, is seen by a test: the patch's first line names it
(`Caught by: libs/…/test_x.py::test_y`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regulars.docs.circumstances import circumstances

FOLDER = Path(__file__).parent
KEPT = Path("docs") / "chaos" / "mutants.json"
_COPIED = ("libs", "services", "tests", "deploy", "pyproject.toml", "conftest.py")
_BY_TEST = "Caught by: "
_FAILED = 1
TRIES = 3
"""Runs, with one seed after the other, until one catches it: some mutants need a fault within milliseconds."""
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".run", ".venv", "*.pyc", "*.egg-info")


def names() -> list[str]:
    """All mutants, by name."""
    return sorted(patch.stem for patch in FOLDER.glob("*.patch"))


def copy_tree(root: Path, target: Path) -> None:
    """The working tree as it is, without what was built or is running."""
    for name in _COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=_LEFT_OUT)
        elif source.exists():
            shutil.copy2(source, target / name)


def test_of(name: str) -> str | None:
    """The test that must fail with the patch; None where a brief run must see it."""
    first = (FOLDER / f"{name}.patch").read_text("utf-8").partition("\n")[0]
    return first.removeprefix(_BY_TEST) if first.startswith(_BY_TEST) else None


def apply(name: str, tree: Path, *, check: bool = False) -> None:
    """Apply the patch to a copy of the tree. Raises CalledProcessError when it does not fit."""
    argv = ["git", "apply", *(["--check"] if check else []), str(FOLDER / f"{name}.patch")]
    # Not as part of a repository around it: git would silently skip what it thinks lies outside.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    subprocess.run(argv, cwd=tree, env=environment, check=True, capture_output=True, text=True)


def run_test(root: Path, name: str, test: str) -> dict[str, Any]:
    """The test with the mutated product, as a verdict.

    Raises RuntimeError when it did not come to run, or fails without the patch as well: then it tells nothing.
    """
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    with _copied(root, name) as (tree, environment):
        if sound := subprocess.run(argv, cwd=tree, env=environment, check=False).returncode:
            raise RuntimeError(f"{test} without mutant {name} ended with {sound}: it tells nothing")
        apply(name, tree)
        code = subprocess.run(argv, cwd=tree, env=environment, check=False).returncode
    if code not in (0, _FAILED):
        raise RuntimeError(f"{test} with mutant {name} ended with {code}: it did not run")
    said = f"{test.rpartition('::')[2]} {'failed' if code else 'passed'}"
    return {"totals": {"failed": code}, "settled": True, "verdict": said, "seed": "–"}


@contextmanager
def _copied(root: Path, name: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """A copy of the tree, and the environment of a program that runs from it."""
    with tempfile.TemporaryDirectory(prefix=f"mutant-{name}-") as folder:
        tree = Path(folder)
        tree.chmod(0o755)  # PostgreSQL's own account must reach what is run from here
        copy_tree(root, tree)
        paths = [tree / "libs/common/src", tree / "libs/regulars/src", *sorted(tree.glob("services/*/src"))]
        yield tree, os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}


def run(root: Path, name: str, seed: int | None) -> dict[str, Any]:
    """A brief run of the mutated product; its verdict. Raises RuntimeError when there was none."""
    with _copied(root, name) as (tree, environment):
        apply(name, tree)
        argv = [sys.executable, "-m", "chaos", "--brief", "--folder", str(root / ".run" / f"mutant-{name}")]
        argv += ["--out", str(tree / "verdict.json"), *(["--seed", str(seed)] if seed is not None else [])]
        code = subprocess.run(argv, cwd=tree / "tests", env=environment, check=False).returncode
        verdict = tree / "verdict.json"
        if not verdict.exists():
            raise RuntimeError(f"the run of mutant {name} ended with {code} and without a verdict")
        found: dict[str, Any] = json.loads(verdict.read_text("utf-8"))
        return found


def caught(verdict: dict[str, Any]) -> bool:
    """Only what the checker counted is a catch: in a run that did not settle, what is missing may be on its way."""
    return any(count for kind, count in verdict["totals"].items() if verdict["settled"] or kind != "lost")


def hunt(root: Path, name: str, seed: int | None) -> list[dict[str, Any]]:
    """The verdicts of its runs, of which the last caught it, unless all have missed it."""
    test = test_of(name)
    if test is not None:
        return [run_test(root, name, test)]
    verdicts: list[dict[str, Any]] = []
    for number in range(TRIES):
        verdicts.append(run(root, name, seed + number if seed is not None else None))
        if caught(verdicts[-1]):
            break
    return verdicts


def run_one(root: Path, name: str, seed: int | None) -> int:
    """Exit code 0 when it was caught; what was seen is kept in docs/chaos/mutants.json."""
    if name not in names():
        sys.exit(f"there is no mutant {name!r}; there are {', '.join(names())}")
    return 0 if _hunted(root, name, seed) else 1


def run_all(root: Path, seed: int | None) -> int:
    """Every mutant; exit code 0 when each was caught. `make docs` shows what was seen in docs/reliability.md."""
    return 0 if all([_hunted(root, name, seed) for name in names()]) else 1


def _hunted(root: Path, name: str, seed: int | None) -> bool:
    load = os.getloadavg()[0]
    verdicts = hunt(root, name, seed)
    last = verdicts[-1]
    seen = {"verdict": last["verdict"], "caught": caught(last), "runs": len(verdicts), "seed": last["seed"]}
    print(f"{name}: {last['verdict']}; {'caught' if seen['caught'] else 'NOT CAUGHT'} in run {len(verdicts)}")
    keep(root / KEPT, name, seen | circumstances(root, load))
    return bool(seen["caught"])


def keep(file: Path, name: str, seen: Mapping[str, Any]) -> None:
    """Put what was seen of this mutant in the place of what was seen of it before; of mutants that are gone nothing."""
    known: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    found = {each: known[each] for each in names() if each in known} | {name: seen}
    file.write_text(json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False) + "\n", "utf-8")
