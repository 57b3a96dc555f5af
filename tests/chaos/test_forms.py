"""Each form of a run is chosen by its option, judges itself, and takes out of the evidence what it put there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from chaos.__main__ import arguments, command_of
from chaos.evidence import Evidence, Fact, Logged
from chaos.forms import name_of, trial_of
from chaos.harm import Harm, Setting
from chaos.harm.disk import FullDisk, fill
from chaos.harm.injector import Injector
from chaos.harm.network import KINDS, LINKS, NetworkHarm
from chaos.harm.outage import Outage, drained_faster
from chaos.harm.poison import Poison, buried
from chaos.harm.skew import Skew, library
from chaos.harm.steps import StepKiller
from chaos.harm.stops import Stops
from chaos.harm.storm import Storm, share_with_progress


@pytest.mark.parametrize(
    ("options", "name", "harm"),
    [
        (["--short"], "short", Injector),
        ([], "run", Injector),
        (["--steps", "2"], "steps", StepKiller),
        (["--network", "1"], "network", NetworkHarm),
        (["--outage", "600"], "outage", Outage),
        (["--stops", "100"], "stops", Stops),
        (["--full-disk", "3"], "full-disk", FullDisk),
        (["--poison", "5"], "poison", Poison),
        (["--storms", "20"], "storms", Storm),
        (["--skew", "2"], "skew", Skew),
    ],
)
def test_an_option_chooses_the_form_and_nothing_done_is_not_enough(
    options: list[str], name: str, harm: type[Harm], monkeypatch: pytest.MonkeyPatch, stack_folder: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["chaos", *options])
    given = arguments()
    assert name_of(given) == name
    trial = trial_of(given, stack_folder / f"form-{name}", 1, print)
    assert type(trial.harm) is harm
    assert not trial.harm.enough()


def test_the_network_is_harmed_enough_once_every_way_was_done_to_every_link(stack_folder: Path) -> None:
    harm = NetworkHarm(Setting(stack_folder / "wires", stack_folder / "wires-apart", 1, print), 2)
    for kind in KINDS:
        for link in LINKS:
            assert not harm.enough()
            harm.done.network[f"{kind}, {link}"] = 2
    assert harm.enough()


@pytest.mark.parametrize(
    ("count", "came_in_s", "drained_in_s", "times"),
    [(600, 600.0, 100.0, 6.0), (600, 600.0, 600.0, 1.0), (0, 600.0, 1.0, 0.0)],
)
def test_how_many_times_as_fast_as_it_came_something_was_drained(
    count: int, came_in_s: float, drained_in_s: float, times: float
) -> None:
    """R7."""
    assert drained_faster(count, came_in_s, drained_in_s) == pytest.approx(times)


def test_a_disk_is_filled_until_it_takes_nothing_more() -> None:
    fill(Path("/dev/full"))


@pytest.mark.parametrize(
    ("dead", "all_of_it"),
    [({"orders": 2, "segments": 3}, True), ({"orders": 2, "segments": 2}, False), ({"orders": 2}, False), ({}, False)],
)
def test_a_reader_that_buried_only_some_of_the_poison_or_none_is_noticed(dead: dict[str, int], all_of_it: bool) -> None:
    """R6."""
    written = {"orders": 2, "segments": 3, "activity": 9}
    assert buried({"orders", "segments", "customer-keys"}, dead, written) is all_of_it
    assert not buried({"customer-keys"}, {}, written), "it read nothing that was poisoned"


def test_poison_is_no_ghost_and_no_loss(stack_folder: Path) -> None:
    found = Evidence(
        dead={"membership": ["None None: unreadable x", "order.paid e1: invalid y"]},
        outboxes={"membership": [Fact(1, "dead x", "dead.membership", "k", "dead", True)]},
        log=[Logged("orders", 0, 1, "k", "poison-0-1"), Logged("orders", 0, 2, "k", "e1")],
    )
    Poison(Setting(stack_folder, stack_folder, 1, print), 1).sift(found)
    assert found.dead == {"membership": ["order.paid e1: invalid y"]}
    assert [record.id for record in found.log] == ["e1"]
    assert found.outboxes == {"membership": []}


@pytest.mark.parametrize(
    ("asked", "command"),
    [
        (["--short", "--out", "../x.json"], 'make chaos SHORT=1 ARGS="--seed 7"'),
        (["--steps", "20", "--seed", "3", "--folder", "/x"], 'make chaos ARGS="--steps 20 --seed 7"'),
    ],
)
def test_a_verdict_says_the_command_that_does_the_same_again(asked: list[str], command: str) -> None:
    assert command_of(asked, 7) == command


@pytest.mark.parametrize(
    ("taken", "share"),
    [([1.0, 2.0, 11.0, 25.0], 1.0), ([0.0, 5.0, 9.9], 1 / 3), ([10.0, 30.0], 1 / 3), ([], 0.0)],
)
def test_a_round_in_which_a_service_took_nothing_counts_against_it(taken: list[float], share: float) -> None:
    assert share_with_progress([(0, 10), (10, 20), (20, 30)], taken) == pytest.approx(share)
    assert share_with_progress([], taken) == 0.0


def test_the_library_that_sets_clocks_wrong_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKETIME_LIBRARY", "/opt/libfaketime.so.1")
    assert library() == Path("/opt/libfaketime.so.1")
