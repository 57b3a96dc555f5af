"""Activities of the shop with places: events, lessons, trials, limited goods, draws (MEM-037, 038, 098 to 105)."""
