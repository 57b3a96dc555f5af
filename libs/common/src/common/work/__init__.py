"""Work that falls due: sweeps over customers, and the tasks they set aside."""
