"""Audits against servers that others wrote: NSD, Unbound and Postfix, on loopback, with nothing taken from /etc."""
