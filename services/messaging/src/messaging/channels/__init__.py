"""The ways out: each hands one message to a provider and says what is known about it afterwards."""
