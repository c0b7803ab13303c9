"""Which CPythons from 3.11 on does this machine have?

Looks in PATH and in the versions of pyenv, and prints one line for the latest of each 3.x, with the GIL and without:
version, `free-threaded` or `gil`, and path, between tabs, lowest version first.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NAME = re.compile(r"python3(\.\d+)?t?")
ASK = """
import json, os, platform, sys, sysconfig
print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": list(sys.version_info[:3]),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "in_venv": sys.prefix != getattr(sys, "base_prefix", sys.prefix),
    "executable": os.path.realpath(sys.executable),
}))
"""


class Interpreter(NamedTuple):
    version: tuple[int, ...]
    free_threaded: bool
    path: str


def folders() -> Iterator[Path]:
    """PATH, then bin of each pyenv version; pyenv is also known by its shims, with HOME elsewhere."""
    on_path = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    yield from on_path
    roots = {Path(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"))}
    roots |= {folder.parent for folder in on_path if folder.name == "shims"}
    for root in sorted(roots):
        yield from sorted(root.glob("versions/*/bin"))


def answer(path: Path) -> Interpreter | None:
    """What the file says of itself; None where it is no CPython from 3.11 on, or does not run."""
    try:
        run = subprocess.run([path, "-I", "-c", ASK], capture_output=True, text=True, timeout=30)
        said = json.loads(run.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    if said["implementation"] != "CPython" or said["in_venv"] or tuple(said["version"]) < (3, 11):
        return None
    return Interpreter(tuple(said["version"]), said["free_threaded"], said["executable"])


def found() -> list[Interpreter]:
    candidates = (
        path
        for folder in folders()
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if NAME.fullmatch(path.name)
    )
    # A set: python3 and python3.11 of one folder are one interpreter.
    return sorted({interpreter for path in candidates if (interpreter := answer(path))})


def latest(interpreters: list[Interpreter]) -> list[Interpreter]:
    """The last of each 3.x, with the GIL and without; `interpreters` go from the lowest version to the highest."""
    return sorted({(each.version[:2], each.free_threaded): each for each in interpreters}.values())


if __name__ == "__main__":
    for version, free_threaded, path in latest(found()):
        print(".".join(map(str, version)), "free-threaded" if free_threaded else "gil", path, sep="\t")
