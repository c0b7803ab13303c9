"""Does the command work on a log in Redis as it does on a file?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.console.runs import actortree
from tests.eventlog.conftest import _redis_server, redis_server
from tests.eventlog.servers import RedisServer

__all__ = ["_redis_server", "redis_server"]


@pytest.mark.usefixtures("redis_server")
def test_a_program_is_recorded_in_redis_and_shown_from_there(
    packages_folder: Path, folder: Path, redis_server: RedisServer
) -> None:
    url = redis_server.url
    ran = actortree(packages_folder, "run", "prog:short", "--log", url, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    lines = actortree(packages_folder, "events", url, "--after", 0, "--json").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))
    tree = actortree(packages_folder, "tree", url).stdout.splitlines()
    assert tree[0] == "short: 0 agents, 1 ended, it has ended"
    assert actortree(packages_folder, "dead-letters", url).stdout.startswith("1 dead letter in the log\n")
    assert "has ended" in actortree(packages_folder, "top", url).stdout
    followed = actortree(packages_folder, "events", url, "--follow", "-n", 1)
    assert "system_stopped" in followed.stdout
