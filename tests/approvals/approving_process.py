"""A program that asks for approval, for tests that kill it: `approving_process.py FILE STATE`.

It brings one request, with the key "k", into that state, says so on standard output, and stays there. With "answered"
it asks, and says what it is answered. What it executes is a line in FILE.done.
"""

from __future__ import annotations

import sys
from pathlib import Path

from actors import ActorSystem
from actors.approvals import ApprovalRequest, Approver, ApproverRef, digest_of

PAYLOAD = {"command": "rm -r build"}
REQUEST = ApprovalRequest(task_id="t-1", action="run", payload=PAYLOAD, key="k", editable=True)


def bring(approver: ApproverRef, state: str, done: Path) -> None:
    answer = approver.request(REQUEST)
    (approval,) = approver.pending()
    print("pending", flush=True)
    if state == "answered":
        got = answer.get()
        print(f"{got.outcome} by {got.by}: {got.reason} {dict(got.payload or {})}", flush=True)
    if state in ("approved", "executing", "consumed"):
        approver.approve(approval.id, by="somebody")
        print("approved", flush=True)
    if state in ("executing", "consumed"):
        approver.begin(approval.id, digest_of("run", PAYLOAD))
        with done.open("a") as file:
            file.write("done\n")
        print("executing", flush=True)
    if state == "consumed":
        approver.consume(approval.id)
        print("consumed", flush=True)


def main() -> None:
    path, state = sys.argv[1:]
    with ActorSystem("program") as system:
        bring(system.spawn(Approver, store=path, name="approver"), state, Path(f"{path}.done"))
        sys.stdin.readline()


if __name__ == "__main__":
    main()
