"""The CDNOW sample of 2,357 customers over 39 weeks, where the shared data is there."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import pytest

from segmentation.lifetime_value.order_value import Spent
from segmentation.lifetime_value.repeat_buying import Buying

SAMPLE = Path(os.environ.get("REGULARS_SHARED", "/nowhere")) / "data" / "cdnow_sample_summary_cal39wk_monetary.csv.gz"


def read() -> tuple[list[Buying], list[Spent]]:
    """What each customer bought after the first day, in days; and the repeat buyers' means, as in the papers."""
    if not SAMPLE.exists():
        pytest.skip("the CDNOW sample is not here")
    with gzip.open(SAMPLE, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    bought = [(int(r["x"]), round(7 * float(r["t_x"])), round(7 * float(r["T"]))) for r in rows]
    return bought, [(int(r["x"]), float(r["zbar"])) for r in rows if int(r["x"]) and float(r["zbar"]) > 0]
