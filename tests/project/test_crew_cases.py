"""Is each case about pools, orchestrators, tickets and conductors a test, and each defect of another such system?"""

from __future__ import annotations

from tests.cases import TESTS, carriers

CASES = [
    *(f"T{number}" for number in range(50, 90)),
    "T102",
    "T103",
    *(f"D1.{number}" for number in range(1, 18)),
    *(f"D2.{number}" for number in range(1, 15)),
    *(f"D3.{number}" for number in range(1, 25)),
]

BENEATH = {"core", "routing", "typed", "eventlog"}
"""The folders of what the crew is built upon."""

BOTH = {
    "D0.11": "that running out of turns or tokens is an outcome of its own",
    "D0.12": "which states may follow which, for tickets",
    "D0.13": "that all tickets behind a failed one are blocked",
    "D0.14": "that the files of a ticket are owned whole or not at all",
    "D1.4": "that each worker that is cancelled has a result, to be collected",
    "D1.6": "that several pieces of work are handed out in one call, all or none",
    "D1.9": "that a stream of events names its agent",
    "D1.12": "that how deep agents may spawn agents is bounded by the pool",
    "D1.13": "that what an agent remembers is its own",
    "D4.7": "that tasks, missions and reviews tell of themselves",
    "T99": "that each transition of a ticket has exactly one record",
}
"""The cases of which what is beneath holds a part only, and the part that is held by the crew."""

KNOWN = {
    *(f"T{number}" for number in range(1, 104)),
    *(
        f"{letter}{system}.{number}"
        for letter, last in (("D", (16, 17, 14, 24, 16)), ("S", (52, 41, 34, 41, 25)))
        for system, most in enumerate(last)
        for number in range(1, most + 1)
    ),
}
"""Every case, every defect and every line of the five systems."""

ALL = carriers(sorted(TESTS.rglob("test_*.py")))


def test_each_case_and_each_defect_is_a_test() -> None:
    assert [case for case in CASES if not ALL[case]] == []


def test_what_is_beneath_the_crew_holds_in_part_the_crew_holds_in_full() -> None:
    assert [case for case in BOTH if {test.partition("/")[0] for test in ALL[case]} <= BENEATH] == []


def test_no_test_claims_a_case_that_there_is_not() -> None:
    assert set(ALL) - KNOWN - {"S3.16b"} == set()
