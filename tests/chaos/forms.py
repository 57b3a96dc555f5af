"""The forms of a run: how much is sent, and what is done meanwhile."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from chaos.harm import Harm, Setting, disk, poison, skew, storm
from chaos.harm import plan as faults
from chaos.harm.disk import FullDisk
from chaos.harm.injector import Faults, Injector
from chaos.harm.leaders import LeaderKiller
from chaos.harm.network import KINDS, LINKS, NetworkHarm
from chaos.harm.outage import AFTER_S, BEFORE_S, Outage
from chaos.harm.poison import Poison
from chaos.harm.skew import Skew
from chaos.harm.steps import STEPS, StepKiller
from chaos.harm.stops import Stops
from chaos.harm.storm import Storm
from chaos.trial import Size, Trial

SHORT = Size(customers=320, duration_s=150)
SHORT_FAULTS = Faults(150, 22, 12, 5, 1, faults.SERVICE_NAMES, faults.PROCESSES)
BRIEF = Size(customers=130, duration_s=60, redemptions=30, services=faults.SERVICE_NAMES[:3])
"""For mutants: a broken guarantee shows sooner than a sound one is believed, and in three services as in five."""
BRIEF_FAULTS = Faults(60, 8, 8, 9, 0, faults.SERVICE_NAMES[:3], faults.PROCESSES)
_LEADER_S, _STEP_S, _WIRE_S, _STOP_S = 15.0, 4.0, 11.0, 4.0
"""How long one harm and the rest after it take at least: a leader is down for 6 s, in sync again after some 6 more."""


def name_of(given: argparse.Namespace) -> str:
    """The form's name, after which its folder is called."""
    chosen = {
        "three-brokers": given.brokers == 3,
        "steps": given.steps,
        "network": given.network,
        "outage": given.outage,
        "stops": given.stops,
        "full-disk": given.full_disk,
        "poison": given.poison,
        "storms": given.storms,
        "skew": given.skew,
        "short": given.short,
    }
    return next((name for name, is_it in chosen.items() if is_it), "run")


def trial_of(given: argparse.Namespace, folder: Path, seed: int, say: Callable[[str], None]) -> Trial:
    """The run that the command line asks for."""
    setting = Setting(folder, folder.with_name(f"{folder.name}-apart"), seed, say)
    shutil.rmtree(setting.apart, ignore_errors=True)
    harm, seconds, customers = _harm(given, setting)
    size = replace(BRIEF if given.brief else SHORT, processes=given.processes)
    if seconds:
        # The load lasts as long as the harm does.
        size = replace(size, duration_s=seconds, customers=max(size.customers, customers))
    return Trial(size, harm)


def _harm(given: argparse.Namespace, setting: Setting) -> tuple[Harm, float, int]:
    """What is done, for how many seconds (0: as the size says), under the load of how many customers at least."""
    harms: list[tuple[int, Callable[[int], tuple[Harm, float]]]] = [
        (
            given.leader_kills if given.brokers == 3 else 0,
            lambda n: (LeaderKiller(setting, n, _LEADER_S * n), _LEADER_S * n),
        ),
        (given.steps, lambda n: (StepKiller(setting, n, _STEP_S * n * len(STEPS)), _STEP_S * n * len(STEPS))),
        (given.network, lambda n: (NetworkHarm(setting, n), _WIRE_S * n * len(KINDS) * len(LINKS))),
        (given.outage, lambda n: (Outage(setting, n), BEFORE_S + n + AFTER_S)),
        (given.stops, lambda n: (Stops(setting, n), _STOP_S * n)),
        (given.full_disk, lambda n: (FullDisk(setting, n), n * (disk.REST_S + disk.FULL_S))),
        (given.poison, lambda n: (Poison(setting, n), (2 * n + 1) * poison.REST_S)),
        (given.storms, lambda n: (Storm(setting, n), storm.FIRST_S + n * storm.ROUND_S)),
        (given.skew, lambda n: (Skew(setting, n), skew.ROUNDS * skew.STAYS_S)),
    ]
    for count, make in harms:
        if count:
            harm, seconds = make(count)
            return harm, seconds, int(_CUSTOMERS_A_SECOND * seconds)
    if given.short or given.brief:
        planned = replace(BRIEF_FAULTS if given.brief else SHORT_FAULTS, processes=given.processes)
        return Injector(setting, planned), 0.0, 0
    long = replace(
        SHORT_FAULTS,
        duration_s=given.seconds,
        kills=given.kills,
        pauses=given.pauses,
        cuts=given.cuts,
        rolls=given.rolls,
        processes=given.processes,
    )
    return Injector(setting, long), given.seconds, given.customers


_CUSTOMERS_A_SECOND = 2.0
"""Whose events are sent: some twenty events a second."""
