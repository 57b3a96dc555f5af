"""Messages of the shop: what goes out next, what is held and why, what became of the rest."""
