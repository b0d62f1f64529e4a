"""Writes what Serdab is made of: every package of `requirements.lock` as CycloneDX 1.5 in JSON.

    python tools/sbom.py dist/sbom.cdx.json

The same lock gives the same file: its number comes from the lock, and no time stands in it. Licences are those that the
installed packages tell; one that is not installed here, such as another system's, has none.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

ROOT = Path(__file__).parent.parent
LOCK, PROJECT = ROOT / "requirements.lock", ROOT / "pyproject.toml"
SPEC = "1.5"
_PACKAGE = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)(?:\s*;\s*([^\\]+?))?\s*\\?$")
_HASH = re.compile(r"^\s+--hash=sha256:([0-9a-f]{64})(?:\s|$)")
#: `    # via serdab (pyproject.toml)`, or `    # via` with a name on each of the next lines.
_VIA = re.compile(r"^\s+#\s+(?:via\s*)?(\S+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package of the lock."""

    name: str
    version: str
    #: When it is needed, such as `sys_platform == 'win32'`; empty: always.
    marker: str
    #: SHA-256 of each file that may be installed.
    hashes: tuple[str, ...]
    #: The packages that need it.
    needed_by: tuple[str, ...]

    @property
    def purl(self) -> str:
        """Its name for everybody."""
        return f"pkg:pypi/{canonical(self.name)}@{self.version}"


def packages(text: str) -> Iterator[Package]:
    """The packages of a lock file.

    Raises:
        ValueError: a line is none that a lock has, or a package has no hash.
    """
    for block in re.split(r"\n(?=\S)", text.strip()):
        head, *rest = block.splitlines()
        if head.startswith("#"):
            continue
        found = _PACKAGE.match(head)
        hashes = tuple(match[1] for line in rest if (match := _HASH.match(line)))
        if found is None or not hashes:
            raise ValueError(f"expected a line of the lock to be NAME==VERSION with hashes, got {head!r}")
        needed_by = (match[1] for line in rest if (match := _VIA.match(line)) and match[1])
        yield Package(name=found[1], version=found[2], marker=found[3] or "", hashes=hashes, needed_by=tuple(needed_by))


def bill(lock: str, project: dict[str, Any]) -> dict[str, Any]:
    """The bill of materials of a project."""
    found = sorted(packages(lock), key=lambda each: (canonical(each.name), each.version))
    scopes = scopes_of(found, project)
    us = f"pkg:pypi/{project['name']}@{project['version']}"
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, us + lock)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": us, "name": project["name"], "version": project["version"],
                "purl": us, "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": [component(each) | {"scope": scopes[canonical(each.name)]} for each in found],
        "dependencies": list(dependencies(found, us, project["name"])),
    }  # fmt: skip


def component(package: Package) -> dict[str, Any]:
    """One package. CycloneDX has one digest of each kind a component, so every file is a reference with its own."""
    made: dict[str, Any] = {
        "type": "library", "bom-ref": package.purl, "name": package.name, "version": package.version,
        "purl": package.purl,
        "externalReferences": [
            {"type": "distribution", "url": package.purl,
             "comment": "one of the files that may be installed", "hashes": [{"alg": "SHA-256", "content": digest}]}
            for digest in package.hashes
        ],
    }  # fmt: skip
    if len(package.hashes) == 1:
        made["hashes"] = [{"alg": "SHA-256", "content": package.hashes[0]}]
    if licence := licence_of(package):
        made["licenses"] = [licence]
    if package.marker:
        made["properties"] = [{"name": "serdab:marker", "value": package.marker}]
    return made


def scopes_of(found: list[Package], project: dict[str, Any]) -> dict[str, str]:
    """`required` by the core, `optional` for an extra, or `excluded`: a tool of those who work on Serdab."""
    extras = project["optional-dependencies"]
    roots = {
        "excluded": extras["dev"],
        "optional": [each for name, needed in extras.items() if name != "dev" for each in needed],
        "required": project["dependencies"],
    }
    needs: dict[str, set[str]] = {}
    for package in found:
        for other in package.needed_by:
            needs.setdefault(canonical(other), set()).add(canonical(package.name))
    scopes: dict[str, str] = {}
    for scope, requirements in roots.items():  # the strongest comes last
        waiting = [canonical(re.split(r"[^A-Za-z0-9._-]", each, maxsplit=1)[0]) for each in requirements]
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                scopes[name] = scope
                waiting += needs.get(name, ())
    return scopes


def licence_of(package: Package) -> dict[str, Any] | None:
    """What the installed package of this very version says of its licence."""
    try:
        told = metadata.metadata(package.name)
    except metadata.PackageNotFoundError:
        return None
    if told["Version"] != package.version:
        return None
    for expression in told.get_all("License-Expression", []):
        return {"expression": expression}
    classes = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    texts = [*(line for line in classes if line != "OSI Approved"), *told.get_all("License", []), ""]
    text = texts[0].partition("\n")[0]
    return {"license": {"name": text.strip()}} if text.strip() else None


def dependencies(found: list[Package], us: str, name: str) -> Iterator[dict[str, Any]]:
    """Who needs what."""
    needs: dict[str, list[str]] = {}
    for package in found:
        for other in package.needed_by:
            needs.setdefault(canonical(other), []).append(package.purl)
    yield {"ref": us, "dependsOn": needs.get(canonical(name), [])}
    for package in found:
        yield {"ref": package.purl, "dependsOn": sorted(set(needs.get(canonical(package.name), [])))}


def canonical(name: str) -> str:
    """A name as the index writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    if len(sys.argv) != 2:
        print(f"expected one argument, the file to write, got {len(sys.argv) - 1}", file=sys.stderr)
        return 2
    path = Path(sys.argv[1])
    made = bill(LOCK.read_text("utf-8"), tomllib.loads(PROJECT.read_text("utf-8"))["project"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(made, indent=1) + "\n", "utf-8")
    licensed = sum("licenses" in each for each in made["components"])
    print(f"wrote {path}: {len(made['components'])} packages, {licensed} with their licence")
    return 0


if __name__ == "__main__":
    sys.exit(main())
