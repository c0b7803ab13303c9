"""What do the tests of guards start from? What those of the kernel do, in every world."""

from tests.core.conftest import clock, dispatcher, lines, log, pytest_generate_tests, spec, system, trace, world

__all__ = ["clock", "dispatcher", "lines", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]
