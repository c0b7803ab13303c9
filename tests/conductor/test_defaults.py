"""How many work at a time, and how often is a ticket tried, where a conductor is told nothing about it?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import AskTimeout
from actors.testkit import Gate
from tests.conductor.conftest import Conduct
from tests.conductor.tracks import Fatal, Script, ran, states, track
from tests.core.helpers import elsewhere, result


@pytest.mark.system_case("S3.1")
def test_four_work_at_a_time(conduct: Conduct) -> None:
    gate = Gate()
    conductor = conduct(track(*"ABCDEF"), Script(gate))
    with gate:
        run = conductor.run(block=False)
        gate.reached(4)
        assert states(conductor) == {**dict.fromkeys("ABCD", "in_progress"), **dict.fromkeys("EF", "ready")}
    assert result(run).done


@pytest.mark.system_case("S0.36")
def test_a_ticket_is_tried_three_times_with_a_stronger_model_each_time_and_nobody_reviews_it(conduct: Conduct) -> None:
    work = Script(A=Fatal("no"))
    end = ran(conduct(track("A", "B"), work))
    assert not end.done
    assert work.of("A", "model") == ["gemini-2.5-flash-lite", "gemini-2.5-flash", "gemini-3.1-pro-preview"]
    assert [job["job"].assignment.reviewer for job in work.jobs] == [None] * 4


@pytest.mark.system_case("S3.27")
def test_who_waits_for_a_run_may_give_up_and_the_run_goes_on(conduct: Conduct, clock: Any) -> None:
    gate = Gate()
    conductor = conduct(track("A"), Script(gate))
    with gate:
        waiting = elsewhere(conductor.run, 5.0)
        gate.reached()
        clock.waits.wait_for(5.0)
        clock.advance(5.0)
        with pytest.raises(AskTimeout, match="no reply within 5 seconds"):
            result(waiting)
        assert states(conductor) == {"A": "in_progress"}
    assert ran(conductor).done
