"""Is something made in a folder that others remove again and again?"""

from __future__ import annotations

from pathlib import Path

import pytest

from actors._store.folders import in_folder


def test_it_is_made_though_the_folder_was_removed_in_between(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    removed: list[Path] = []

    def make() -> str:
        if len(removed) < 3:
            folder.rmdir()
            removed.append(folder)
        (folder / "mine").write_text("here")
        return "made"

    assert in_folder(folder, make) == "made"
    assert (folder / "mine").read_text() == "here"


def test_a_folder_that_is_always_removed_is_given_up(tmp_path: Path) -> None:
    folder = tmp_path / "shared"

    def make() -> None:
        folder.rmdir()
        (folder / "mine").touch()

    with pytest.raises(FileNotFoundError):
        in_folder(folder, make)
