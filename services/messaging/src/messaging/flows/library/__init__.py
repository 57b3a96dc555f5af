"""The flows that every shop has, as data: notices, surveys, tier and lapse are in use, the others are switched on."""
