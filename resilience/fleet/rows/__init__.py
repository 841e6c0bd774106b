"""The rows of a fleet: read, converted to the parameters of a function, and checked before anything is sent."""
