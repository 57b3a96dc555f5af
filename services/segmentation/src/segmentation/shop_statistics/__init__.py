"""Monthly statistics of a shop, frozen at 00:00 on the 1st; inputs of every fold."""
