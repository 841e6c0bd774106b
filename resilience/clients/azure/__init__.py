"""The adapter of Azure's SDKs for IoT: the device registry of a hub, and enrollments of the provisioning service."""
