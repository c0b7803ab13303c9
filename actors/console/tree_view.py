"""`actortree tree LOG`: what does the tree look like, by its log?"""

from __future__ import annotations

import argparse
import json
import sys

from actors._core.tree import GLYPHS
from actors.console.opening import opened, run_of
from actors.console.text import STYLES, clean, has_colours, painted
from actors.eventlog.fold import LoggedTree
from actors.eventlog.kept import read_kept
from actors.eventlog.log import Gap, Reader


def logged_tree(reader: Reader, at: int | None, ended: bool | None) -> LoggedTree:
    """Fold the log up to a record, or all of it. `ended` None shows who has ended where the whole run has."""
    info = run_of(reader)
    kept = read_kept(reader)
    folding = kept.begin(info.system if info is not None and info.system else "?")
    for record in kept.records:
        if at is not None and (record.first_available if isinstance(record, Gap) else record.seq or 0) > at:
            break
        folding.add(record)
    sample = reader.sample() if at is None else None
    tree = folding.tree(sample, ended=bool(ended))
    return folding.tree(sample, ended=True) if tree.ended and ended is None else tree


def show(options: argparse.Namespace) -> int:
    with opened(options.log, options.run) as reader:
        tree = logged_tree(reader, options.at, options.ended)
    if options.json:
        print(json.dumps(tree.to_json(), ensure_ascii=False))
    elif options.mermaid or options.dot:
        print(tree.to_mermaid() if options.mermaid else tree.to_dot())
    else:
        write_tree(tree)
    return 0


def write_tree(tree: LoggedTree) -> None:
    """Write it as text, in colour where there is some."""
    colours = has_colours(sys.stdout)
    styles = {sign: STYLES[state] for state, sign in GLYPHS.items() if state in STYLES}
    for line in str(tree).splitlines():
        lead = line.lstrip("├└│─ ")
        style = styles.get(lead[:1], "")
        branch = line[: len(line) - len(lead)]
        print(branch + painted(clean(lead), style, colours) if branch else clean(line))
