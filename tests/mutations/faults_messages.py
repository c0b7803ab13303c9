"""What could be wrong with how a message, an ask or a command gets in, is handled and is answered?"""

from tests.mutations.fault import Fault

PLACE, TURN = "actors/_core/place.py", "actors/_core/turn.py"
MAILBOX, INTERCEPTORS = "actors/_core/mailbox.py", "actors/_core/interceptors.py"

TURNS = (
    Fault(
        "a-turn-ends-without-a-second-look", "a message that comes at that moment waits for the next one",
        TURN, "Turn.run", "not (self.queue or self.control) or not self.lock.acquire(False)", "True",
        "core/last_looks",
    ),
    Fault(
        "a-turn-ends-with-the-gate-opened-after-the-lock-is-free", "an agent that ends meanwhile is open again",
        TURN, "Turn.run",
        "self.gate = OPEN\n                    self.lock.release()\n",
        "self.lock.release()\n                    self.gate = OPEN\n",
        "core/last_looks",
    ),
    Fault(
        "the-turn-is-released-without-a-second-look-at-the-commands", "a stop that comes at that moment is not obeyed",
        PLACE, "Place.release",
        "(self.control or (self.queue and self.gate == OPEN))", "self.queue and self.gate == OPEN",
        "core/last_looks",
    ),
    Fault(
        "a-late-sender-leaves-its-message-in-a-closed-mailbox", "the message is neither handled nor a dead letter",
        PLACE, "Place.knock", 'self._drain(queue, f"{self.ref} not found")', "pass",
        "core/promises_asks",
    ),
    Fault(
        "who-closes-a-mailbox-leaves-what-is-in-it", "accepted messages vanish, and their askers wait for ever",
        PLACE, "Place.close", "            self._drain(queue)", "            pass",
        "core/mailbox",
    ),
    Fault(
        "a-batch-of-messages-is-not-interrupted-by-a-command", "a stop waits for 256 messages",
        TURN, "Turn._work", "if self.control:\n", "if False:\n",
        "core/promises_stop",
    ),
    Fault(
        "a-decision-is-left-to-a-thread-that-has-gone", "a restart decided on another thread is not obeyed",
        TURN, "Turn._release_failed", "at_hand.clear()", "pass",
        "core/promises_failure",
    ),
    Fault(
        "the-lanes-last-look-does-not-come-after-it-is-free", "a failure that comes at that moment is not judged",
        "actors/_core/supervision.py", "Family.submit", "while self._lane and", "if self._lane and",
        "core/last_looks",
    ),
    Fault(
        "a-plain-exit-out-of-a-handler-is-not-caught", "SystemExit ends a thread of the pool, and an agent hangs",
        TURN, "Turn._work", "except BaseException as error", "except Exception as error",
        "core/promises_failure",
    ),
    Fault(
        "a-failing-message-leaves-no-trace", "nobody learns which message was lost",
        TURN, "Turn._raised", "if ask is None and context.item is not STASHED:", "if False:",
        "core/asks",
    ),
    Fault(
        "a-sooner-timer-does-not-wake-the-clock", "it fires when the later one is due",
        "actors/_core/clock.py", "SystemClock.call_at", "elif self._heap[0][2] is timer:", "elif False:",
        "core/clock_seams",
    ),
)  # fmt: skip

ASKS = (
    Fault(
        "an-ask-that-fails-on-the-askers-thread-is-left-at-that", "the agent is never restarted",
        TURN, "Turn._settle_inline", "self.dispatcher.put(self)", "pass",
        "core/defer_ends",
    ),
    Fault(
        "an-ask-overtakes-the-messages-that-wait", "messages of one sender change their order",
        TURN, "Turn.answer", "self.control or self.queue or self.state", "self.control or self.state",
        "core/lifecycle_turns",
    ),
    Fault(
        "an-ask-whose-time-is-over-is-executed", "work is done that nobody waits for",
        TURN, "Turn._handle_special",
        "item.settled or (item.deadline is not None and self.system.clock.now() >= item.deadline)", "item.settled",
        "core/promises_asks",
    ),
    Fault(
        "a-second-answer-replaces-the-first", "an asker that was told of a timeout finds a value later",
        "actors/_core/future.py", "AgentFuture.resolve",
        "            return False\n", "            self._value, self._error = value, error\n            return False\n",
        "core/promises_asks",
    ),
    Fault(
        "a-late-reply-leaves-no-trace", "nobody learns that it came",
        TURN, "Turn._reply", "if not ask.resolve(value):", "if not ask.resolve(value) and False:",
        "core/asks",
    ),
    Fault(
        "what-an-incarnation-owes-is-not-settled-at-its-end", "its askers wait for ever",
        "actors/_core/context.py", "Context.end", "settle_owed(self, cause)", "pass",
        "core/defer_ends",
    ),
    Fault(
        "a-cycle-through-an-ask-on-the-askers-thread-is-not-seen", "agents that wait for one another hang",
        TURN, "Turn.answer", "asker.cell.waiting = self", "pass",
        "core/promises_asks",
    ),
)  # fmt: skip

INTERCEPTED = (
    Fault(
        "an-interception-that-was-cancelled-goes-on", "messages are tampered with that nobody wanted to be",
        INTERCEPTORS, "Interceptors.remove", "self.active = tuple", "_ = tuple",
        "core/interceptors",
    ),
    Fault(
        "what-is-delayed-when-an-agent-ends-vanishes", "the message is neither handled nor a dead letter",
        PLACE, "Place.close", "interceptors.end(self.cell)", "pass",
        "core/interceptors_fates",
    ),
)  # fmt: skip

MAILBOXES = (
    Fault(
        "a-mailbox-takes-one-message-too-many", "its capacity is not kept",
        MAILBOX, "BoundedQueue._has_room", "< self._capacity", "<= self._capacity",
        "core/mailbox_fill core/mailbox_bounds",
    ),
    Fault(
        "one-message-too-many-slips-past-the-look-for-room", "its capacity is not kept",
        MAILBOX, "BoundedQueue.append", "< self._capacity", "<= self._capacity",
        "core/mailbox_bounds",
    ),
    Fault(
        "what-was-let-in-is-a-dead-letter-too", "who looks at the dead letters sends it twice",
        MAILBOX, "BoundedQueue._wait", "if not room.is_in:", "if True:",
        "core/backpressure_ends",
    ),
    Fault(
        "room-is-kept-for-a-sender-that-does-not-come", "those behind it wait for ever",
        MAILBOX, "BoundedQueue.wait_for_room", "self._let_in()", "pass",
        "core/mailbox_bounds",
    ),
    Fault(
        "agents-that-feed-one-another-are-not-seen", "they wait for one another for ever",
        MAILBOX, "Room.wait_until", "begin_wait(sender, self, self.cycle_error)", "pass",
        "core/backpressure_cycles",
    ),
    Fault(
        "two-may-send-the-same-dead-letter-again", "it arrives twice",
        "actors/_core/dead_letters.py", "DeadLetters._claim", " or number in self._claimed", "",
        "core/dead_letters",
    ),
    Fault(
        "drop_oldest-drops-the-newest", "the message that was to be kept is lost",
        MAILBOX, "BoundedQueue._replace_oldest",
        "next(i for i, queued in enumerate(self._items) if not isinstance(queued, Uncounted))", "len(self._items) - 1",
        "core/mailbox",
    ),
    Fault(
        "room-that-was-made-lets-nobody-in", "senders wait although there is room",
        MAILBOX, "BoundedQueue.popleft", "elif self._waiting:", "elif False:",
        "core/mailbox",
    ),
    Fault(
        "an-agent-waits-for-room-in-its-own-mailbox", "it waits for itself for ever",
        MAILBOX, "BoundedQueue._waits_for_itself", "context.cell is self._cell", "False",
        "core/dropin_mended",
    ),
)  # fmt: skip

POOL = (
    Fault(
        "a-thread-retires-from-a-task-that-has-just-come", "the task waits until there is another",
        "actors/_core/dispatcher.py", "Pool.retire", "return self.tasks.qsize() <= len(self.idle)", "return True",
        "core/lifecycle_threads",
    ),
)  # fmt: skip

FAULTS = (*TURNS, *ASKS, *INTERCEPTED, *MAILBOXES, *POOL)
