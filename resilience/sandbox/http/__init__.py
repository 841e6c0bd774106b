"""The sandbox on the wire: connections, commands of other processes, and proxies that do not lead here."""
