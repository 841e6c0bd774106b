"""The patches of a script's libraries: wrapped client classes, and watched requests and connections."""
