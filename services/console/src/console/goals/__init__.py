"""Goals of the shop, how each stands, and where it will end."""
