"""Messages that the customer reads in the shop's own app or page (MSG-018)."""
