"""Which libraries can be measured, and are they here?"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
from dataclasses import dataclass

OURS = "actortree"
OPTIONAL = ("pykka", "thespian", "autogen", "xoscar", "otp")

_PACKAGES = {
    OURS: ("actors", "actortree"),
    "pykka": ("pykka", "pykka"),
    "thespian": ("thespian", "thespian"),
    "autogen": ("autogen_core", "autogen-core"),
    "xoscar": ("xoscar", "xoscar"),
}


@dataclass(frozen=True)
class Presence:
    """Whether a peer can be measured here, its version, and what is missing if not."""

    available: bool
    version: str | None
    note: str = ""


def presence(peer: str) -> Presence:
    """Look for `peer` without running it; OTP is asked for its release, which takes about 0.2 s."""
    if peer == "otp":
        return _otp()
    module, distribution = _PACKAGES[peer]
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:  # A folder without an __init__ has a spec, and no origin.
        return Presence(False, None, f"no module named {module!r}")
    try:
        return Presence(True, importlib.metadata.version(distribution))
    except importlib.metadata.PackageNotFoundError:
        return Presence(True, "source checkout")


def _otp() -> Presence:
    missing = [program for program in ("erl", "erlc") if shutil.which(program) is None]
    if missing:
        return Presence(False, None, f"not on the path: {', '.join(missing)}")
    facts = "[erlang:system_info(otp_release), erlang:system_info(emu_flavor)]"
    question = f'io:format("~s ~s", {facts}), halt().'
    answer = subprocess.run(["erl", "-noshell", "-eval", question], capture_output=True, text=True, timeout=60)
    return Presence(True, answer.stdout.strip())
