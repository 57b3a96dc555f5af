"""A simulated shop: seeded customers, told of at the public doors, and what is true of them."""
