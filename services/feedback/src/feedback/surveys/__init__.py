"""Surveys: what was asked, the signed links of their answer pages, and what was answered."""
