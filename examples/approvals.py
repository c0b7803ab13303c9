"""What if an agent may do something only after somebody has said yes, once, also after a crash?"""

import tempfile
from pathlib import Path

from actors import ActorSystem, Agent
from actors.approvals import ApprovalAnswer, ApprovalRequest, Approver, ApproverRef


class Worker(Agent):
    """Runs commands, each after it was approved."""

    def __init__(self, approver: ApproverRef) -> None:
        self.approver = approver

    def on_receive(self, command: str) -> str:
        asked = {"command": command}
        request = ApprovalRequest(task_id="clean", action="run", payload=asked, editable=True, key=f"clean/{command}")
        answer = self.approver.request(request).get()
        if not answer.approved:
            why = f" ({answer.reason})" if answer.reason else ""
            return f"{answer.approval_id} is not run: {answer.outcome}{why}"
        allowed = answer.payload or asked  # whoever approved may have changed it
        with self.approver.executing(answer, "run", allowed):
            return f"{answer.approval_id} runs: {allowed['command']}"


class Ann(Agent):
    """Decides. Without her, `actortree approvals FILE approve ap-1` would do so, in any terminal."""

    def on_receive(self, request: ApprovalRequest) -> ApprovalAnswer:
        command = request.payload["command"]
        if "sudo" in command:
            return ApprovalAnswer(task_id=request.task_id, outcome="refused", reason="not as root")
        edited = {"command": command.replace("-r", "-ri")}
        return ApprovalAnswer(task_id=request.task_id, outcome="approved", payload=edited)


def run(store: Path, *commands: str) -> None:
    with ActorSystem("demo") as system:
        ann = system.spawn(Ann, name="ann")
        approver = system.spawn(Approver, store=store, decider=ann, deadline=60.0, name="approver")
        worker = system.spawn(Worker, approver, name="worker")
        for command in commands:
            print(worker.ask(command))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "crew.approvals")
        run(store, "sudo rm -r /", "rm -r build")
        print("and the next day:")
        run(store, "sudo rm -r /", "rm -r build")


if __name__ == "__main__":
    main()
