"""What `verify` compares: decisions and messages checked anew, and with what the topics hold."""
