"""What is done for each ticket of an audit? Generators: where they yield, a worker handles its mail, or waits."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from actors.memory import SHARED, LocalMemory
from actors.work import Completed, Job
from auditing.drill import Drill
from auditing.examiners import EXAMINERS, Finding, MarkdownExaminer, Seen
from auditing.files import File, Found, Kind

Steps = Generator[Any, Any, Completed]
EVERY = 50
"""So many files are looked at between two reports of progress."""
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\n|\bAKIA[0-9A-Z]{16}\b")
_LICENCE = re.compile(r"SPDX-License-Identifier:\s*(\S+)|\b(MIT License|Apache License|GNU General Public License)")
_LARGE = 1_000_000


class Audit:
    """The work of all tickets; what one finds, the others find in the shared memory."""

    def __init__(self, root: Path, drill: Drill) -> None:
        self.root = root
        self.drill = drill
        self.memory = LocalMemory()

    def work(self, job: Job) -> Steps:
        """Do what the ticket says, and keep the result where its reviewer and other tickets find it."""
        self.drill.begin(job.ticket.id)
        end: Completed = yield from getattr(self, job.ticket.metadata["task"])(job)
        self.memory.set(SHARED, f"result/{job.ticket.id}", end.text)
        return end

    # -- tickets -----------------------------------------------------------------------

    def inventory(self, job: Job) -> Steps:
        found = Found()
        found.look_through(self.root)
        unknown = [file.name for file in found.files if file.kind is Kind.TEXT]
        if unknown:
            question = f"{len(unknown)} files are of no known kind. Look at them as text?"
            decision = yield job.decide(question)
            if not decision.granted:
                found.files = [file for file in found.files if file.kind is not Kind.TEXT]
        for number in range(1, len(found.files) + 1):
            if number % EVERY == 0:
                job.progress(f"{number} of {len(found.files)} files listed")
                yield
        self.memory.set(SHARED, "files", {file.name: file.kind.value for file in found.files})
        said = f"{len(found.files)} files"
        if job.feedback is not None:
            said += f", {sum(_size(file) for file in found.files):,} bytes"
        job.spend(*_tokens(file.name for file in found.files))
        return Completed(said, files=("inventory",))

    def look(self, job: Job) -> Steps:
        files = self._files(Kind(job.ticket.metadata["kind"]))
        seen = yield from self._each(job, files, EXAMINERS[Kind(job.ticket.metadata["kind"])]().look)
        findings = [finding for one in seen for finding in one.findings]
        self._keep(job, findings)
        return Completed(f"{len(files)} files, {len(findings)} problems", files=tuple(file.name for file in files[:5]))

    def links(self, job: Job) -> Steps:
        seen = yield from self._each(job, self._files(Kind.MARKDOWN), MarkdownExaminer().look)
        findings = [finding for one in seen for finding in one.findings if "link" in finding.text]
        self._keep(job, findings)
        links = sum(one.counts["relative links"] for one in seen)
        return Completed(f"{links} relative links, {len(findings)} lead nowhere")

    def keys(self, job: Job) -> Steps:
        seen = yield from self._each(job, self._files(), _look_for_keys)
        findings = [finding for one in seen for finding in one.findings]
        self._keep(job, findings)
        return Completed(f"{len(findings)} files with what looks like a key")

    def sizes(self, job: Job) -> Steps:
        found = Found()
        found.look_through(self.root)
        large = [file for file in found.files if _size(file) > _LARGE]
        self._keep(job, [Finding(30, file.name, 0, f"{_size(file):,} bytes") for file in large])
        job.spend(*_tokens(file.name for file in large))
        return Completed(f"{len(large)} files above {_LARGE:,} bytes")
        yield

    def licences(self, job: Job) -> Steps:
        names = set()
        for path in sorted(self.root.glob("*LICEN[CS]E*")):
            text = path.read_text("utf-8", "replace")
            names |= {first or second for first, second in _LICENCE.findall(text)}
        return Completed(f"licences: {', '.join(sorted(names)) or 'none that is known'}")
        yield

    def plan(self, job: Job) -> Steps:
        """Write down what to mend first; each note is a tool call, and in step mode needs an approval of its own."""
        notes = 0
        for finding in sorted(self._findings(), reverse=True)[:3]:
            noted = yield job.tool("write_note", self._note, text=f"{finding.name}: {finding.text}")
            notes += noted == "noted"
        return Completed(f"{job.prompt}: {notes} notes")

    def summary(self, job: Job) -> Steps:
        findings = self._findings()
        job.spend(*_tokens(finding.text for finding in findings))
        return Completed(f"{len(self._files())} files, {len(findings)} problems")
        yield

    def release(self, job: Job) -> Steps:
        return Completed("nothing stands in the way")
        yield

    # -- what they share ---------------------------------------------------------------

    def _note(self, text: str) -> str:
        self.memory.remember(SHARED, text, kind="note")
        return "noted"

    def _keep(self, job: Job, findings: Iterable[Finding]) -> None:
        self.memory.set(SHARED, f"findings/{job.ticket.id}", [asdict(finding) for finding in findings])

    def _findings(self) -> list[Finding]:
        keys = [*(kind.value for kind in Kind), "links", "keys", "sizes"]
        kept = (self.memory.get(SHARED, f"findings/{key}", []) for key in keys)
        return [Finding(**fields) for each in kept for fields in each]

    def _files(self, *kinds: Kind) -> list[File]:
        known = self.memory.get(SHARED, "files", {})
        files = [File(self.root / name, name, Kind(kind)) for name, kind in known.items()]
        return [file for file in files if not kinds or file.kind in kinds]

    def _each(
        self, job: Job, files: list[File], look: Callable[[Seen, bytes], None]
    ) -> Generator[Any, Any, list[Seen]]:
        """Look at each file; one that cannot be read, or breaks its reader, is a problem by itself."""
        seen: list[Seen] = []
        told = 0
        for number, file in enumerate(files, 1):
            one = Seen(file)
            try:
                data = file.path.read_bytes()
                one.counts["bytes"] = len(data)
                look(one, data)
            except (OSError, RecursionError, MemoryError) as error:
                one.problem(95, 0, f"cannot be read: {type(error).__name__}")
            seen.append(one)
            job.check()
            if number % EVERY == 0 or number == len(files):
                job.progress(f"{number} of {len(files)} files")
                job.spend(sum(each.counts["bytes"] for each in seen[told:]) // 4, 12 * (number - told))
                told = number
            yield
        return seen


def _look_for_keys(seen: Seen, data: bytes) -> None:
    found = _KEY.search(data)
    if found:
        seen.problem(99, data.count(b"\n", 0, found.start()) + 1, "looks like a key")


def _size(file: File) -> int:
    try:
        return file.path.stat().st_size
    except OSError:
        return 0


def _tokens(texts: Iterable[str]) -> tuple[int, int]:
    return sum(len(text) for text in texts) // 4, 20
