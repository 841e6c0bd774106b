"""
How do the pods of an indexed Kubernetes Job share a fleet?

Each pod cuts the rows into the same chunks and takes those of its index, so nothing has to hand them out. Kubernetes
starts a pod again that has died; the ledger tells it what is done. Each has an equal part of the limits.

The Job, in the cluster; a ledger for many machines is ``[ledger] url`` in the policy::

    apiVersion: batch/v1
    kind: Job
    metadata: {name: bridges}
    spec:
      completionMode: Indexed
      completions: 4
      parallelism: 4
      backoffLimitPerIndex: 5
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: fleet
              image: registry.example/bridges
              command: [python, kubernetes_job.py]
              env: [{name: PODS, value: "4"}, {name: BRIDGES, value: /data/bridges}]

Here, where each command is a pod::

    PODS=2 JOB_COMPLETION_INDEX=0 BRIDGES=/tmp/bridges python examples/engines/kubernetes_job.py
    PODS=2 JOB_COMPLETION_INDEX=1 BRIDGES=/tmp/bridges python examples/engines/kubernetes_job.py
"""

from __future__ import annotations

import os
import sys
from itertools import islice

from bridges import POLICY, ROWS

from resilience.fleet import chunks, run_chunk

FUNCTION = "bridges:create_bridge"


def main() -> int:
    """Make this pod's part; return 0 if all of it is done, and 1 for another try."""
    pods, index = int(os.environ["PODS"]), int(os.environ["JOB_COMPLETION_INDEX"])
    done = failed = 0
    for chunk in islice(chunks(ROWS, FUNCTION, policy=POLICY, size=8), index, None, pods):
        result = run_chunk(FUNCTION, chunk, policy=POLICY, share=pods)
        failed += sum(each.failure is not None for each in result.outcomes)
        done += sum(each.failure is None for each in result.outcomes)
    print(f"pod {index}: {done} done, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
