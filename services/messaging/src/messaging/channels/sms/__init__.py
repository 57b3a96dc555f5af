"""The channel `sms`: texts to telephones through an HTTP gateway."""
