"""What customers write back: kept under their own keys, for people to read and answer (MSG-061)."""
