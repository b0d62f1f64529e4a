"""Sizes and names of modules: short enough to be read in one go, or named here with a reason.

Limits: 400 lines a module, 50 lines a function. An exception that is no longer needed is an error too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "bench", "tools", "examples")
MOST_MODULE_LINES = 400
MOST_FUNCTION_LINES = 50
#: Names that say nothing: what is in such a module belongs to something that has a name.
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "misc", "base"}

#: "path" or "path:function" → why the limit would make this piece worse.
EXCEPTIONS: dict[str, str] = {}


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Every function with its dotted name and its lines, decorators not counted."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, (node.end_lineno or node.lineno) - node.lineno + 1
            yield from functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")
        else:
            yield from functions(node, prefix)


def findings() -> Iterator[tuple[str, str]]:
    """(what, why) of everything that is over a limit."""
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if path.stem in FORBIDDEN_NAMES:
            yield name, f"expected a name that says what is in it, got {path.stem}"
        text = path.read_text("utf-8")
        if (lines := text.count("\n")) > MOST_MODULE_LINES:
            yield name, f"{lines} lines, at most {MOST_MODULE_LINES}"
        for function, length in functions(ast.parse(text)):
            if length > MOST_FUNCTION_LINES:
                yield f"{name}:{function}", f"{length} lines, at most {MOST_FUNCTION_LINES}"


def main() -> int:
    found = dict(findings())
    for what, why in EXCEPTIONS.items():
        print(f"exception  {what}: {why}")
    wrong = [f"too long   {what}: {why}" for what, why in found.items() if what not in EXCEPTIONS]
    wrong += [f"stale      {what}: no longer needed, take it out" for what in EXCEPTIONS if what not in found]
    print("\n".join(wrong) if wrong else "sizes: all within limits")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
