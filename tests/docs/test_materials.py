"""What Serdab is made of: the bill of materials says all of it, and what has another digest is not installed."""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TOOL: dict[str, Any] = runpy.run_path(str(ROOT / "tools" / "sbom.py"))

SMALL = f"""\
a-b==1.0 \\
    --hash=sha256:{"1" * 64} \\
    --hash=sha256:{"2" * 64}
    # via serdab (pyproject.toml)
c.d==2.0+x ; sys_platform == 'win32' \\
    --hash=sha256:{"3" * 64}
    # via
    #   a-b
    #   serdab (pyproject.toml)
"""


def test_the_bill_has_every_package_of_the_lock_with_its_digests(tmp_path: Path) -> None:
    path = tmp_path / "dist" / "sbom.cdx.json"
    subprocess.run([sys.executable, ROOT / "tools" / "sbom.py", path], check=True, capture_output=True)
    made = json.loads(path.read_text())
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.5")
    told = {(each["name"], each["version"]) for each in made["components"]}
    assert told == set(re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.MULTILINE))
    digests = [
        file["content"]
        for each in made["components"]
        for reference in each["externalReferences"]
        for file in reference["hashes"]
    ]
    assert sorted(digests) == sorted(re.findall(r"sha256:([0-9a-f]{64})", LOCK))
    refs = [made["metadata"]["component"]["bom-ref"], *(each["bom-ref"] for each in made["components"])]
    assert len(refs) == len(set(refs))
    assert [each["ref"] for each in made["dependencies"]] == refs
    assert {other for each in made["dependencies"] for other in each["dependsOn"]} == set(refs[1:]), "all are needed"
    msgspec = next(each for each in made["components"] if each["name"] == "msgspec")
    assert msgspec["purl"] == f"pkg:pypi/msgspec@{msgspec['version']}"
    assert msgspec["licenses"] == [{"expression": "BSD-3-Clause"}]
    scopes = {each["name"]: each["scope"] for each in made["components"]}
    assert (scopes["msgspec"], scopes["joblib"], scopes["mypy"]) == ("required", "optional", "excluded")
    before = path.read_bytes()
    subprocess.run([sys.executable, ROOT / "tools" / "sbom.py", path], check=True, capture_output=True)
    assert path.read_bytes() == before


def test_a_lock_is_read_as_it_is_written() -> None:
    first, second = TOOL["packages"](SMALL)
    assert (first.name, first.version, first.marker, first.needed_by) == ("a-b", "1.0", "", ("serdab",))
    assert first.hashes == ("1" * 64, "2" * 64)
    assert (second.name, second.version, second.needed_by) == ("c.d", "2.0+x", ("a-b", "serdab"))
    assert second.marker == "sys_platform == 'win32'"
    assert second.purl == "pkg:pypi/c-d@2.0+x"
    for wrong in ("a==1.0\n    # via b", f"a>=1.0 \\\n    --hash=sha256:{'1' * 64}"):
        with pytest.raises(ValueError, match="expected a line of the lock"):
            list(TOOL["packages"](wrong))


def test_every_dependency_of_the_project_is_locked() -> None:
    locked = {TOOL["canonical"](each.name) for each in TOOL["packages"](LOCK)}
    wanted = [
        *PROJECT["dependencies"],
        *(each for extra in PROJECT["optional-dependencies"].values() for each in extra),
    ]
    assert {TOOL["canonical"](re.split(r"[^\w.-]", each)[0]) for each in wanted} <= locked


def test_what_reports_to_a_maker_is_not_locked() -> None:
    assert "openvino" in {each.name for each in TOOL["packages"](LOCK)}
    assert "telemetry" not in LOCK


def make_wheel(folder: Path) -> Path:
    """The smallest package there is."""
    path = folder / "serdab_of_a_test-1.0-py3-none-any.whl"
    info = "serdab_of_a_test-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("serdab_of_a_test.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: serdab-of-a-test\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


def test_what_has_another_digest_than_the_lock_says_is_not_installed(tmp_path: Path) -> None:
    """By the very words with which `make setup` installs."""
    [words] = re.findall(r"bin\)?/pip (install .*--require-hashes.*) -r requirements\.lock", _makefile())
    wheel, lock = make_wheel(tmp_path), tmp_path / "requirements.lock"
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pip = [sys.executable, "-m", "pip", *words.split(), "--no-index", "--find-links", str(tmp_path), "-r", str(lock)]
    for digest, code in ((right, 0), (right[:-1] + ("0" if right[-1] != "0" else "1"), 1)):
        lock.write_text(f"serdab-of-a-test==1.0 --hash=sha256:{digest}\n")
        target = tmp_path / f"installed-{code}"
        done = subprocess.run([*pip, "--target", str(target)], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert (target / "serdab_of_a_test.py").exists() == (code == 0)
    assert "DO NOT MATCH THE HASHES" in done.stderr
    lock.write_text("serdab-of-a-test==1.0\n")
    without = subprocess.run([*pip, "--target", str(tmp_path / "x")], capture_output=True, check=False)
    assert without.returncode == 1, "nor what has no digest"


def _makefile() -> str:
    return (ROOT / "Makefile").read_text("utf-8").replace("$(BIN)", "bin")
