"""Is it in the program's log which agent a pool has started for what?"""

from __future__ import annotations

from typing import Any

import pytest
from loguru import logger

from actors.testkit import Gate


@pytest.mark.system_case("S1.24")
def test_the_start_of_an_agent_is_a_line_with_its_path_its_id_and_the_length_of_its_query(
    pool: Any, config: Any
) -> None:
    gate = Gate()
    said: list[str] = []
    sink = logger.add(lambda message: said.append(message.record["message"]), level="TRACE", filter="actors.agentpool")
    two = pool(2)
    try:
        with gate:
            two.fan_out(
                [config(lambda query: gate.wait(), query, name=name) for query, name in (("four", "a"), (3, None))]
            )
            gate.reached(2)
        two.join_all()
    finally:
        logger.remove(sink)
    assert sorted(said) == [
        "/pool/a started agent 1 for a query of 4 characters",
        "/pool/agent-2 started agent 2 for a query of 0 characters",
    ]
