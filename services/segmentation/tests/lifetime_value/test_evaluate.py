"""The evaluation of repeat buying as a command: the published figures of CDNOW from its orders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from segmentation.lifetime_value.evaluate import main

SAMPLE = Path(os.environ.get("REGULARS_SHARED", "/nowhere")) / "data" / "cdnow_sample.csv.gz"
COLUMNS = ("--customer", "customer_id", "--amount", "dollar_value")


@pytest.mark.skipif(not SAMPLE.exists(), reason="the CDNOW sample is not here")
def test_seg_025_the_orders_of_cdnow_give_the_published_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    """Fader, Hardie and Lee (2005), table 2; figure 3: by repeat purchases, each mean near what came in 39 weeks."""
    assert main([str(SAMPLE), "--until", "1997-09-30", "--horizon-days", "273", *COLUMNS]) == 0
    said, parameters, _, _, *rows = capsys.readouterr().out.splitlines()
    assert said == "bg_nbd of 2,357 customers up to 1997-09-30, weeks"
    assert parameters == "r 0.243, alpha 4.414, a 0.793, b 2.426; log-likelihood -9,582.4"
    by_repeats = [(int(n.replace(",", "")), float(p), float(w)) for _, n, p, w in (row.split() for row in rows)]
    assert [n for n, _, _ in by_repeats] == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert all(abs(predicted - were) < 0.4 for _, predicted, were in by_repeats)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("who,date,amount\na,2025-01-01,5", "no column customer; it has who, date, amount"),
        ("customer,date,amount\na,2025-01-01,5\nb,2025-01-02,5", "nobody of 2 customers bought twice"),
        ("customer,date,amount", "nobody of 0 customers bought twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_is_amiss(
    tmp_path: Path, rows: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(rows, encoding="utf-8")
    assert main([str(file), "--until", "2025-03-01"]) == 2
    assert problem in capsys.readouterr().err
