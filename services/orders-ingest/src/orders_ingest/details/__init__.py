"""What an order has several of: special requests, parcels, logistics, returns, exchanges, reshipments."""
