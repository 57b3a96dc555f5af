"""The stage of a customer: prospect, new, returning (SEG-001 to SEG-004)."""
