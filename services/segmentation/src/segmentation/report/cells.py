"""RFM cells in SQL: high or low as they are, and grades 1 to 5 as high or low."""

from __future__ import annotations

from segmentation.attributes.rfm.rules import HIGH_FROM

# Of the cells that both may be, 111 alone, the class tells: high in everything is important_value, and grade 1 is not.
HIGH_OR_LOW_ITSELF = "rfm_cell ~ '^[01]*0[01]*$' or (rfm_cell = '111' and rfm_class = 'important_value')"
_MARKS = "".join("1" if grade >= HIGH_FROM else "0" for grade in range(1, 6))
HIGH_OR_LOW = f"case when {HIGH_OR_LOW_ITSELF} then rfm_cell else translate(rfm_cell, '12345', '{_MARKS}') end"
"""R, F and M, each 1 = high and 0 = low, whatever the method."""
