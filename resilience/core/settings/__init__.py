"""The values of single tables of a policy: its credentials, and its faults for rehearsals."""
