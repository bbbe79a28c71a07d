"""What a server accepts in TLS, from single hellos and the answers to them."""
