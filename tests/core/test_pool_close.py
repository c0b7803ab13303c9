"""Does the pool end while one of its threads hangs?"""

import threading

from actors._core.dispatcher import Pool
from actors.testkit import Gate
from tests.core.helpers import PATIENCE


class QuietPool(Pool):
    """A pool that says when its monitor has gone to sleep."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.quiet = threading.Event()

    def _watch_until_quiet(self) -> None:
        super()._watch_until_quiet()
        self.quiet.set()


class Hanging:
    """A task that does not come back before it is let go."""

    def __init__(self) -> None:
        self.gate = Gate()

    def run(self) -> None:
        self.gate.wait()


def test_a_pool_whose_thread_hangs_closes_after_a_quiet_time() -> None:
    pool, task = QuietPool("pool"), Hanging()
    pool.put(task)
    task.gate.reached()
    assert pool.quiet.wait(PATIENCE)
    closing = threading.Thread(target=pool.close, daemon=True)
    closing.start()
    closing.join(2.0)
    closed = not closing.is_alive()
    task.gate.open()
    closing.join(PATIENCE)
    assert closed
