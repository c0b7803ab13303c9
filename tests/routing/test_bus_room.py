"""How much may wait in a subscription of a bus that was told nothing about it?"""

import pytest

from actors import ActorSystem, Delivered, MailboxFullError, MessageBus


@pytest.mark.system_case("S0.14")
def test_by_default_there_is_room_for_64_broadcasts_and_32_messages_to_one_alone(system: ActorSystem) -> None:
    bus = MessageBus(system, name="bus")
    a = bus.subscribe("a")
    assert [bus.broadcast(number) for number in range(64)] == [Delivered(1)] * 64
    assert bus.broadcast("one too many").dropped == 1
    for number in range(32):
        bus.send("a", number)
    with pytest.raises(MailboxFullError, match=r"/bus/a is full \(32 messages\)"):
        bus.send("a", "one too many")
    assert len(a) >= 96
