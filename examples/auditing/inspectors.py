"""Who looks at the files? One agent a kind; each reads one file at a time and answers with what it saw."""

from __future__ import annotations

from actors import Agent
from auditing.examiners import (
    BinaryExaminer,
    DataExaminer,
    Examiner,
    MarkdownExaminer,
    PythonExaminer,
    Seen,
    TextExaminer,
)
from auditing.files import File, Kind


class Inspector(Examiner, Agent):
    """Audits a file per message. It catches no error of its own: what an error means is the crew's policy."""

    def on_receive(self, message: File) -> Seen:
        seen = Seen(message)
        data = message.path.read_bytes()
        seen.counts["bytes"] = len(data)
        self.context.heartbeat()  # read: the deadline counts anew for the rest
        self.look(seen, data)
        return seen


class TextInspector(TextExaminer, Inspector):
    """For text of any kind."""


class BinaryInspector(BinaryExaminer, Inspector):
    """For what is no text."""


class DataInspector(DataExaminer, Inspector):
    """For JSON and TOML."""


class MarkdownInspector(MarkdownExaminer, Inspector):
    """For Markdown."""


class PythonInspector(PythonExaminer, Inspector):
    """For Python."""


INSPECTORS: dict[Kind, type[Inspector]] = {
    Kind.PYTHON: PythonInspector,
    Kind.MARKDOWN: MarkdownInspector,
    Kind.DATA: DataInspector,
    Kind.TEXT: TextInspector,
    Kind.BINARY: BinaryInspector,
}
