"""What does a user see who watches a run in a terminal?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.console.runs import COMMAND, Audit, environment
from tests.terminals import Terminal

SIZES = {"narrow": (60, 20), "ordinary": (100, 24), "wide": (160, 40)}


def top(packages_folder: Path, path: Path, size: str = "ordinary", *options: str, program: str = "") -> Terminal:
    command = [sys.executable, "-c", program] if program else list(COMMAND)
    columns, lines = SIZES[size]
    options = ("--every", "0.05", *options)
    return Terminal([*command, "top", str(path), *options], columns, lines, environment(packages_folder))


@pytest.mark.parametrize("size", SIZES)
def test_the_screen_has_every_agent_with_state_mailbox_time_and_restarts(
    packages_folder: Path, audit: Audit, path: Path, size: str
) -> None:
    with top(packages_folder, path, size) as terminal:
        shown = terminal.wait_for("q quit").splitlines()
        (one,) = [line for line in shown if "├ one" in line]
        (two,) = [line for line in shown if "└ two" in line]
        assert "○ idle" in one
        assert ("1 (3 in 5 s)" if size == "wide" else "1/3") in one
        assert [word for word in ("● busy", "1/1", "2.5 s", "Long()") if word not in two] == []
        assert ("Boom: crash of #1" in one) == (size != "narrow")
        assert shown[0].startswith("audit  run ")
        assert shown[1] == "3 agents  1 ● busy  2 ○ idle"
        assert "1 failure  1 restart" in shown[2]
        terminal.press("q")
        assert terminal.end() == 0


def test_a_state_is_told_by_word_glyph_and_colour(packages_folder: Path, audit: Audit, path: Path) -> None:
    with top(packages_folder, path) as terminal:
        terminal.wait_for("q quit")
        assert terminal.colour_at("● busy") == "green"
        assert terminal.colour_at("Boom: crash") == "red"


def test_what_happens_is_on_the_screen_without_a_key(packages_folder: Path, audit: Audit, path: Path) -> None:
    with top(packages_folder, path) as terminal:
        terminal.wait_for("2 ○ idle")
        audit.gate.open()
        audit.clock.settle()
        audit.look()
        terminal.wait_for("3 agents  3 ○ idle")
        audit.one.stop()
        terminal.wait_for("2 agents  2 ○ idle")
        audit.end()
        terminal.wait_for("has ended")
        assert terminal.process.poll() is None
        terminal.press("q")
        assert terminal.end() == 0


def test_keys_choose_what_comes_first(packages_folder: Path, audit: Audit, path: Path) -> None:
    def first(text: str) -> str:
        lines = text.splitlines()
        return lines[4] if len(lines) > 4 else ""

    with top(packages_folder, path) as terminal:
        terminal.wait_for(lambda text: first(text).startswith("└ crew"))
        terminal.press("m")
        terminal.wait_for(lambda text: first(text).startswith("/crew/two"))
        terminal.press("r")
        terminal.wait_for(lambda text: first(text).startswith("/crew/one"))
        terminal.press("e")
        terminal.wait_for("/crew/three")
        terminal.press("t")
        terminal.wait_for(lambda text: first(text).startswith("└ crew"))


def test_what_does_not_fit_can_be_scrolled_to(packages_folder: Path, audit: Audit, path: Path) -> None:
    from tests.core.doer import Doer

    for number in range(40):
        audit.system.spawn(Doer, name=f"more-{number:02}")
    audit.log.flush()
    with top(packages_folder, path) as terminal:
        shown = terminal.wait_for("of 43 agents")
        assert len(shown.splitlines()) == 24
        assert "more-39" not in shown
        for _ in range(4):
            terminal.press("j")
        terminal.wait_for("more-39")
        terminal.press("k" * 5)
        terminal.wait_for("├ crew")


def test_another_size_of_the_window_is_another_picture(packages_folder: Path, audit: Audit, path: Path) -> None:
    with top(packages_folder, path, "wide") as terminal:
        terminal.wait_for("RESTARTS (LIMIT)")
        terminal.resize(60, 12)
        shown = terminal.wait_for(lambda text: "RST" in text and "RESTARTS (LIMIT)" not in text)
        assert max(len(line) for line in shown.splitlines()) <= 60


@pytest.mark.parametrize(("end", "code"), [("q", 0), ("\x03", 130), ("", 143)], ids=["q", "ctrl-c", "sigterm"])
def test_the_terminal_is_as_it_was_afterwards(
    packages_folder: Path, audit: Audit, path: Path, end: str, code: int
) -> None:
    with top(packages_folder, path) as terminal:
        terminal.wait_for("q quit")
        assert b"\x1b[?1049h" in terminal.raw  # the other screen
        if end:
            terminal.press(end)
        else:
            terminal.process.terminate()
        assert terminal.end() == code
        assert b"\x1b[?1049l" in terminal.raw  # and back
        assert b"\x1b[?25h" in terminal.raw  # with its cursor
        assert b"Traceback" not in terminal.raw


def test_plain_is_one_picture_below_the_other_without_colours_until_the_end(
    packages_folder: Path, audit: Audit, path: Path
) -> None:
    with top(packages_folder, path, "ordinary", "--plain") as terminal:
        terminal.wait_for("3 agents")
        audit.end()
        assert terminal.end() == 0
        assert b"\x1b" not in terminal.raw
        assert terminal.raw.count(b"audit  run ") >= 2
        assert b"has ended" in terminal.raw


def test_once_is_one_picture_in_a_terminal_too(packages_folder: Path, audit: Audit, path: Path) -> None:
    with top(packages_folder, path, "ordinary", "--once") as terminal:
        assert terminal.end() == 0
        assert terminal.raw.count(b"audit  run ") == 1
        assert b"\x1b" not in terminal.raw


def test_without_rich_it_says_what_to_install(packages_folder: Path, audit: Audit, path: Path) -> None:
    program = "import sys; sys.modules['rich'] = None; from actors.console import main; sys.exit(main(sys.argv[1:]))"
    with top(packages_folder, path, program=program) as terminal:
        assert terminal.end() == 2
        assert "pip install 'actortree[tui]'; or use --plain" in terminal.text
