"""How is each act of a script done, and what is the oracle told of it?

Each act is a function of the world, the player whose script it is (None: a driver's) and what the act says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors import (
    AgentFuture,
    AgentRef,
    Cancelled,
    Delivery,
    ReplyError,
)
from tests.properties.accounts import Letter
from tests.properties.players import Player, spec_of
from tests.properties.programs import ERRORS, Act, Plan, Script
from tests.properties.sending import (
    Who,
    ask,
    ask_later,
    ask_through,
    defer,
    many,
    name_of,
    pipe,
    settle,
    stash,
    tell,
    unstash,
    watched,
)

if TYPE_CHECKING:
    from tests.properties.worlds import World

_Do = Callable[..., Any]


# -- failures, ends, children ----------------------------------------------------


def fail(world: World, player: Player, kind: str) -> None:
    raise ERRORS[kind](f"{name_of(player)}")


def reply_error(world: World, player: Player) -> None:
    raise ReplyError("no")


def stop(world: World, player: Who, path: str, drain: bool) -> None:
    ref = world.ref(path)
    if ref is None:
        return
    stopping = world.oracle.stops_one(f"the stop of {path} by {name_of(player)}")
    try:
        done: AgentFuture[bool] = watched(world, player, "stop", lambda: ref.stop(block=False, drain=drain))
    except BaseException:
        stopping.ends()
        raise
    done.add_done_callback(lambda *_: stopping.ends())


def stop_and_wait(world: World, player: Who, path: str, drain: bool, timeout: float) -> None:
    ref = world.ref(path)
    if ref is not None:
        stopping = world.oracle.stops_one(f"{name_of(player)} waits for the stop of {path}, which")
        try:
            watched(world, player, "stop", lambda: ref.stop(drain=drain, timeout=timeout))
        finally:
            stopping.ends()


def end(world: World, player: Player) -> None:
    watched(world, player, "stop", player.stop)


def spawn(world: World, player: Who, plan: Plan) -> None:
    spec = spec_of(plan, world)
    home: Any = world.system if player is None else player.context
    watched(world, player, "spawn", lambda: home.spawn(spec))


def start_child(world: World, player: Who, path: str, plan: Plan) -> None:
    ref = world.ref(path)
    if ref is not None:
        spec = spec_of(plan, world)
        watched(world, player, "start child", lambda: ref.start_child(spec))


def _administer(method: Callable[[AgentRef[Any], str], Any]) -> _Do:
    def act(world: World, player: Who, path: str, name: str) -> None:
        ref = world.ref(path)
        if ref is not None:
            stopping = world.oracle.stops_one(f"{name_of(player)} waits for {method.__name__} of {path}/{name}, which")
            try:
                watched(world, player, method.__name__, lambda: method(ref, name))
            finally:
                stopping.ends()

    return act


def watch(world: World, player: Player, path: str) -> None:
    ref = world.ref(path)
    if ref is not None:
        watched(world, player, "watch", lambda: player.context.watch(ref))


def unwatch(world: World, player: Player, path: str) -> None:
    ref = world.ref(path)
    if ref is not None:
        watched(world, player, "unwatch", lambda: player.context.unwatch(ref))


def stop_system(world: World, player: Who, timeout: float | None) -> None:
    watched(world, player, "stop the system", lambda: world.system.stop(timeout))


# -- time ------------------------------------------------------------------------


def once(world: World, player: Player, key: str, seconds: float, script: Script) -> None:
    tick = world.oracle.letter(script, player.me)
    watched(world, player, "timer", lambda: player.context.timers.once(key, seconds, tick))


def every(world: World, player: Player, key: str, seconds: float, script: Script) -> None:
    tick = world.oracle.letter(script, player.me)
    watched(world, player, "timer", lambda: player.context.timers.every(key, seconds, tick))


def cancel(world: World, player: Player, key: str) -> None:
    player.context.timers.cancel(key)


def idle(world: World, player: Player, seconds: float | None) -> None:
    after = None if seconds is None else player.idle_after(seconds)
    watched(world, player, "idle", lambda: player.context.set_receive_timeout(after))


def hang(world: World, player: Player, gate: int) -> None:
    world.gates[gate].wait()


def slow(world: World, player: Who, seconds: float) -> None:
    clock = world.system.clock
    world.system.pool.make_room()
    never: AgentFuture[None] = AgentFuture()
    clock.wait(never, clock.now() + seconds)


def heartbeat(world: World, player: Player) -> None:
    watched(world, player, "heartbeat", player.context.heartbeat)


def become(world: World, player: Player) -> None:
    watched(world, player, "become", lambda: player.context.become(player.behave))


def unbecome(world: World, player: Player) -> None:
    watched(world, player, "unbecome", player.context.unbecome)


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
