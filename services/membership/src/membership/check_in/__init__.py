"""Check-ins: points for a day's first, and more for days in a row (MEM-046)."""
