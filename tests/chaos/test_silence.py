"""Only that is a silence during which there was something to consume (R3)."""

from __future__ import annotations

import pytest

from chaos.harm import silence
from chaos.harm.leaders import Pace


@pytest.mark.parametrize(
    ("announced", "taken", "expected"),
    [
        pytest.param({}, {}, None, id="nothing was announced: no silence"),
        pytest.param({"a": 98.0}, {"a": 99.0}, None, id="what was taken before the kill tells nothing of it"),
        pytest.param({"a": 99.0}, {"a": 103.5}, 3.5, id="what was on its way counts from the kill"),
        pytest.param({"a": 102.0}, {"a": 103.5}, 1.5, id="what was announced afterwards counts from its announcement"),
        pytest.param({"a": 99.0, "b": 99.0}, {"a": 100.1, "b": 107.0}, 7.0, id="the slowest partition counts"),
        pytest.param({"a": 60.0}, {"a": 130.0}, None, id="what was late long before is another kill's"),
        pytest.param({"a": 101.0}, {}, None, id="what this service does not take is nothing to it"),
    ],
)
def test_a_silence_is_how_long_a_fact_had_to_wait(
    announced: dict[str, float], taken: dict[str, float], expected: float | None
) -> None:
    assert silence.after_each(announced, taken, [100.0]) == [expected]


@pytest.mark.parametrize(("longest", "measured", "kept"), [(4.9, 20, True), (5.1, 20, False), (1.0, 19, False)])
def test_every_kill_must_be_seen_and_no_silence_may_be_longer_than_five_seconds(
    longest: float, measured: int, kept: bool
) -> None:
    """R3."""
    found = {"membership": {"longest": longest, "measured": measured}}
    assert silence.kept(found, 20) is kept


def test_the_load_goes_on_while_a_kill_is_late_and_never_passes_it() -> None:
    """A leader must die under load: the sender may neither stop for a late kill nor run out before it."""
    pace = Pace()
    pace.aim(0.5, 10.0, 100.0)
    seen = [pace.at(100.0 + seconds) for seconds in (0.0, 1.0, 10.0, 20.0, 40.0)]
    assert seen == sorted(set(seen))
    assert seen[0] == 0.0
    assert seen[2] == pytest.approx(0.45)
    assert seen[-1] < 0.5
    pace.aim(0.7, 10.0, 150.0)
    assert pace.at(150.0) == pytest.approx(0.5)
