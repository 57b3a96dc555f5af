"""The growth value: what raises and lowers it, in a ledger of its own (MEM-016)."""
