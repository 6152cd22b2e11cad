"""The line to an MQTT broker or a RabbitMQ cluster, and where a worker's messages come from."""
