"""How many times a second can one child crash and be restarted?"""

from __future__ import annotations

from benchmarks.row import Goal, Metric, Row

ROW = Row(
    key="crash",
    method=(
        "a child raises on each message, and the next is told when the restarted one has begun. "
        "Logged: the log goes to /dev/null (OTP drops lines beyond its burst limit, actortree sums "
        "up repeats). Quiet: no log sink. Neither limit is ever reached: here there is none, in OTP, "
        "which always has one, it is 1,000,000 within 1 s, and OTP looks through the restarts of that "
        "second each time; a short burst, one in twenty of the crashes, is where that matters least. "
        "The other peers restart nothing"
    ),
    metrics=(
        Metric(
            "logged",
            "crash, restart, next crash (logged)",
            "restarts/s",
            goals=(Goal(at_least=2, peer="otp"),),
        ),
        Metric("quiet", "crash, restart, next crash (quiet)", "restarts/s", goals=(Goal(at_least=2, peer="otp"),)),
        Metric("burst", "the same, a short burst (quiet)", "restarts/s"),
    ),
    sizes={"actortree": 20_000, "otp": 20_000},
)
