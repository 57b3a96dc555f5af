"""RFM cells in SQL: high or low as they are, and grades 1 to 5 as high or low."""

from __future__ import annotations

from segmentation.attributes.rfm.rules import HIGH_FROM

CELLS = ("111", "101", "011", "001", "110", "100", "010", "000")
_MARKS = "".join("1" if grade >= HIGH_FROM else "0" for grade in range(1, 6))


def _itself(row: str) -> str:
    """Of the cells that both may be, 111 alone, the class tells: high in all is important_value, and grade 1 is not."""
    return f"{row}rfm_cell ~ '^[01]*0[01]*$' or ({row}rfm_cell = '111' and {row}rfm_class = 'important_value')"


def high_or_low(row: str = "") -> str:
    """R, F and M, each 1 = high and 0 = low, whatever the method; `row`: the table's alias with a point, or nothing."""
    return f"case when {_itself(row)} then {row}rfm_cell else translate({row}rfm_cell, '12345', '{_MARKS}') end"


HIGH_OR_LOW_ITSELF, HIGH_OR_LOW = _itself(""), high_or_low()
