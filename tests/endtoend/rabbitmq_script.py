"""A script that knows nothing of policies: a queue and a user on the broker at sys.argv[1], with httpx."""

import sys

import httpx

with httpx.Client(base_url=sys.argv[1], auth=("guest", "guest"), trust_env=False) as client:
    for path, body in {
        "/api/vhosts/lost%2Fone": {},
        "/api/queues/lost%2Fone/readings": {"durable": True},
        "/api/users/lost-one": {"password": "pw", "tags": ""},
        "/api/permissions/lost%2Fone/lost-one": {"configure": ".*", "write": ".*", "read": ".*"},
    }.items():
        client.put(path, json=body).raise_for_status()
    for path in ("/api/queues/lost%2Fone/readings", "/api/users/lost-one", "/api/vhosts/lost%2Fone"):
        client.delete(path).raise_for_status()
sys.stdout.write("done\n")
