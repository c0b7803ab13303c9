"""How do players and drivers send, ask, put aside and answer, and what is the oracle told of it?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors import AgentFuture, AgentStoppedError, AskTimeout, Cancelled, HandlerTimeout, MailboxFullError
from actors.testkit.simulation.strands import Unwind
from tests.properties.accounts import Answer
from tests.properties.players import Piped, Player
from tests.properties.programs import Script

if TYPE_CHECKING:
    from tests.properties.worlds import World

Who = Player | None


def watched(world: World, player: Who, what: str, do: Callable[[], Any]) -> Any:
    """Do something to others; an incarnation that was abandoned before is not to get through with it."""
    fenced = player is not None and player.me.fenced
    result = do()
    if player is not None and fenced:
        world.oracle.acted(player.me, what)
    return result


def name_of(player: Who) -> str:
    return "a driver" if player is None else str(player.me)


def tell(world: World, player: Who, path: str, script: Script) -> None:
    ref = world.ref(path)
    if ref is None:
        return
    letter = world.oracle.letter(script)
    world.oracle.sends(letter, asked=False)
    try:
        watched(world, player, "tell", lambda: ref.tell(letter))
    except MailboxFullError:
        world.oracle.counts["told one that has no room"] += 1  # there is a dead letter
    except AgentStoppedError:
        world.oracle.counts["told one that has ended"] += 1  # there is a dead letter
    except BaseException:
        world.oracle.interrupted(letter)
        raise
    world.look_at_mailbox(ref)


def _abandoned(world: World, error: BaseException) -> bool:
    """Whether the agent may have been abandoned over an ask just before its handler could say that it begins."""
    return not world.oracle.exact and isinstance(error, (AgentStoppedError, HandlerTimeout))


def many(world: World, player: Who, path: str, count: int, script: Script) -> None:
    for _ in range(count):
        tell(world, player, path, script)


def ask(world: World, player: Who, path: str, script: Script, timeout: float | None, through: bool = False) -> None:
    ref = world.ref(path)
    if ref is None:
        return
    if timeout is None and player is not None and player.is_waited_for:
        timeout = 2.0
    letter = world.oracle.letter(script)
    world.oracle.sends(letter, asked=True)
    asked = world.oracle.asks_for(letter, name_of(player))
    try:
        asked.ends(watched(world, player, "ask", lambda: ref.ask(letter, timeout=timeout)))
    except Unwind:
        world.oracle.interrupted(letter)
        asked.ends(error=AskTimeout(path, 0.0))
        raise
    except BaseException as error:
        asked.ends(error=error)
        if isinstance(error, Cancelled) or _abandoned(world, error):
            world.oracle.interrupted(letter)
        if through or (isinstance(error, Cancelled) and player is not None and player.me.fenced):
            raise


def ask_through(world: World, player: Who, path: str, script: Script, timeout: float | None) -> None:
    ask(world, player, path, script, timeout, through=True)


def ask_later(world: World, player: Who, path: str, script: Script, timeout: float | None) -> AgentFuture[Any] | None:
    ref = world.ref(path)
    if ref is None:
        return None
    letter = world.oracle.letter(script)
    world.oracle.sends(letter, asked=True)
    asked = world.oracle.asks_for(letter, name_of(player))

    def ends() -> None:
        try:
            asked.ends(future.get())
        except BaseException as error:
            if _abandoned(world, error):
                world.oracle.interrupted(letter)
            asked.ends(error=error)

    try:
        future: AgentFuture[Any] = watched(world, player, "ask", lambda: ref.ask(letter, block=False, timeout=timeout))
    except BaseException as error:
        world.oracle.interrupted(letter)
        asked.ends(error=error)
        raise
    future.add_done_callback(lambda *_: ends())
    return future


def pipe(world: World, player: Player, path: str, script: Script, timeout: float | None) -> None:
    future = ask_later(world, player, path, script, timeout)
    if future is None:
        return
    context = player.me.context

    def piped(value: Any) -> Piped:
        return Piped(bool(context.over or context.fenced))

    watched(world, player, "pipe", lambda: context.pipe_to_self(future, piped))


def stash(world: World, player: Player) -> None:
    letter = player.letter
    if letter is None or letter.origin is not None or not world.once_more("stash", str(letter.number)):
        return  # a tick would wait as a plain message, and what is put aside and taken up could be so for ever
    world.stashes.add(player.actor_ref)
    watched(world, player, "stash", player.context.stash)
    player.stashed = True


def unstash(world: World, player: Player) -> None:
    watched(world, player, "unstash", player.context.unstash_all)


def defer(world: World, player: Player) -> None:
    letter = player.letter
    reply = watched(world, player, "defer", player.context.defer)
    player.owes.append((reply, letter))
    world.owed.append((reply, letter, player.me))


def settle(world: World, player: Who) -> None:
    """Give an answer that was put off: one of one's own, or, outside all agents, anybody's."""
    if player is not None:
        if not player.owes:
            return
        reply, letter = player.owes.pop(0)
        me, late = player.me, False
    else:
        if not world.owed:
            return
        reply, letter, me = world.owed.pop(0)
        late = world.oracle.exact and (me.context.over or me.fenced)
    answer = Answer(letter.number, me.path, me.incarnation, late)
    watched(world, player, "settle", lambda: reply.set(answer))
