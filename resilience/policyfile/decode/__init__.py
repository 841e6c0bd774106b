"""From the tables of all files to values: each table has a module that reads it."""
