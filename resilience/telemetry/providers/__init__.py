"""OpenTelemetry providers: those of the program, and those for a program that sets none."""
