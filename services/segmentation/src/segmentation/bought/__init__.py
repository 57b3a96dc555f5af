"""How orders were bought and what: promotions, ways in, lines, silence and time to decide (SEG-033, ORD-022)."""
