"""What goes into parcels besides the goods, and what it brings."""
