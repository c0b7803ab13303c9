"""Does the audit account for every file, whatever the files do to its agents?"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AUDIT = ROOT / "examples" / "audit.py"
SHOWN = ROOT / "examples" / "output" / "audit.txt"
DEEP = "[" * 100_000
TWO_LINKS = (
    "# Title\n\n[good](b.py) [bad](gone.md) `[code](no.md)`\n\n```\n[in code](no.md)\n```\n[out](https://example.org)\n"
)


def start(packages_folder: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(AUDIT), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(packages_folder), "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def audit(packages_folder: Path, *arguments: object) -> tuple[int, str, str]:
    """Give exit status, output, and what went to standard error."""
    process = start(packages_folder, *arguments)
    try:
        output, errors = process.communicate(timeout=40)
    finally:
        process.kill()
    return process.returncode, output, errors


def equation(output: str) -> tuple[int, int, int, str, int]:
    (match,) = re.finditer(r"^(\d+) audited \+ (\d+) failed \+ (\d+) skipped (!?=) (\d+) found$", output, re.MULTILINE)
    audited, failed, skipped, sign, found = match.groups()
    return int(audited), int(failed), int(skipped), sign, int(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small folder with one file of each kind, some with a problem, and with folders that are not looked into."""
    folder = tmp_path / "folder"
    for ignored in (".git", ".venv", "__pycache__", ".mypy_cache"):
        (folder / ignored).mkdir(parents=True)
        (folder / ignored / "ignored.py").write_text("def (:\n")
    (folder / "a.md").write_text(TWO_LINKS)
    (folder / "b.py").write_text('"""Module."""\n\ndef public():\n    pass\n\ndef _private():\n    pass\n')
    (folder / "c.py").write_text("def (:\n")
    (folder / "d.json").write_text('{"a": }\n')
    (folder / "e.toml").write_text("a = 1\n")
    (folder / "f.txt").write_text("short\n" + "x" * 130 + "\n")
    (folder / "g.png").write_bytes(b"\x89PNG\0\0")
    return folder


def masked(text: str, folder: Path) -> str:
    text = text.replace(str(folder), "/home/me/folder").replace("\\", "/")
    text = re.sub(r"(?<=/home/me/folder, )\d+\.\d s", "2.1 s", text)
    # A crew may still be on its way out of its last message.
    text = re.sub(r"● (\w+ Crew) busy (#\d).*", r"○ \1 idle \2", text)
    text = re.sub(r"'\S*/poison-\w+/", "'/tmp/poison-4ce/", text)
    return re.sub(r"(RecursionError|MemoryError)(, |: ).*?(?= ->|$)", r"RecursionError\2...", text, flags=re.MULTILINE)


def test_the_problems_in_a_folder_are_found(folder: Path, packages_folder: Path) -> None:
    status, output, errors = audit(packages_folder, folder)
    assert (status, errors) == (0, "")
    assert equation(output) == (7, 0, 0, "=", 7)
    for problem in (
        "c.py:1: not valid Python",
        "d.json:1: not valid JSON",
        "a.md:3: the link leads nowhere: gone.md",
        "b.py: public names without a docstring: 1",
        "f.txt: lines above 120 characters: 1",
    ):
        assert f"  {problem}" in output
    assert "Problems: 5" in output
    assert "ignored" not in output


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_files_that_crash_and_hang_are_decided_about_and_none_is_lost(folder: Path, packages_folder: Path) -> None:
    status, output, errors = audit(packages_folder, folder, "--poison", "--deadline", "1")
    assert status == 0, output + errors
    audited, failed, skipped, sign, found = equation(output)
    assert (audited + failed + skipped, sign) == (found, "=")
    assert found == 7 + 10
    assert re.search(
        r"endless_sum\.py: (RecursionError|MemoryError).* -> restart /python/inspector-\d #1$", output, re.M
    )
    assert re.search(r"broken_link\.txt: FileNotFoundError.* -> resume /text/inspector-\d #\d$", output, re.M)
    assert re.search(r"pipe\.txt: HandlerTimeout.* -> restart /text/inspector-\d #\d$", output, re.M)
    assert re.search(r"deep-\d\.json: (RecursionError|MemoryError).* -> stop /data/inspector-\d #3$", output, re.M)
    assert "1 orphan" in output
    assert "Traceback" not in errors


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="shown as root sees it: all can be read")
def test_the_audit_prints_what_is_shown_beside_it(folder: Path, packages_folder: Path) -> None:
    status, output, _ = audit(packages_folder, folder, "--poison", "--crew", "1", "--deadline", "1")
    assert masked(output, folder) == SHOWN.read_text(encoding="utf-8")
    assert status == 0


def test_files_that_no_inspector_was_left_for_are_named_and_the_status_says_so(
    tmp_path: Path, packages_folder: Path
) -> None:
    for number in range(15):  # one inspector and three spares crash three times each
        (tmp_path / f"deep-{number:02}.json").write_text(DEEP)
    status, output, _ = audit(packages_folder, tmp_path, "--crew", "1")
    assert status == 1
    assert equation(output) == (0, 12, 0, "!=", 15)
    assert "Lost, because no inspector was left: 3\n  deep-12.json\n  deep-13.json\n  deep-14.json\n" in output


def test_a_device_or_socket_is_skipped_and_counted(tmp_path: Path, packages_folder: Path) -> None:
    (tmp_path / "zero").symlink_to("/dev/zero")
    status, output, _ = audit(packages_folder, tmp_path)
    assert (status, equation(output)) == (0, (0, 0, 1, "=", 1))


def test_an_empty_folder_is_audited_at_once(tmp_path: Path, packages_folder: Path) -> None:
    status, output, _ = audit(packages_folder, tmp_path)
    assert (status, equation(output)) == (0, (0, 0, 0, "=", 0))


@pytest.mark.parametrize(("name", "reason"), [("missing", "no such folder"), ("folder/b.py", "not a folder")])
def test_a_wrong_folder_is_one_line_and_status_1(name: str, reason: str, folder: Path, packages_folder: Path) -> None:
    wrong = folder.parent / name
    assert audit(packages_folder, wrong) == (1, "", f"audit: {wrong}: {reason}\n")


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [("--crew", "0", "a whole number above 0"), ("--deadline", "soon", "seconds above 0"), ("--top", "x", "a whole")],
)
def test_a_wrong_option_is_named_with_the_reason(option: str, value: str, reason: str, packages_folder: Path) -> None:
    status, output, errors = audit(packages_folder, option, value)
    assert (status, output) == (2, "")
    assert f"argument {option}: {reason}" in errors


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_ctrl_c_ends_in_order_and_shows_what_there_is(folder: Path, packages_folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    process = start(packages_folder, folder, "--deadline", "600")
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == "7 of 8 files\n"  # progress in a log: it hangs over the pipe now
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=40)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted: 1 of 8 files were not audited" in output
    assert "Traceback" not in errors
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_this_repository_is_audited(packages_folder: Path) -> None:
    status, output, errors = audit(packages_folder, "--deadline", "30")
    assert status == 0, output + errors
    audited, failed, _, sign, _ = equation(output)
    assert (failed, sign) == (0, "=")
    assert audited > 50
