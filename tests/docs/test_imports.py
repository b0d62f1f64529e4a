"""What an import costs, and that a part's face names only what exists."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import serdab

PARTS = sorted(each.name for each in pkgutil.iter_modules(serdab.__path__, "serdab.") if each.ispkg)
#: What must not be loaded before somebody needs it.
HEAVY = ("torch", "onnxruntime", "onnx", "openvino", "cv2", "sklearn", "tokenizers", "pydantic", "transformers")


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_serdab_is_quick_and_light() -> None:
    # Time of the processor, which other work on the machine does not lengthen much.
    took_s = min(
        float(python("from time import process_time as t; b = t(); import serdab, serdab.flow; print(t() - b)"))
        for _ in range(3)
    )
    assert took_s < 0.3


@pytest.mark.parametrize("part", ["serdab", *PARTS])
def test_a_part_loads_nothing_heavy(part: str) -> None:
    assert python(f"import sys, {part}; print([name for name in {HEAVY} if name in sys.modules])") == "[]"


def test_help_answers_without_the_engine() -> None:
    loaded = python(
        "import sys\n"
        "from serdab.cli.application import main\n"
        "try:\n    main(['runs', 'list', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "print([name for name in ('asyncpg', 'aiohttp', 'numpy', 'serdab.flow') if name in sys.modules])"
    )
    assert loaded.splitlines()[-1] == "[]"


@pytest.mark.parametrize("part", PARTS)
def test_the_face_of_a_part_names_what_exists(part: str) -> None:
    module = importlib.import_module(part)
    assert module.__doc__, f"{part} says what it is"
    names = module.__all__
    assert list(names) == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    for name in names:
        assert getattr(module, name) is not None, f"{part}.{name}"
