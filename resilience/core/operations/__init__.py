"""What a policy says of operations: those that it declares, new names, and what cannot be done."""
