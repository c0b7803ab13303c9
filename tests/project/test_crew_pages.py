"""Does every example on the pages about crews and agents at work run?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["crew.md", "agents.md"])
def test_the_examples_of_the_page_run_from_top_to_bottom(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    ran = 0
    for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], page, "exec"), names)
        ran += 1
    assert ran == text.count("```python") > 0
    shown = re.findall(r"print\(.*\) +# (.+)$", text, re.MULTILINE)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(shown)
    for line, pattern in zip(printed, shown, strict=True):
        assert re.fullmatch(re.escape(pattern).replace(r"\.\.\.", ".*"), line)
