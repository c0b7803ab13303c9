"""How many results does a pool keep that nobody collects?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import AgentNotFoundError
from actors.agentpool import AgentPool
from actors.agentpool.settings import Settings
from actors.testkit import Gate
from tests.agentpool.workers import at_gate, double
from tests.core.helpers import elsewhere, patience, result


def done(pool: Any, config: Any, count: int) -> list[int]:
    """Have so many agents do their work, one after the other; gives their ids. The results are left where they are."""
    ids = []
    for _ in range(count):
        ids.append(pool.spawn(config(double, 2)))
        wait_while(pool, pool.books.ids)
    return ids


def wait_while(pool: Any, holds: Any) -> None:
    """Wait for what others do, turn by turn of the pool."""
    while holds():
        pool.ask("nothing", timeout=patience())


def warnings(lines: list[str]) -> list[str]:
    return [line for line in lines if "results that nobody has collected" in line]


@pytest.fixture
def kept(pool: Any) -> Any:
    return pool(1, keep_results=3)


def test_beyond_the_bound_the_oldest_results_go_which_is_counted_and_told_once(
    kept: Any, config: Any, lines: list[str]
) -> None:
    assert done(kept, config, 3) == [1, 2, 3]
    assert (kept.lost_results, warnings(lines)) == (0, [])

    done(kept, config, 2)

    wait_while(kept, lambda: not warnings(lines))
    told = ["/pool keeps 3 results that nobody has collected: from now on the oldest are lost"]
    assert (kept.lost_results, warnings(lines)) == (2, told)
    with pytest.raises(AgentNotFoundError, match="/pool has no agent 1, nor its result"):
        kept.join(1)
    assert list(kept.join_all().results) == [3, 4, 5]
    assert kept.join_next() is None
    done(kept, config, 4)
    assert (kept.lost_results, warnings(lines)) == (3, told)
    assert kept.join_next().id == 7  # an id is never given again


def test_a_result_that_somebody_waits_for_is_never_among_those_that_go(kept: Any, config: Any) -> None:
    done(kept, config, 3)
    with Gate() as gate:
        future = kept.join(kept.spawn(config(at_gate, gate)), block=False)
    assert result(future).value == "through"
    assert (kept.lost_results, list(kept.join_all().results)) == (0, [1, 2, 3])


def test_what_a_join_that_was_given_up_puts_back_is_bounded_too(kept: Any, config: Any) -> None:
    done(kept, config, 3)
    taken = kept.books.collect()
    done(kept, config, 2)
    kept.books.put_back(taken)
    assert (list(elsewhere(kept.join_all).get().results), kept.lost_results) == ([3, 4, 5], 2)


def test_it_is_ten_thousand_unless_one_says_otherwise(pool: Any) -> None:
    assert Settings().keep_results == 10_000
    with pytest.raises(ValueError, match="keep_results: a whole number of at least 1, not 0"):
        Settings(keep_results=0)
    assert pool(1, keep_results=1).actor_class is AgentPool
