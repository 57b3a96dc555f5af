"""Buyer types beside the truth of a simulated shop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regulars.simulation.typed import confusion, read
from regulars.stack.errors import Refused


def test_customers_with_orders_enough_are_counted_by_what_they_are_and_are_taken_for(tmp_path: Path) -> None:
    """SEG-074 to 082."""
    lines = [
        {"plan": {"shop": "tea"}},
        *({"customer": f"c{n}", "buyer_type": kind, "orders": n} for n, kind in enumerate(["greedy", "vip_type"] * 3)),
        {"sums": {}},
    ]
    file = tmp_path / "truth.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    shop, real = read(file, 2)
    assert (shop, sorted(real)) == ("tea", ["c2", "c3", "c4", "c5"])
    counted = confusion(real, {"c2": "greedy", "c3": "greedy", "c1": "vip_type"})
    assert counted == {
        ("greedy", "greedy"): 1,
        ("vip_type", "greedy"): 1,
        ("greedy", "none"): 1,
        ("vip_type", "none"): 1,
    }


@pytest.mark.parametrize("text", ["", "{}", "[1]\n", "no json"])
def test_what_is_no_truth_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "truth.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match="no truth"):
        read(file, 2)
