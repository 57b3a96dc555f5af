"""The lapse of a customer: no order for two calendar months (SEG-014)."""
