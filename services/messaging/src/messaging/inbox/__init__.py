"""What customers read in the shop's app: the messages of the channel `inbox`, and which of them they opened."""
