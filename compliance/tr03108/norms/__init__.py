"""Norms as data: reading profile and TLS policy files strictly, with the place of every mistake."""
