"""Goals of a shop: a key figure, its target in a period, how far it has come and where it will end (ANA-001 to 004)."""
