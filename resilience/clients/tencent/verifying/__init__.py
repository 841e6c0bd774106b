"""What can be looked for with a client of the MQTT SDK, and how it is asked."""
