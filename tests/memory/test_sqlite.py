"""Does a memory in a file outlive its process, and do two processes share one?"""

from __future__ import annotations

import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from actors.memory import LocalMemory, NotAMemoryError, SqliteMemory

WRITER = """
import sys
from actors.memory import SqliteMemory

memory = SqliteMemory(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    print(memory.remember(sys.argv[2], f"fact {number}"), flush=True)
sys.stdin.readline()
"""


def writer(path: Path, agent: str, count: int) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), agent, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert line_of(started) == "open\n"
    return started


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_what_was_kept_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "crew.memory"
    with SqliteMemory(path) as memory:
        kept = memory.remember("a", "a fact", source="x")
        memory.forget(memory.remember("a", "nonsense"))
        memory.set("a", "turn", 4)

    with SqliteMemory(str(path)) as memory:
        assert [(each.id, each.text, each.meta) for each in memory.recall("a", "")] == [
            (kept, "a fact", {"source": "x"})
        ]
        assert memory.get("a", "turn") == 4
        assert memory.remember("a", "another") == kept + 2


def test_what_a_killed_process_has_kept_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "crew.memory"
    with writer(path, "a", 20) as process:
        go_on(process)
        ids = [int(line_of(process)) for _ in range(20)]
        process.kill()

    with SqliteMemory(path) as memory:
        assert sorted(each.id for each in memory.recall("a", "fact", 100)) == ids


def test_two_processes_share_one_file(tmp_path: Path) -> None:
    path = tmp_path / "crew.memory"
    with SqliteMemory(path) as memory, writer(path, "a", 100) as first, writer(path, "b", 100) as second:
        go_on(first)
        go_on(second)
        own = [memory.remember("c", f"fact {number}") for number in range(50)]
        ids = [int(line_of(process)) for process in (first, second) for _ in range(100)]

        assert sorted(own + ids) == list(range(1, 251))
        assert [len(memory.recall(agent, "fact", 1000)) for agent in "abc"] == [100, 100, 50]
        go_on(first)
        go_on(second)


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine(x)")
    other.commit()
    other.close()
    before = path.read_bytes()

    with pytest.raises(NotAMemoryError, match=r"other\.db is no memory of agents: it is a database of something else"):
        SqliteMemory(path)

    assert path.read_bytes() == before


def test_a_file_that_cannot_be_made_or_used_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be opened"):
        SqliteMemory(tmp_path / "none" / "crew.memory")

    with SqliteMemory(tmp_path / "crew.memory") as memory:
        breaker = sqlite3.connect(memory.path)
        breaker.execute("DROP TABLE value")
        breaker.commit()
        breaker.close()
        with pytest.raises(OSError, match=r"crew\.memory cannot be used: no such table"):
            memory.set("a", "key", 1)
        assert memory.remember("a", "still works") == 1


def test_memories_say_what_they_are(tmp_path: Path) -> None:
    local = LocalMemory()
    local.remember("a", "fact")
    with SqliteMemory(tmp_path / "crew.memory") as memory:
        assert repr(memory) == f"<SqliteMemory in {tmp_path / 'crew.memory'}>"
    error = pickle.loads(pickle.dumps(NotAMemoryError(tmp_path, "why")))

    assert repr(local) == "<LocalMemory of 1 texts>"
    assert (error.path, error.why) == (tmp_path, "why")
