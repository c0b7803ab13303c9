"""How is a program watched from another process, while it runs?"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from actors.eventlog import Gap, open_log

# The program, which knows nothing of those who watch it. Its log is a file.
PROGRAM = """
import sys
from loguru import logger
from actors import ActorSystem, Agent
from actors.eventlog import SqliteLog, record

class Parser(Agent):
    def on_receive(self, message):
        return int(message)

logger.remove()
with SqliteLog(sys.argv[1]) as log, ActorSystem("reader") as system:
    record(system, log)
    print("recording", flush=True)
    sys.stdin.readline()
    parser = system.spawn(Parser, name="parser")
    for text in ("1", "2", "three", "4"):
        parser.tell(text)
    parser.ask("5")
"""


def main() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run.db"
        command = [sys.executable, "-c", PROGRAM, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            print("the program is", program.stdout.readline().strip())
            with open_log(path) as reader, reader.follow(after=0) as follower:
                program.communicate("go on\n")
                for record in follower:
                    if isinstance(record, Gap):
                        print(f"{record.lost} records are not kept any more")
                        continue
                    if record.path in ("/parser", "/") and record.event_type not in ("agent_stopping", "agent_stopped"):
                        print(f"{record.seq:2} {record.event_type:16} {record.path} {record.new_state or ''}".rstrip())
                    if record.event_type == "system_stopped":
                        break


if __name__ == "__main__":
    main()
