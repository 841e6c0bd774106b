"""Turns the tables of all files into values, with one module for each table."""
