"""Is the package `policies` that Python finds the one that was installed with `actors`?

A program may have a file or a folder named `policies` of its own. It lies earlier on `sys.path`, so it
would be imported in place of ours, and fail far from the cause.
"""

import sys
from importlib.util import find_spec
from os import path


def check_policies() -> None:
    """Raises ImportError where another package or module named `policies` hides ours.

    Nothing is imported here, so no line of the other `policies` is run by the check. The one distribution
    puts both packages into one folder: what lies elsewhere is not ours. The error names the file
    (also as its attribute `path`) and the way out.
    """
    expected = path.join(path.dirname(_folder(__file__)), "policies")
    found = _where_policies_is()
    if found is None:
        raise ImportError(
            f"'actors' needs the package 'policies', which is missing from {expected}. "
            "Both belong to the distribution 'actortree': install it again.",
            name="policies",
        )
    if path.realpath(_folder(found)) != path.realpath(expected):
        raise ImportError(
            f"'actors' needs the package 'policies' of its own distribution 'actortree' ({expected}), but "
            f"{found} has the same name and comes first on sys.path. Rename that file or folder, "
            "or take its folder off sys.path.",
            name="policies",
            path=found,
        )


def _where_policies_is() -> str | None:
    """The file that `import policies` gives: from what is imported already, else from a search."""
    module = sys.modules.get("policies")
    if module is not None:
        return getattr(module, "__file__", None) or "<no file>"
    spec = find_spec("policies")
    if spec is None:
        return None
    # A folder without __init__.py has no origin, only the places it was found in.
    return spec.origin or next(iter(spec.submodule_search_locations or ()), "<no file>")


def _folder(file: str) -> str:
    return path.dirname(path.abspath(file))
