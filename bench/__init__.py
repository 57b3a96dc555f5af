"""`make bench`: the speed of Regulars on this machine, beside what the machine could do at best."""
