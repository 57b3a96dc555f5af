"""A shop's programme: its rules and their versions (MEM-012, MEM-023)."""
