"""What mqtt-resilience has to know of Acme."""
