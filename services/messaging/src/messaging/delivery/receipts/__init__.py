"""What gateways say became of messages after they took them."""
