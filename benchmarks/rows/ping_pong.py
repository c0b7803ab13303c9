"""How many messages a second do two agents exchange when each answers the other?"""

from __future__ import annotations

import threading
import time

from benchmarks.row import Goal, Kit, Metric, Row, Sample


def measure(kit: Kit, size: int) -> Sample:
    """Count each message in either direction; there is never more than one under way."""

    class Player(kit.Agent):  # type: ignore[misc, name-defined]
        def __init__(self, done: threading.Event) -> None:
            super().__init__()
            self.done = done

        def on_receive(self, message: tuple[object, int]) -> None:
            sender, left = message
            if left == 0:
                self.done.set()
            else:
                sender.tell((self.actor_ref, left - 1))  # type: ignore[attr-defined]

    def run(count: int) -> float:
        done = threading.Event()
        ping, pong = spawn(Player, done), spawn(Player, done)
        begun = time.perf_counter()
        ping.tell((pong, count - 1))
        done.wait()
        return time.perf_counter() - begun

    with kit.system() as spawn:
        run(max(size // 10, 1))
        return {"rate": size / run(size)}


ROW = Row(
    key="ping_pong",
    method="two agents answer each other; each message counts, one is under way at a time",
    metrics=(
        Metric(
            "rate",
            "ping-pong",
            "messages/s",
            goals=(Goal(at_least=10, peer="pykka"), Goal(at_least=0.4, peer="otp")),
        ),
    ),
    sizes={
        "actortree": 500_000,
        "pykka": 50_000,
        "thespian": 50_000,
        "autogen": 2_000,
        "xoscar": 10_000,
        "otp": 1_000_000,
    },
    measure=measure,
)
