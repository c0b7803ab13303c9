"""What do the tests of typed messages start from? What those of the kernel do: threads, own threads, simulation."""

from tests.core.conftest import clock, dispatcher, lines, log, pytest_generate_tests, spec, system, trace, world

__all__ = ["clock", "dispatcher", "lines", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]
