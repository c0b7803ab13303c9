"""How is each act of a script done, and what is the oracle told of it?

Each act is a function of the world, the player whose script it is (None: a driver's) and what the act says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors import (
    AgentFuture,
    AgentRef,
    AgentStoppedError,
    AskTimeout,
    Cancelled,
    Delivery,
    MailboxFullError,
    ReplyError,
)
from actors.testkit.simulation.strands import Unwind
from tests.properties.accounts import Answer, Letter
from tests.properties.players import Piped, Player, spec_of
from tests.properties.programs import ERRORS, Act, Plan, Script

if TYPE_CHECKING:
    from tests.properties.worlds import World

Who = Player | None
_Do = Callable[..., Any]


def _watched(world: World, player: Who, what: str, do: Callable[[], Any]) -> Any:
    """Do something to others; an incarnation that was abandoned before is not to get through with it."""
    fenced = player is not None and player.me.fenced
    result = do()
    if player is not None and fenced:
        world.oracle.acted(player.me, what)
    return result


def _name(player: Who) -> str:
    return "a driver" if player is None else str(player.me)


# -- messages --------------------------------------------------------------------


def tell(world: World, player: Who, path: str, script: Script) -> None:
    ref = world.ref(path)
    if ref is None:
        return
    letter = world.oracle.letter(script)
    world.oracle.sends(letter, asked=False)
    try:
        _watched(world, player, "tell", lambda: ref.tell(letter))
    except MailboxFullError:
        world.oracle.refused(letter)
    except AgentStoppedError:
        world.oracle.counts["told one that has ended"] += 1  # there is a dead letter
    except BaseException:
        world.oracle.interrupted(letter)
        raise
    world.look_at_mailbox(ref)


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
    asked = world.oracle.asks_for(letter, _name(player))
    try:
        asked.ends(_watched(world, player, "ask", lambda: ref.ask(letter, timeout=timeout)))
    except Unwind:
        world.oracle.interrupted(letter)
        asked.ends(error=AskTimeout(path, 0.0))
        raise
    except BaseException as error:
        asked.ends(error=error)
        if isinstance(error, MailboxFullError):
            world.oracle.refused(letter)
        if isinstance(error, Cancelled):
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
    asked = world.oracle.asks_for(letter, _name(player))

    def ends() -> None:
        try:
            asked.ends(future.get())
        except MailboxFullError as error:
            world.oracle.refused(letter)
            asked.ends(error=error)
        except BaseException as error:
            asked.ends(error=error)

    try:
        future: AgentFuture[Any] = _watched(world, player, "ask", lambda: ref.ask(letter, block=False, timeout=timeout))
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
        return Piped(not context.is_current)

    _watched(world, player, "pipe", lambda: context.pipe_to_self(future, piped))


def stash(world: World, player: Player) -> None:
    letter = player.letter
    if letter is None or letter.origin is not None or not world.once_more("stash", str(letter.number)):
        return  # a tick would wait as a plain message, and what is put aside and taken up could be so for ever
    world.stashes.add(player.actor_ref)
    _watched(world, player, "stash", player.context.stash)
    player.stashed = True


def unstash(world: World, player: Player) -> None:
    _watched(world, player, "unstash", player.context.unstash_all)


def defer(world: World, player: Player) -> None:
    letter = player.letter
    reply = _watched(world, player, "defer", player.context.defer)
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
    _watched(world, player, "settle", lambda: reply.set(answer))


# -- failures, ends, children ----------------------------------------------------


def fail(world: World, player: Player, kind: str) -> None:
    raise ERRORS[kind](f"{_name(player)}")


def reply_error(world: World, player: Player) -> None:
    raise ReplyError("no")


def stop(world: World, player: Who, path: str, drain: bool) -> None:
    ref = world.ref(path)
    if ref is None:
        return
    stopping = world.oracle.stops_one(f"the stop of {path} by {_name(player)}")
    try:
        done: AgentFuture[bool] = _watched(world, player, "stop", lambda: ref.stop(block=False, drain=drain))
    except BaseException:
        stopping.ends()
        raise
    done.add_done_callback(lambda *_: stopping.ends())


def stop_and_wait(world: World, player: Who, path: str, drain: bool, timeout: float) -> None:
    ref = world.ref(path)
    if ref is not None:
        stopping = world.oracle.stops_one(f"{_name(player)} waits for the stop of {path}, which")
        try:
            _watched(world, player, "stop", lambda: ref.stop(drain=drain, timeout=timeout))
        finally:
            stopping.ends()


def end(world: World, player: Player) -> None:
    _watched(world, player, "stop", player.stop)


def spawn(world: World, player: Who, plan: Plan) -> None:
    spec = spec_of(plan, world)
    home: Any = world.system if player is None else player.context
    _watched(world, player, "spawn", lambda: home.spawn(spec))


def start_child(world: World, player: Who, path: str, plan: Plan) -> None:
    ref = world.ref(path)
    if ref is not None:
        spec = spec_of(plan, world)
        _watched(world, player, "start child", lambda: ref.start_child(spec))


def _administer(method: Callable[[AgentRef[Any], str], Any]) -> _Do:
    def act(world: World, player: Who, path: str, name: str) -> None:
        ref = world.ref(path)
        if ref is not None:
            stopping = world.oracle.stops_one(f"{_name(player)} waits for {method.__name__} of {path}/{name}, which")
            try:
                _watched(world, player, method.__name__, lambda: method(ref, name))
            finally:
                stopping.ends()

    return act


def watch(world: World, player: Player, path: str) -> None:
    ref = world.ref(path)
    if ref is not None:
        _watched(world, player, "watch", lambda: player.context.watch(ref))


def unwatch(world: World, player: Player, path: str) -> None:
    ref = world.ref(path)
    if ref is not None:
        _watched(world, player, "unwatch", lambda: player.context.unwatch(ref))


def stop_system(world: World, player: Who, timeout: float | None) -> None:
    _watched(world, player, "stop the system", lambda: world.system.stop(timeout))


# -- time ------------------------------------------------------------------------


def once(world: World, player: Player, key: str, seconds: float, script: Script) -> None:
    tick = world.oracle.letter(script, player.me)
    _watched(world, player, "timer", lambda: player.context.timers.once(key, seconds, tick))


def every(world: World, player: Player, key: str, seconds: float, script: Script) -> None:
    tick = world.oracle.letter(script, player.me)
    _watched(world, player, "timer", lambda: player.context.timers.every(key, seconds, tick))


def cancel(world: World, player: Player, key: str) -> None:
    player.context.timers.cancel(key)


def idle(world: World, player: Player, seconds: float | None) -> None:
    after = None if seconds is None else player.idle_after(seconds)
    _watched(world, player, "idle", lambda: player.context.set_receive_timeout(after))


def hang(world: World, player: Player, gate: int) -> None:
    world.gates[gate].wait()


def slow(world: World, player: Who, seconds: float) -> None:
    clock = world.system.clock
    world.system.pool.make_room()
    never: AgentFuture[None] = AgentFuture()
    clock.wait(never, clock.now() + seconds)


def heartbeat(world: World, player: Player) -> None:
    _watched(world, player, "heartbeat", player.context.heartbeat)


def become(world: World, player: Player) -> None:
    _watched(world, player, "become", lambda: player.context.become(player.behave))


def unbecome(world: World, player: Player) -> None:
    _watched(world, player, "unbecome", player.context.unbecome)


def open_gate(world: World, player: Who, gate: int) -> None:
    world.gates[gate].open()


# -- faults ----------------------------------------------------------------------


def _is_plain(message: Any) -> bool:
    return isinstance(message, Letter) and message.origin is None


def fault(world: World, player: Who, kind: str, path: str, nth: int) -> None:
    oracle = world.oracle

    def do(delivery: Delivery) -> None:
        if kind == "drop":
            delivery.drop("dropped by a fault")
        elif kind == "delay":
            delivery.delay(0.25 * nth)
        elif kind == "duplicate":
            delivery.duplicate()
            oracle.copied(delivery.message)
            delivery.proceed()
        else:
            oracle.crashed(delivery.message, delivery.asked)
            raise ERRORS["oops"]("in place of the handler")

    world.system.intercept(do, _pattern(path), _is_plain, nth)


def hook_fault(world: World, player: Who, path: str, hook: str, nth: int) -> None:
    def crash(delivery: Delivery) -> None:
        raise ERRORS["oops"](f"in place of {hook}")

    world.system.intercept(crash, _pattern(path), hook, nth)


def _pattern(path: str) -> str:
    return path.replace("<self>", "/**")


ACTS: dict[str, _Do] = {
    "tell": tell,
    "many": many,
    "ask": ask,
    "ask through": ask_through,
    "ask later": ask_later,
    "pipe": pipe,
    "stash": stash,
    "unstash": unstash,
    "defer": defer,
    "settle": settle,
    "fail": fail,
    "reply error": reply_error,
    "stop": stop,
    "stop and wait": stop_and_wait,
    "end": end,
    "spawn": spawn,
    "start child": start_child,
    "terminate": _administer(AgentRef.terminate_child),
    "restart": _administer(AgentRef.restart_child),
    "delete": _administer(AgentRef.delete_child),
    "watch": watch,
    "unwatch": unwatch,
    "stop system": stop_system,
    "once": once,
    "every": every,
    "cancel": cancel,
    "idle": idle,
    "hang": hang,
    "slow": slow,
    "wait": slow,
    "heartbeat": heartbeat,
    "become": become,
    "unbecome": unbecome,
    "open": open_gate,
    "fault": fault,
    "hook fault": hook_fault,
}


def perform(world: World, act: Act, player: Who) -> None:
    """Do one act. What it raises is the player's own where it is to fail, or has been given up; else it goes on."""
    try:
        ACTS[act[0]](world, player, *act[1:])
    except Cancelled:
        if player is not None and player.me.fenced:
            raise
    except Exception as error:
        if act[0] in ("fail", "reply error", "ask through") and player is not None:
            raise
        if not world.is_expected(error):
            world.oracle.violated("oracle", f"{act[0]} raised {error!r}")
