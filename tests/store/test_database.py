"""Is a file of somebody else left as it was?"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from actors._store.database import FileKind, WrongFileError, open_for_reading, open_for_writing

KIND = FileKind(0x61747400, 1, "CREATE TABLE thing(id INTEGER PRIMARY KEY)", WrongFileError)


def test_a_database_of_something_else_is_refused_and_not_one_byte_of_it_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs(id INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(WrongFileError, match="it is a database of something else"):
        open_for_writing(path, KIND)
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["theirs.db"]


def test_a_file_that_is_no_database_is_refused_and_left(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all, " * 100)
    with pytest.raises(WrongFileError, match="not a database"):
        open_for_writing(path, KIND)
    assert path.read_text() == "Dear all, " * 100


def test_a_new_file_is_made_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "ours.db"
    connection = open_for_writing(path, KIND)
    connection.execute("INSERT INTO thing VALUES(7)")
    connection.close()
    again = open_for_writing(path, KIND)
    reading = open_for_reading(path, KIND)
    assert again.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert reading.execute("SELECT id FROM thing").fetchall() == [(7,)]
    reading.close()
    again.close()


def test_a_file_of_a_later_format_is_refused_with_both_numbers(tmp_path: Path) -> None:
    path = tmp_path / "later.db"
    connection = open_for_writing(path, KIND)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(WrongFileError, match="it has format 2, and this version of actortree knows 1"):
        open_for_writing(path, KIND)
