"""Is a test called the same in each process that runs it?"""

import re

import pytest


def test_no_test_of_this_run_has_an_address_in_its_name(request: pytest.FixtureRequest) -> None:
    # Processes that share the tests of a run among them compare their names first, and an address is another in each.
    named_anew = [item.nodeid for item in request.session.items if re.search(r" at 0x[0-9a-f]+", item.nodeid)]

    assert not named_anew
