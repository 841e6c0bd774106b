"""
Generates the catalogue of AWS IoT Core from the models of botocore and a file of corrections.

botocore describes each operation of a service in a file of JSON: its errors with their HTTP status, its fields, and the
patterns of names. The files do not say what a repeat does, nor what an error means for a caller. That is written by
hand, with reason and source, in ``corrections.toml``. ``python -m resilience.clients.aws.catalogue --write`` puts both
together.
"""
