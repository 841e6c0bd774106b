"""What clients sign with: credentials that ask for their keys, such that renew themselves, and roles."""
