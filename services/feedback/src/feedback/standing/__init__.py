"""How one order stands now, which is what money is decided by."""
