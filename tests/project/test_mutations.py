"""Do the faults that the tests are tried with still fit the source, and does the script tell caught from not?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutations import runner
from tests.mutations.__main__ import main
from tests.mutations.fault import Fault, RottenFault
from tests.mutations.faults import FAULTS
from tests.mutations.runner import ROOT, BrokenRun, Runner, Verdict

pytestmark = pytest.mark.skipif(
    not (ROOT / "actors").is_dir(), reason="an installed wheel is under test, there is no source to put faults into"
)

QUICK = ("a-mailbox-takes-one-message-too-many", "drop_oldest-drops-the-newest")
HARMLESS = Fault(
    "a-comment", "nothing", "policies/limits.py", "", "Which restarts still count", "Which ones do", "policies/tables"
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_fits_the_source_in_one_place_and_leaves_it_compilable(fault: Fault) -> None:
    source = (ROOT / fault.file).read_text()
    faulty = fault.put_into(source)
    assert faulty != source
    compile(faulty, fault.file, "exec")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_names_the_tests_that_are_to_notice_it(fault: Fault) -> None:
    assert fault.test_files
    assert [file for file in fault.test_files if not (ROOT / file).is_file()] == []


def test_no_two_faults_have_one_name() -> None:
    names = [fault.name for fault in FAULTS]
    assert sorted(set(names)) == sorted(names)


SOURCE = "def once():\n    return 1\n\n\ndef twice():\n    return 2, 2\n\n\nother = 1\n"


@pytest.mark.parametrize(
    ("where", "old"),
    [("once", "2"), ("twice", "2"), ("", "return"), ("gone", "1"), ("once", "other")],
    ids=["not-there", "there-twice", "twice-in-the-file", "no-such-function", "outside-the-function"],
)
def test_a_fault_whose_place_has_changed_is_an_error(where: str, old: str) -> None:
    with pytest.raises(RottenFault):
        Fault("rotten", "", "file.py", where, old, "3", "").put_into(SOURCE)


def test_a_fault_changes_its_own_function_alone() -> None:
    fault = Fault("fits", "", "file.py", "once", "1", "3", "")
    assert fault.put_into(SOURCE) == SOURCE.replace("return 1", "return 3")


def test_all_faults_are_listed_and_nothing_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [fault.name for fault in FAULTS]


def test_a_fault_that_is_not_in_the_table_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--only", "no-such-fault"])
    assert end.value.code == 2
    assert "no such fault: no-such-fault" in capsys.readouterr().err


def verdict_on(tests: str, tree: Path) -> Verdict:
    """Say what comes of a tree that has these tests, and nothing else."""
    (tree / "tests").mkdir()
    (tree / "tests" / "test_it.py").write_text(tests)
    runs = Runner(tree)
    try:
        return runs.run(None, ["tests/test_it.py"])
    finally:
        runs.close()


HANGS_TIDYING_UP = """
import pytest, threading

@pytest.fixture
def system():
    yield
    threading.Event().wait()

@pytest.mark.parametrize("what", ["with a name in words"])
def test_it(system, what):
    assert False
"""


def test_what_hangs_after_a_test_has_failed_is_not_waited_for(tmp_path: Path) -> None:
    verdict = verdict_on(HANGS_TIDYING_UP, tmp_path)
    assert (verdict.test, verdict.hung) == ("tests/test_it.py::test_it[with a name in words]", False)
    assert verdict.seconds < runner.TEST_SECONDS


def test_a_test_that_hangs_has_noticed_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TEST_SECONDS", 1)
    hangs = "import threading\n\ndef test_it():\n    threading.Event().wait()\n"
    verdict = verdict_on(f"def test_before():\n    pass\n\n{hangs}", tmp_path)
    assert (verdict.test, verdict.hung) == ("tests/test_it.py::test_it", True)


def test_a_failure_counts_although_something_else_is_said_in_its_line(tmp_path: Path) -> None:
    noisy = "def test_it(capfd):\n    with capfd.disabled():\n        print('noise')\n    assert False\n"
    verdict = verdict_on(noisy, tmp_path)
    assert verdict.test is not None
    assert verdict.test.startswith("tests/test_it.py::test_it")
    assert not verdict.hung


def test_a_process_that_does_not_end_after_its_tests_is_ended(tmp_path: Path) -> None:
    lingers = "import threading\n\ndef test_it():\n    threading.Thread(target=threading.Event().wait).start()\n"
    verdict = verdict_on(lingers, tmp_path)
    assert (verdict.test, verdict.hung) == (None, False)


@pytest.mark.parametrize("tests", ["", "import no_such_module\n"], ids=["no-test", "does-not-load"])
def test_tests_that_do_not_run_tell_nothing(tmp_path: Path, tests: str) -> None:
    with pytest.raises(BrokenRun):
        verdict_on(tests, tmp_path)


@pytest.mark.slow
def test_a_fault_that_is_noticed_is_caught_by_the_first_test_that_fails() -> None:
    only = [word for name in QUICK for word in ("--only", name)]
    command = [sys.executable, "-m", "tests.mutations", "--jobs", "2", *only]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    sound, *caught, summary = ran.stdout.splitlines()
    assert sound.startswith("without a fault all tests pass, ")
    assert [line.partition(": caught by tests/core/test_mailbox")[0] for line in caught] == list(QUICK)
    assert summary.startswith("2 of 2 faults were noticed, ")


@pytest.mark.slow
def test_a_fault_that_survives_is_said_to_and_fails_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], [HARMLESS]) == 1
    assert "a-comment: SURVIVED, " in capsys.readouterr().out
    # Put into a copy: the source here is what it was.
    assert HARMLESS.old in (ROOT / HARMLESS.file).read_text()


def test_a_tree_whose_tests_fail_without_a_fault_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    rotten = Fault("rotten", "", HARMLESS.file, "", "no such text", "", HARMLESS.tests)
    assert main([], [rotten]) == 2
    said = capsys.readouterr()
    assert "rotten: found 0 times" in said.err
    assert said.out == ""
