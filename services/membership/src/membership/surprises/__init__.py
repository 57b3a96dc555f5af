"""Small gifts and services that agents give members unasked, within a budget (MEM-039)."""
