"""The ways out, each in a folder: it hands one message to a provider and says what is known about it afterwards."""
