"""Which precision `auto` is; OpenVINO neither grows with the shapes of batches nor tells anybody that it is used."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from serdab.core import BadSetting, load_settings
from serdab.engines.encoder import Encoder
from serdab.engines.precision import FAST_BF16, choose_precision, comparable_precision
from serdab.machine import Root, processor_flags
from serdab.testing.small_models import make_model

FAST = ("avx2", "avx512f", "avx512_bf16")
HAS_BF16 = not FAST_BF16.isdisjoint(processor_flags(Root()))
needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not made for this machine")
needs_bf16 = pytest.mark.skipif(not HAS_BF16, reason="this processor does not multiply in bf16")

#: Counts what leaves the process, then makes embeddings in bf16.
WATCHED = """
import json, sys
from pathlib import Path
left = []
sys.addaudithook(lambda event, _: left.append(event) if event.startswith("socket.") else None)
{before}
from serdab.engines.encoder import Encoder
vectors = Encoder(Path(sys.argv[1]), "bf16", 2).embed_batch([[2, 5, 3], [2, 3]])
print(json.dumps({{"left": left, "vectors": len(vectors), "loaded": sorted(sys.modules)}}))
"""


def watched(model: Path, packages: Path, before: str = "") -> Any:
    """What a process did that embedded with OpenVINO, where other packages come first."""
    code = f"import sys\nsys.path.insert(0, {str(packages)!r})\n" + WATCHED.format(before=before)
    done = subprocess.run([sys.executable, "-c", code, model], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture
def telemetry(tmp_path: Path) -> Path:
    """A folder with an `openvino_telemetry` that opens a socket for each event, as the real one does."""
    package = tmp_path / "packages" / "openvino_telemetry"
    (package / "backend").mkdir(parents=True)
    (package / "backend" / "__init__.py").write_text("backend_ga4 = None\n")
    (package / "__init__.py").write_text(
        "import socket\n"
        "class Telemetry:\n"
        "    def __init__(self, **_): pass\n"
        "    def send_event(self, *_): socket.socket().close()\n"
    )
    return package.parent


@pytest.mark.parametrize(
    ("asked", "flags", "chosen"),
    [
        pytest.param("auto", FAST, "bf16", marks=needs_openvino),
        pytest.param("auto", ("avx512f", "amx_bf16"), "bf16", marks=needs_openvino),
        ("auto", ("avx2", "avx512f", "avx512_vnni"), "f32"),
        ("auto", (), "f32"),
        ("bf16", FAST, "bf16"),
        ("f32", FAST, "f32"),
        ("int8", FAST, "int8"),
    ],
)
def test_auto_is_bf16_where_the_processor_is_fast_in_it(asked: str, flags: tuple[str, ...], chosen: str) -> None:
    assert choose_precision(asked, flags) == chosen


def test_a_bf16_that_the_processor_lacks_is_refused() -> None:
    with pytest.raises(BadSetting, match="bf16 needs amx_bf16 or avx512_bf16"):
        choose_precision("bf16", ("avx2", "avx512f"))


def test_an_encoder_chooses_by_the_processor_that_it_runs_on(tmp_path: Path) -> None:
    make_model(tmp_path)
    fast = HAS_BF16 and find_spec("openvino") is not None
    assert Encoder(tmp_path, "auto", 1).precision == ("bf16" if fast else "f32")
    assert Encoder(tmp_path, "f32", 1).precision == "f32"


def test_vectors_in_bf16_are_kept_with_those_in_f32() -> None:
    assert [comparable_precision(each) for each in ("f32", "bf16", "int8")] == ["f32", "f32", "int8"]


def test_the_setting_takes_what_there_is() -> None:
    assert load_settings([], environ={}).models.precision == "auto"
    for name in ("auto", "f32", "bf16", "int8"):
        assert load_settings([f"models.precision={name}"], environ={}).models.precision == name
    with pytest.raises(BadSetting, match=r"models\.precision"):
        load_settings(["models.precision=f16"], environ={})


def test_without_openvino_auto_is_f32_and_who_asks_for_it_is_told_what_is_missing(tmp_path: Path) -> None:
    make_model(tmp_path)
    code = (
        "import sys\nsys.modules['openvino'] = None\nfrom pathlib import Path\n"
        "from serdab.engines import MissingExtra\nfrom serdab.engines.encoder import Encoder\n"
        "from serdab.engines.precision import choose_precision\nfrom serdab.engines.runtimes import load_openvino\n"
        "print(choose_precision('auto', ('avx512_bf16',)), Encoder(Path(sys.argv[1]), 'auto', 1).precision)\n"
        "try:\n    load_openvino()\nexcept MissingExtra as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    chosen, missing = done.stdout.splitlines()
    assert chosen == "f32 f32"
    assert "expected the library openvino to be installed" in missing


@needs_bf16
@needs_openvino
def test_where_no_code_may_be_written_auto_is_f32_and_bf16_says_why(tmp_path: Path) -> None:
    make_model(tmp_path)
    code = (
        "import ctypes, sys\nfrom pathlib import Path\n"
        "denied = ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0  # PR_SET_MDWE\n"
        "from serdab.engines import BadModelFolder\nfrom serdab.engines.encoder import Encoder\n"
        "encoder = Encoder(Path(sys.argv[1]), 'auto', 2)\n"
        "print(denied, encoder.precision, encoder.embed_batch([[2, 3]]).shape[0])\n"
        "try:\n    Encoder(Path(sys.argv[1]), 'bf16', 2)\nexcept BadModelFolder as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    if done.stdout.startswith("False"):
        pytest.skip("this kernel knows no memory that is never both written and executed")
    chosen, refused = done.stdout.splitlines()
    assert chosen == "True f32 1"
    assert "MemoryDenyWriteExecute" in refused


@needs_bf16
@needs_openvino
def test_openvino_tells_nobody_that_it_is_used(tmp_path: Path, telemetry: Path) -> None:
    make_model(tmp_path)
    did = watched(tmp_path, telemetry)
    assert did["vectors"] == 2
    assert did["left"] == []
    assert not [name for name in did["loaded"] if "telemetry" in name and name != "openvino_telemetry"]


@needs_bf16
@needs_openvino
def test_left_to_itself_openvino_would_tell(tmp_path: Path, telemetry: Path) -> None:
    make_model(tmp_path)
    assert watched(tmp_path, telemetry, "import openvino")["left"] != []


@needs_bf16
@needs_openvino
def test_memory_does_not_grow_with_the_shapes_of_batches(tmp_path: Path) -> None:
    make_model(tmp_path)
    code = (
        "import sys\nfrom pathlib import Path\nimport psutil\nfrom serdab.engines.encoder import Encoder\n"
        "encoder, process = Encoder(Path(sys.argv[1]), 'bf16', 1), psutil.Process()\n"
        "shapes = [(texts, tokens) for tokens in range(2, 48) for texts in range(1, 17)]\n"
        "for number, (texts, tokens) in enumerate(sorted(shapes, key=lambda shape: shape[0] * 31 % 17)):\n"
        "    encoder.embed_batch([[5] * tokens] * texts)\n"
        "    if number == 100:\n        before = process.memory_info().rss\n"
        "print(process.memory_info().rss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    # 700 shapes more: 30 MB, of the allocator; without a bound they would be 700.
    assert int(done.stdout) < 150 << 20
