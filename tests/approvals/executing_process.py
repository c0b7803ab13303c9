"""A program that does one thing after the other, each after it was approved: `executing_process.py FILE COUNT`.

What it does is a line in FILE.done. It goes through all of them each time it is started, says which it is at, and
ends with its standard input.
"""

from __future__ import annotations

import os
import sys

from actors import ActorSystem
from actors.approvals import ApprovalRequest, Approver


def main() -> None:
    path, count = sys.argv[1:]
    done = os.open(f"{path}.done", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with ActorSystem("program") as system:
        approver = system.spawn(Approver, store=path, decider=lambda approval: True, name="approver")
        for number in range(int(count)):
            print(number, flush=True)
            payload = {"number": f"{number}"}
            request = ApprovalRequest(task_id=f"t-{number}", action="write", payload=payload, key=f"k-{number}")
            answer = approver.request(request).get()
            if answer.approved:
                with approver.executing(answer, "write", payload):
                    os.write(done, f"{number}\n".encode())
        sys.stdin.readline()


if __name__ == "__main__":
    main()
