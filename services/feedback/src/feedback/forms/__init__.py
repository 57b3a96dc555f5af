"""Survey forms: the questions of a survey as data, the shop's own and those that every shop has."""
