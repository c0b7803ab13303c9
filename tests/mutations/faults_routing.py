"""What could be wrong with how a message gets to the members of a group, or to the routees of a pool?"""

from tests.mutations.fault import Fault

ROUTER, ENDPOINT = "actors/routing/ref.py", "actors/routing/endpoint.py"
POOL, ROUTEES = "actors/routing/pool_ref.py", "actors/routing/routees.py"

GROUPS = (
    Fault(
        "a-leave-is-answered-before-what-is-on-its-way", "a member gets a message after it was let go",
        ENDPOINT, "Endpoint._change_flight", "return [each for each in self._aloft if not each.settled]", "return []",
        "routing/router_lives",
    ),
    Fault(
        "who-delivers-does-not-look-whether-the-member-has-left", "a member gets a message after it was let go",
        ENDPOINT, "Endpoint.deliver", "if self._is_over(subscriptions):", "if False:",
        "routing/router_lives routing/lagging routing/topics",
    ),
    Fault(
        "a-broadcast-comes-back-to-its-sender", "agents that answer each broadcast with another never end",
        ROUTER, "RouterRef._to_everybody", "if endpoint.cell is sender:", "if False:",
        "routing/router",
    ),
    Fault(
        "a-told-broadcast-passes-the-routers-mailbox", "what its sender sends to one member overtakes it",
        ROUTER, "RouterRef.tell", "elif kind is Broadcast:", "elif False:",
        "routing/router",
    ),
    Fault(
        "a-control-message-goes-into-the-queue", "it waits behind what it is to stop, or is lost for want of room",
        ROUTER, "RouterRef.send", "if not isinstance(message, ControlMessage):", "if True:",
        "routing/lagging",
    ),
    Fault(
        "what-a-member-was-told-it-lost-is-counted-again", "it is told of losses that it never had",
        ENDPOINT, "Endpoint._tell_lost", "count, self._untold = self._untold, 0", "count = self._untold",
        "routing/lagging",
    ),
    Fault(
        "a-member-is-told-of-its-losses-once-only", "it takes what it gets later for all that there was",
        ENDPOINT, "Endpoint._tell_lost", "self._lagging = False", "pass",
        "routing/lagging",
    ),
)  # fmt: skip

POOLS = (
    Fault(
        "a-routee-that-has-ended-is-still-picked", "its share of the messages are dead letters",
        ROUTEES, "Routee.close", "self.left = True", "pass",
        "routing/pool",
    ),
    Fault(
        "who-is-retired-does-not-wait-for-its-senders", "what one of them is about to put in is a dead letter",
        ROUTEES, "Routee.landed", "if flight:", "if False:",
        "routing/pool_senders",
    ),
    Fault(
        "a-key-belongs-to-a-number-of-routees", "one more routee moves nearly all keys",
        "actors/routing/picking.py", "_Ring.choose",
        "bisect(points, _point(self._key(message)))", "_point(self._key(message)) % len(points)",
        "routing/pool_picking",
    ),
    Fault(
        "who-takes-a-turn-away-begins-anew", "the first routees get more than the others with each change",
        "actors/routing/picking.py", "_Turns.__init__", "0 if before is None else before._first_of(self._routees)", "0",
        "routing/pool_picking",
    ),
    Fault(
        "a-full-routee-keeps-its-senders-from-the-others", "they wait or are refused although there is room",
        POOL, "PoolRef._make_do", "if not self._register.pick.any_will_do or picked not in routees:", "if True:",
        "routing/pool_sizes",
    ),
    Fault(
        "what-waited-for-a-new-pool-is-not-handed-on", "messages vanish, and their askers wait for ever",
        "actors/routing/pool.py", "RouteePool.on_receive", "ref.hand_on(waited[0])", "pass",
        "routing/pool",
    ),
    Fault(
        "the-first-error-ends-an-ask-of-several", "nobody waits for the answer that is on its way",
        "actors/routing/gathering.py", "FirstAnswer._take",
        "elif last and all(each._error is not None for each in self._branches):", "else:",
        "routing/pool_asks",
    ),
)  # fmt: skip

FAULTS = (*GROUPS, *POOLS)
