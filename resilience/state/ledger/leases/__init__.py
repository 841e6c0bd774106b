"""A ledger on a server, for many machines, where claims are leases."""
