"""docs/scale.md follows from docs/bench.md, and says so where a figure is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.docs.scale import Figures, database_gb, kafka_gb, page

BENCH = """
| P1 | membership: Kafka to committed effects | 1,000 orders/s | 4,000 | 0.25 | 22 | 60.01 | x | no | 0.1 0.4 |
| P14 | membership: kept of an event, beside its own size | 1,100 bytes | 500 | 3.10 |  |  | x | no | 0.3 0.5 |
| P2 | ingest over HTTP, single, 64 connections | 1,200 requests/s | 3,089 | 0.40 |  |  | x | no | 0.8 0.6 |
| in all | 2.000 | 3.00 | 948 |
- P14 membership: outbox 900, ledger_entries 600, history 400, customers 100, offsets 1 bytes an event.
- P1 membership: 29,000 events in 29 batches; rows an event: announced 0.16, customers 0.2, history 1.0.
"""


def test_the_arithmetic_by_hand() -> None:
    figures = Figures.of(BENCH)
    assert figures.rate == {"membership": 1_000}
    # 400 million order events of 1,000 bytes; 10 million customers of 100 bytes / 0.2 rows an event.
    assert database_gb(figures, "membership", 1) == pytest.approx(
        {"by event": 400, "by customer": 5, "outbox": 2.959}, 0.001
    )
    assert database_gb(figures, "membership", 5)["by event"] == pytest.approx(2_000)
    # (400 million x 3 facts + 600 million) x 500 bytes.
    assert kafka_gb(figures) == pytest.approx(900)
    assert "| membership consumer | 13/s | 254/s | 1,000/s | 1 | 3 |" in page(BENCH)


def test_a_missing_figure_is_named() -> None:
    with pytest.raises(ValueError, match="make bench"):
        Figures.of(BENCH.replace("in all", "some"))


def test_the_page_in_the_repository_can_be_made() -> None:
    root = Path(__file__).parents[4]
    assert page((root / "docs/bench.md").read_text("utf-8")) == (root / "docs/scale.md").read_text("utf-8")
