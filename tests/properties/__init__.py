"""Do the invariants hold, whatever is done to whatever tree?

A seed gives a program: a tree, and a script of what is done to it (`programs`, `scripts`). Agents that follow scripts
(`players`, `acting`) tell an oracle all that they do and see (`oracle`, `accounts`, `lives`), which says what was
wrong. The same programs run in a simulation and on real threads (`worlds`).

- I1: a parent has at most `max_children`, a bounded mailbox holds at most its capacity, and an agent with a thread of
  its own is run by that thread alone.
- I2: one incarnation of a path runs at a time, and handles one message at a time.
- I3: every ask ends, with the answer to just that ask, or an error.
- I4: every message that was accepted is handled or a dead letter, as often as it was sent, and one that was refused for
  want of room is a dead letter and is not handled.
- I6: every stop of the system ends, and ends every agent; a tree comes to rest.
- I7: each step of a life is one event, in the order of a life; a handler runs only between the events that say so.
- I8: children end before their parents, and no thread outlives the system.
- I10: nothing of an incarnation that has ended reaches a newer one: no tick, no late result, no answer, no act.

I5 (the transitions of tickets) and I9 (sums of usage) are about a conductor. There is none, so they do not apply yet.
"""
