"""A real browser, without a window, spoken to by its own pipe: Chromium, from PATH or installed with apt-get.

`python -m tests.reports.browser` gets it beforehand.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HELP = "install it (Debian: apt-get install chromium, Fedora: dnf install chromium)"
PATIENCE = 60.0


class NoBrowserError(Exception):
    """There is no browser on this machine, and it could not be had; the text says why."""


def find() -> str | None:
    """The browser that this machine has."""
    return next((found for found in map(shutil.which, NAMES) if found), None)


def install() -> None:
    """Ask the package manager; raises NoBrowserError where this is nobody who may."""
    apt = shutil.which("apt-get")
    if apt is None:
        raise NoBrowserError(f"no browser, and no apt-get: {HELP}")
    rights = [] if os.geteuid() == 0 else ["sudo", "-n"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        try:
            ran = subprocess.run([*rights, apt, *arguments], capture_output=True, text=True, env=environment)
        except OSError as error:
            raise NoBrowserError(f"neither root nor sudo ({error}): {HELP}") from error
        if ran.returncode and "install" in arguments:
            raise NoBrowserError(f"apt-get: {(ran.stderr or ran.stdout).strip()[-500:]}; {HELP}")


_ON_3_AND_4 = """import fcntl, os, sys
read, write = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""A browser that is spoken to by a pipe reads from 3 and writes to 4."""


class Browser:
    """One page of a browser: `with Browser(binary) as browser: browser.open(path)`; a call waits until it is done."""

    def __init__(self, binary: str, width: int = 1280, height: int = 1000) -> None:
        self._home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        command = [sys.executable, "-c", _ON_3_AND_4, str(to_read), str(to_write), binary, "--headless"]
        command += ["--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += ["--no-first-run", f"--user-data-dir={self._home.name}", f"--window-size={width},{height}"]
        self._process = subprocess.Popen(
            command, pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_read)
        os.close(to_write)
        self._number = 0
        self._loaded = False
        self._rest = b""
        self.problems: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._to)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._from)
        self._home.cleanup()

    def open(self, page: Path) -> None:
        """Show a file, and wait until it is there; what the page complains of is in `problems`."""
        self._loaded = False
        self._call("Page.navigate", url=page.resolve().as_uri())
        while not self._loaded:
            self._hear(self._next())

    def evaluate(self, script: str) -> Any:
        """What an expression gives, as a JSON value."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Click with the mouse in the middle of what a selector finds first."""
        where = (
            f"(() => {{ const one = document.querySelector({json.dumps(selector)}); one.scrollIntoView();"
            " const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        x, y = self.evaluate(where)
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press a key on what has the focus."""
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._hear(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._from, 65536)
            if not piece:
                raise NoBrowserError(f"{self._process.args!r} has ended")
            self._rest += piece
        one, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(one)
        return answer

    def _hear(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        match event.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Runtime.exceptionThrown":
                self.problems.append(str(parameters["exceptionDetails"]))
            case "Log.entryAdded":
                self.problems.append(parameters["entry"]["text"])
            case "Network.requestWillBeSent" if not parameters["request"]["url"].startswith(("file:", "about:")):
                self.problems.append(f"asked for {parameters['request']['url']}")


def main() -> int:
    """Get it, and say which; 1 where there is none: then the tests of pages are skipped."""
    try:
        if find() is None:
            install()
    except NoBrowserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"browser: {find()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
