"""Do restart types, strategies and shutdown say what OTP says?"""

import pytest

from policies import AutoShutdown, RestartType, Strategy, check_significant


@pytest.mark.parametrize(
    ("restart", "failed", "expected"),
    [
        ("permanent", False, True),
        ("permanent", True, True),
        ("transient", False, False),
        ("transient", True, True),
        ("temporary", False, False),
        ("temporary", True, False),
    ],
)
def test_a_restart_type_says_which_ends_lead_to_a_restart(restart: str, failed: bool, expected: bool) -> None:
    assert RestartType(restart).restarts_after(failed=failed) is expected


@pytest.mark.parametrize(
    ("strategy", "failed", "expected"),
    [
        ("one_for_one", "e", ("e",)),
        ("one_for_all", "e", ("d", "b", "e", "a", "c")),
        ("rest_for_one", "d", ("d", "b", "e", "a", "c")),
        ("rest_for_one", "e", ("e", "a", "c")),
        ("rest_for_one", "c", ("c",)),
    ],
)
def test_a_strategy_names_the_affected_in_start_order(strategy: str, failed: str, expected: tuple[str, ...]) -> None:
    assert Strategy(strategy).affected(["d", "b", "e", "a", "c"], failed) == expected


@pytest.mark.parametrize("strategy", Strategy)
def test_a_strategy_refuses_a_child_it_does_not_know(strategy: Strategy) -> None:
    with pytest.raises(ValueError, match=r"'x' is not one of the children \['a', 'b'\]"):
        strategy.affected(("a", "b"), "x")


@pytest.mark.parametrize(
    ("auto_shutdown", "left", "expected"),
    [
        ("never", 0, False),
        ("never", 1, False),
        ("any_significant", 0, True),
        ("any_significant", 1, True),
        ("all_significant", 0, True),
        ("all_significant", 1, False),
    ],
)
def test_the_end_of_a_significant_child_may_end_its_supervisor(auto_shutdown: str, left: int, expected: bool) -> None:
    assert AutoShutdown(auto_shutdown).triggers(left) is expected


REFUSED = {
    ("permanent", "never"): "permanent",
    ("permanent", "any_significant"): "permanent",
    ("permanent", "all_significant"): "permanent",
    ("transient", "never"): "never",
    ("temporary", "never"): "never",
}


def refusal(restart: str, significant: bool, auto_shutdown: str) -> str | None:
    """Give the word that a refusal names, or None where the child is accepted."""
    try:
        check_significant(restart, significant, auto_shutdown)
    except ValueError as error:
        return str(error).split("'")[1]
    return None


@pytest.mark.parametrize("auto_shutdown", AutoShutdown)
@pytest.mark.parametrize("restart", RestartType)
def test_a_significant_child_is_refused_where_the_flag_could_never_matter(
    restart: RestartType, auto_shutdown: AutoShutdown
) -> None:
    assert refusal(restart, True, auto_shutdown) == REFUSED.get((restart.value, auto_shutdown.value))


@pytest.mark.parametrize("auto_shutdown", AutoShutdown)
@pytest.mark.parametrize("restart", RestartType)
def test_a_child_that_is_not_significant_is_never_refused(restart: RestartType, auto_shutdown: AutoShutdown) -> None:
    assert refusal(restart, False, auto_shutdown) is None


@pytest.mark.parametrize(("restart", "auto_shutdown"), [("sometimes", "never"), ("permanent", "sometimes")])
def test_a_word_that_is_not_in_a_table_is_refused(restart: str, auto_shutdown: str) -> None:
    with pytest.raises(ValueError, match="sometimes"):
        check_significant(restart, False, auto_shutdown)
