"""OpenTelemetry providers: the program's own, and one for a program that sets none."""
