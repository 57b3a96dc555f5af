"""Identity: customers who turned out to be one person, and the aliases of the one who went on."""
