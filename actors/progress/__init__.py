"""How far is a long piece of work?

`with progress(system, "documents", total=200) as bar:` and `bar.advance()`, from any thread.
"""

from actors.progress.progress import Progress, Style, progress

__all__ = ["Progress", "Style", "progress"]
