"""Does another process see each record once, in order?  `python -m tests.eventlog.following_process LOG RUN COUNT`

Says `ready` when it follows, and then, when it has seen COUNT records, as JSON what it has seen.
"""

from __future__ import annotations

import json
import sys

from actors.eventlog import Gap, open_log


def main(target: str, run: str, count: str) -> None:
    seen: list[int | None] = []
    gaps = 0
    with open_log(target, run) as reader, reader.follow(0) as follower:
        print("ready", flush=True)
        while len(seen) < int(count):
            for record in follower.next_batch():
                if isinstance(record, Gap):
                    gaps += 1
                else:
                    seen.append(record.seq)
    in_order = seen == list(range(1, int(count) + 1))
    print(json.dumps({"seen": len(seen), "in_order": in_order, "gaps": gaps}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
