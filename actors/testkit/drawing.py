"""Does the tree of agents look as it was drawn?"""

from __future__ import annotations

import inspect
import re
from typing import Any

from actors._core.ref import AgentRef
from actors._core.system import ActorSystem
from actors._core.tree import Tree
from actors.testkit.masking import difference, masked

_BRANCHES = ("├", "└")
_RUNNING_FOR = re.compile(r" for \d+\.\d s\b")


def assert_tree(what: ActorSystem | AgentRef[Any] | Tree, drawn: str) -> None:
    """Compare the tree as it is now with a drawing of it, as `print(system.tree())` gives it.

    - `what`: a system, a snapshot, or a ref: then the drawing is of that agent and all below it.
    - `drawn`: indented as it likes, with or without the first line that counts the agents. `...` in a line stands for
      any text. How long a message has been handled, addresses and UUIDs are left out of account.

    Raises AssertionError with the difference. Looks once: wait for what makes the tree so before, with an ask or an
    expected event.
    """
    if not isinstance(drawn, str):
        raise ValueError(f"drawn: a str, not {drawn!r}")
    wanted = [_masked(line) for line in inspect.cleandoc(drawn).splitlines() if line.strip()]
    found = [_masked(line) for line in _lines(what)]
    if isinstance(what, (ActorSystem, Tree)) and (not wanted or wanted[0].startswith(_BRANCHES)):
        del found[0]
    alike = [_as_drawn(line, wanted, number) for number, line in enumerate(found)]
    if wanted != alike:
        raise AssertionError(f"the tree is not as drawn:\n{difference(wanted, alike, 'drawn', 'now')}")


def _lines(what: object) -> list[str]:
    if isinstance(what, ActorSystem):
        return str(what.tree()).splitlines()
    if isinstance(what, Tree):
        return str(what).splitlines()
    if isinstance(what, AgentRef):
        return _branch(what)
    raise ValueError(f"what: an ActorSystem, an AgentRef or a Tree, not {what!r}")


def _branch(ref: AgentRef[Any]) -> list[str]:
    agent = ref._cell.system.tree().find(ref.path)
    if agent is None or not ref.is_alive():
        raise AssertionError(f"there is no agent {ref.path} any more")
    return [str(agent), *str(Tree("", agent)).splitlines()[1:]]


def _masked(line: str) -> str:
    return _RUNNING_FOR.sub(" for ? s", masked(line)).rstrip()


def _as_drawn(line: str, wanted: list[str], number: int) -> str:
    """Give the drawn line that this one fits, at the same place if it does, else itself.

    So a difference shows no line that only says with `...` what is there.
    """
    same = [drawn for drawn in wanted if drawn == line]
    for drawn in [*wanted[number : number + 1], *same, *wanted]:
        if drawn == line or ("..." in drawn and _pattern(drawn).fullmatch(line)):
            return drawn
    return line


def _pattern(drawn: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in drawn.split("...")))
