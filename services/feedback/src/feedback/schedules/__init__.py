"""Scheduled surveys: on which occasions each customer is asked, and when they are looked at next."""
