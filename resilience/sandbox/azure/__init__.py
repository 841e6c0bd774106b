"""Azure IoT: the device registry of a hub, and the enrollments of a provisioning service."""
