"""A part is entered by its `__init__` only: nobody imports a module from inside another part."""

from __future__ import annotations

import sys

import grimp


def main() -> int:
    graph = grimp.build_graph("serdab", cache_dir=None)
    wrong = sorted(
        f"{importer} -> {imported}"
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if imported.count(".") > 1 and importer.split(".")[1:2] != imported.split(".")[1:2]
    )
    print(
        "\n".join(f"back door  {each}" for each in wrong) if wrong else "front doors: every part is entered by its face"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
