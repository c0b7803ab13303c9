"""Is the archive that Pykka's tests are taken from the right one?"""

import io
import tarfile
from pathlib import Path

import pytest

from tests.pykka_suite import sdist


def archive(folder: Path, version: str) -> Path:
    """A source distribution that says it is Pykka's, of that version."""
    path = folder / f"pykka-{version}.tar.gz"
    text = f"Name: pykka\nVersion: {version}\n".encode()
    member = tarfile.TarInfo(f"pykka-{version}/PKG-INFO")
    member.size = len(text)
    with tarfile.open(path, "w:gz") as members:
        members.addfile(member, io.BytesIO(text))
    return path


def test_an_archive_with_another_checksum_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"not {sdist.SHA256['4.5.0']}: remove it"):
        sdist.check(archive(tmp_path, "4.5.0"), "4.5.0")


def test_of_a_version_without_a_known_checksum_the_version_is_checked(tmp_path: Path) -> None:
    sdist.check(archive(tmp_path, "4.9.1"), "4.9.1")
    wrong = archive(tmp_path, "4.9.2").rename(tmp_path / "pykka-4.9.3.tar.gz")
    with pytest.raises(ValueError, match=r"is not the source distribution of pykka 4\.9\.3"):
        sdist.check(wrong, "4.9.3")


def test_an_archive_that_pip_cannot_get_is_named_with_the_place_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with pytest.raises(RuntimeError, match=r"put it there by hand: .*pykka-4\.5\.0\.tar\.gz"):
        sdist._download(tmp_path / "cache" / "pykka-4.5.0.tar.gz")
