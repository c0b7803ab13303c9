"""Which faults do the tests notice, and which not?"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.mutations.fault import Fault, RottenFault
from tests.mutations.faults import FAULTS
from tests.mutations.runner import ALL_TESTS, BrokenRun, Runner, Verdict


def main(arguments: Sequence[str] | None = None, faults: Sequence[Fault] = FAULTS) -> int:
    """Put the faults into copies of the tree, one at a time, and say which tests notice; gives the exit status.

    0: each is noticed. 1: one survives. 2: it cannot be told, because the sound tree fails its tests, for example.
    """
    options = _parse(arguments, faults)
    chosen = [fault for fault in faults if not options.only or fault.name in options.only]
    if options.list:
        for fault in chosen:
            print(f"{fault.name}: {fault.harm} ({fault.file})")
        return 0
    runner = Runner()
    try:
        return _run(runner, chosen, options.jobs, options.all_tests)
    except (RottenFault, BrokenRun) as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        runner.close()


def _run(runner: Runner, faults: Sequence[Fault], jobs: int, all_tests: bool) -> int:
    for fault in faults:
        runner.source_with(fault)
    began = time.monotonic()
    needed = ALL_TESTS if all_tests else sorted({file for fault in faults for file in fault.test_files})
    sound = runner.run(None, needed)
    if sound.test is not None:
        print(f"the tree fails without any fault: {sound.test}", file=sys.stderr)
        return 2
    print(f"without a fault all tests pass, {sound.seconds:.1f} s", flush=True)

    def verdict_of(fault: Fault) -> Verdict:
        return runner.run(fault, ALL_TESTS if all_tests else fault.test_files)

    survived = []
    with ThreadPoolExecutor(jobs) as threads:
        verdicts = [threads.submit(verdict_of, fault) for fault in faults]
        try:
            for fault, verdict in zip(faults, verdicts, strict=True):
                print(f"{fault.name}: {verdict.result()}", flush=True)
                if verdict.result().test is None:
                    survived.append(fault)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            runner.close()
            raise
    caught = f"{len(faults) - len(survived)} of {len(faults)} faults were noticed"
    print(f"{caught}, {time.monotonic() - began:.0f} s")
    for fault in survived:
        print(f"not noticed: {fault.name}: {fault.harm}")
    return 1 if survived else 0


def _parse(arguments: Sequence[str] | None, faults: Sequence[Fault]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=main.__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="this fault alone; may be given several times")
    parser.add_argument("--list", action="store_true", help="say which faults there are, and run nothing")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="so many runs at a time, by default 2")
    parser.add_argument("--all-tests", action="store_true", help=f"run all of {' and '.join(ALL_TESTS)} for each")
    options = parser.parse_args(arguments)
    unknown = set(options.only or ()) - {fault.name for fault in faults}
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    if options.jobs < 1:
        parser.error("--jobs: at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
