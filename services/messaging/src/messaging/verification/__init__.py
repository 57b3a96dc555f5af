"""What `verify` compares: decisions and messages judged anew, and with what the topics hold."""
