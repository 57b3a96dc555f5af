"""The mailbox in which customers' answers and returned mails arrive."""
