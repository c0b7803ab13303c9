"""How does a test get a Redis of its own, and break it?"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.eventlog import redis_binary

# Where a test hangs, its process is ended without any clearing up.
_ENDED_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()

START = 10.0
"""Seconds that a server may take to answer."""


class RedisServer:
    """A real redis-server on a unix socket in a folder of its own, which is ended with the block.

    `persistent` writes each command to a file, so that a restart finds what was there; without it a restart is empty.
    """

    def __init__(self, *, persistent: bool = False, tcp: bool = False) -> None:
        # Not pytest's folder: the path of a socket has room for 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self._persistent = persistent
        self._port = _free_port() if tcp else 0
        self._socket = self._folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0" if self._port else f"unix://{self._socket}"

    def start(self) -> None:
        """Start it, and wait until it answers. Raises RuntimeError with what it wrote if it does not."""
        options = ["--port", str(self._port), "--unixsocket", str(self._socket), "--dir", str(self._folder)]
        options += ["--save", "", "--appendonly", "yes" if self._persistent else "no", "--appendfsync", "always"]
        self._socket.unlink(missing_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*_ENDED_WITH_US, redis_binary.get(), *options], stdout=log, stderr=log)
        deadline = time.monotonic() + START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError(f"redis-server did not start: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.01)

    def freeze(self) -> None:
        """Stop the process where it stands: it takes connections, and answers none."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it with SIGKILL, and wait until it is gone."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def call(self, *words: str | int) -> Any:
        """Ask the server over a connection of its own, with patience: as a person at redis-cli would."""
        import redis

        client = redis.Redis.from_url(self.url, socket_timeout=START, protocol=2)
        try:
            return client.execute_command(*words)
        finally:
            client.close()

    def configure(self, name: str, value: str | int) -> None:
        self.call("CONFIG", "SET", name, value)

    def reset(self) -> None:
        """Bring it back to how it was made, for the next test."""
        if self._process is None:
            self.start()
        self.thaw()
        for name, value in (("maxmemory", 0), ("maxmemory-policy", "noeviction")):
            self.configure(name, value)
        self.call("REPLICAOF", "NO", "ONE")
        self.call("FLUSHALL")
        self.call("SCRIPT", "FLUSH")

    def forget_saved(self) -> None:
        """Let the next start be without what `SAVE` has kept."""
        (self._folder / "dump.rdb").unlink(missing_ok=True)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "the server was killed"
        os.kill(self._process.pid, number)

    def _answers(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(self._socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def needs_redis() -> None:
    """Skip the test where there is no redis-server to be had; fail it where the environment says CI."""
    import pytest  # The benchmarks, which need a server too, do without.

    try:
        redis_binary.get()
    except redis_binary.NoRedisServerError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@contextmanager
def running() -> Iterator[RedisServer]:
    """A server for all tests of one worker."""
    needs_redis()
    with RedisServer() as server:
        yield server
