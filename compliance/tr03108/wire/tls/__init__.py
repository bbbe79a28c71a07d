"""TLS on the wire, sans-I/O: hellos written, answers read, the TLS 1.3 key schedule, the names of all code points."""
