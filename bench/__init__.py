"""How fast is Regulars on this machine, beside what the machine could do at best? `make bench` says."""
