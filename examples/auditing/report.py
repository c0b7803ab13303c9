"""How is it told what was found?"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

from auditing.crew import Results
from auditing.files import Found, Kind


class Terminal:
    """Standard error: one line of progress that keeps changing, or in a log a line now and then, and log messages."""

    def __init__(self) -> None:
        self.is_live = sys.stderr.isatty()
        self.interval = 0.1 if self.is_live else 2.0
        self._shown = ""

    def progress(self, done: int, expected: int, failed: int) -> None:
        line = f"{done} of {expected} files" + (f", {failed} failed" if failed else "")
        if line != self._shown:
            self._shown = line
            sys.stderr.write(f"\r\x1b[K{line}" if self.is_live else f"{line}\n")
            sys.stderr.flush()

    def log(self, message: str) -> None:
        """Write a message of the log above the line of progress."""
        self.clear()
        sys.stderr.write(message)

    def clear(self) -> None:
        if self.is_live and self._shown:
            sys.stderr.write("\r\x1b[K")
            self._shown = ""


def show_table(found: Found, results: Results) -> None:
    print(f"{'kind':10}{'found':>7}{'audited':>9}{'failed':>8}{'bytes':>13}{'problems':>10}   of note")
    for kind in Kind:
        files = sum(file.kind is kind for file in found.files)
        if files:
            seen = [one for one in results.seen if one.file.kind is kind]
            failed = sum(one.file.kind is kind for one in results.failed)
            counts = sum((one.counts for one in seen), Counter[str]())
            size = counts.pop("bytes", 0)
            longest = max((one.longest for one in seen), default=(0, ""))
            problems = sum(len(one.findings) for one in seen)
            note = ", ".join([*(f"{what} {count:,}" for what, count in counts.items() if count), *_longest(longest)])
            print(f"{kind:10}{files:>7,}{len(seen):>9,}{failed:>8,}{size:>13,}{problems:>10,}   {note}")


def _longest(longest: tuple[int, str]) -> Iterable[str]:
    return [f"longest {longest[0]:,} ({longest[1].removesuffix(':0')})"] if longest[0] else []


def show_problems(results: Results, top: int) -> None:
    findings = [finding for one in results.seen for finding in one.findings]
    # The heaviest first, and those of one weight by name.
    findings.sort(key=lambda finding: (-finding.weight, finding.name, finding.line))
    if findings:
        shown = "all of them" if len(findings) <= top else f"the {top} heaviest"
        print(f"\nProblems: {len(findings)}, {shown}")
        for finding in findings[:top]:
            place = f"{finding.name}:{finding.line}" if finding.line else finding.name
            print(f"  {place}: {finding.text}")


def show_failures(found: Found, results: Results) -> None:
    """Show what could not be audited and what was decided about whoever failed over it."""
    if results.failed:
        print(f"\nFailed: {len(results.failed)}")
    for failed in sorted(results.failed, key=lambda failed: failed.file.name):
        event = results.decided.get(failed.error)
        decision = f"{event.directive} {event.path} #{event.incarnation}" if event else "no decision"
        print(f"  {failed.file.name}: {_brief(failed.error)} -> {decision}")
    for title, entries in (("Skipped", found.skipped), ("Folders that cannot be listed", found.unlisted)):
        if entries:
            print(f"\n{title}: {len(entries)}")
            for name, reason in entries:
                print(f"  {name}: {reason}")
    if results.lost:
        print(f"\nLost, because no inspector was left: {len(results.lost)}")
        for lost in results.lost:
            print(f"  {lost.file.name}")


def _brief(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{type(error).__name__}{f', {text:.60}' if text else ''}"


def show_sum(found: Found, results: Results) -> bool:
    """Show whether no file was lost, and tell it: each counts once, where its result is, and was counted when found."""
    audited = len({one.file for one in results.seen})
    failed = len({one.file for one in results.failed})
    skipped = len(found.skipped)
    holds = audited + failed + skipped == found.count
    print(f"\n{audited} audited + {failed} failed + {skipped} skipped {'=' if holds else '!='} {found.count} found")
    return holds
