"""Messages of the shop: what goes out next, what is held, what became of the others."""
