"""How many times a second can one child crash and be restarted?"""

from __future__ import annotations

from benchmarks.row import Goal, Metric, Row

ROW = Row(
    key="crash",
    method=(
        "a child raises on each message, and the next is told when the restarted one has begun. "
        "Logged: failure lines are formatted and written to /dev/null (OTP drops lines beyond its "
        "own burst limit). Quiet: no log sink. Both limits are 1,000,000 restarts within 1 s; "
        "OTP's supervisor reads its list of the last second at each restart, so a short burst, "
        "one in twenty of the crashes, is shown as well. The other peers restart nothing"
    ),
    metrics=(
        Metric(
            "logged",
            "crash, restart, next crash (logged)",
            "restarts/s",
            goals=(Goal(at_least=2, peer="otp"),),
        ),
        Metric(
            "quiet", "crash, restart, next crash (quiet)", "restarts/s", goals=(Goal(at_least=2, peer="otp"),)
        ),
        Metric("burst", "the same, a short burst (quiet)", "restarts/s"),
    ),
    sizes={"actortree": 20_000, "otp": 20_000},
)
