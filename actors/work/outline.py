"""How much of a file does a reader need? All of a few symbols, an outline, or a skeleton."""

from __future__ import annotations

import ast
from collections.abc import Iterable

_LINES = 20  # of a text that is no Python, in its skeleton
_MOST_LINES = 400  # of such a text, in its outline
_Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def outline(source: str) -> str:
    """Give a module without the bodies of its functions, with all docstrings; of other text the first 400 lines."""
    return _reduced(source, _MOST_LINES, whole=True)


def skeleton(source: str) -> str:
    """Give classes and functions with their signatures and first docstring lines; of other text the first lines."""
    return _reduced(source, _LINES, whole=False)


def symbols(source: str, names: Iterable[str]) -> str:
    """Give these functions and classes whole, `Class.method` for a method; what is not there is said to be missing."""
    tree = _parsed(source)
    if tree is None:
        return outline(source)
    lines = source.splitlines()
    return "\n\n".join(_symbol(tree, lines, name) for name in names)


def _symbol(tree: ast.Module, lines: list[str], name: str) -> str:
    node: ast.AST | None = tree
    for part in name.split("."):
        node = next((each for each in getattr(node, "body", ()) if _names(each, part)), None)
        if node is None:
            return f"# there is no {name}"
    assert isinstance(node, ast.stmt)
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    return "\n".join(lines[first - 1 : node.end_lineno])


def _names(node: ast.AST, name: str) -> bool:
    if isinstance(node, _Defined):
        return node.name == name
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _first_line(docstring: str) -> str:
    return docstring.strip().partition("\n")[0]


def _reduced(source: str, most: int, whole: bool) -> str:
    tree = _parsed(source)
    if tree is None:
        return _first_lines(source, most)
    tree.body = _body(tree, whole)
    return ast.unparse(tree)


def _body(node: ast.Module | _Defined, whole: bool) -> list[ast.stmt]:
    """Give the statements that are left of a body: docstring, definitions, and outside of functions plain names."""
    docstring = ast.get_docstring(node)
    kept: list[ast.stmt] = []
    if docstring:
        kept.append(ast.Expr(ast.Constant(docstring if whole else _first_line(docstring))))
    if isinstance(node, ast.Module | ast.ClassDef):
        members = (_member(each, whole) for each in node.body)
        kept += [each for each in members if each is not None]
    if not isinstance(node, ast.Module) and (not kept or not isinstance(node, ast.ClassDef)):
        kept.append(ast.Expr(ast.Constant(...)))
    return kept


def _member(node: ast.stmt, whole: bool) -> ast.stmt | None:
    if isinstance(node, _Defined):
        node.body = _body(node, whole)
        return node
    if isinstance(node, ast.Import | ast.ImportFrom):
        return node if whole else None
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return node if whole or isinstance(node, ast.AnnAssign) else None
    return None


def _first_lines(source: str, most: int) -> str:
    lines = source.splitlines()
    if len(lines) <= most:
        return source
    return "\n".join([*lines[:most], f"... ({len(lines) - most} more lines)"])
