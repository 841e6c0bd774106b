"""What the calls of one process share with those of others, through a store."""
