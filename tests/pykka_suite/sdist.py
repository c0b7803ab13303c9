"""Where do Pykka's own tests come from? From the source distribution of the version that is installed.

They are downloaded with pip when they are first needed, kept in `.cache/pykka` of the checkout, and never
committed.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "pykka"

SHA256 = {"4.5.0": "820fcc36046552b49d7eb61fe98088d1a29631cf3314e8ce4bc26aaead8dcd4f"}
"""Checksums of the source distributions that were read; of another version, only its version is checked."""


def folder() -> Path:
    """The unpacked source distribution of the installed Pykka; blocks on the network the first time."""
    name = f"pykka-{version('pykka')}"
    unpacked = CACHE / name
    if not unpacked.is_dir():
        archive = CACHE / f"{name}.tar.gz"
        if not archive.is_file():
            _download(archive)
        check(archive, version("pykka"))
        _unpack(archive, unpacked)
    return unpacked


def check(archive: Path, expected: str) -> None:
    """Raises ValueError where `archive` is not Pykka's source distribution of the version `expected`."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SHA256.get(expected, digest):
        raise ValueError(f"{archive} has the SHA-256 {digest}, not {SHA256[expected]}: remove it")
    try:
        with tarfile.open(archive) as members:
            metadata = members.extractfile(f"pykka-{expected}/PKG-INFO")
            said = metadata.read() if metadata else b""
    except (KeyError, tarfile.TarError):
        said = b""
    if f"Version: {expected}\n".encode() not in said:
        raise ValueError(f"{archive} is not the source distribution of pykka {expected}: remove it")


def _download(archive: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    requirement = archive.name.removesuffix(".tar.gz").replace("-", "==")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--no-binary", "pykka", "--dest", str(archive.parent), requirement]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode or not archive.is_file():
        raise RuntimeError(
            f"pip could not download the source distribution of {requirement}; "
            f"without a network, put it there by hand: {archive}\n{run.stderr}"
        )


def _unpack(archive: Path, unpacked: Path) -> None:
    """Moves the folder to its place in one step, so that an interrupted run leaves no half of it."""
    halfway = CACHE / f"unpacking-{unpacked.name}"
    shutil.rmtree(halfway, ignore_errors=True)
    with tarfile.open(archive) as members:
        # The first releases of 3.11 know no filters.
        members.extractall(halfway, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (halfway / unpacked.name).rename(unpacked)
    halfway.rmdir()
