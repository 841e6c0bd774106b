"""RabbitMQ: its management API."""
