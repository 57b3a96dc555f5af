"""The shop's products as they stand: what order lines are filled from (ORD-008, ORD-009, ORD-042)."""
