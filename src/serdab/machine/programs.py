"""Libraries that compute on GPUs, found by their files: nothing of them is imported."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from serdab.machine.root import Root

#: Files of a library that are read to learn for what it was built, in bytes at most.
MOST_BYTES = 64 << 10
#: Files whose presence says for what a package was built, below its folder.
SIGNS = {
    "llama_cpp_python": (("cuda", "llama_cpp/lib/libggml-cuda.so"), ("rocm", "llama_cpp/lib/libggml-hip.so")),
    "ctranslate2": (("cuda", "ctranslate2.libs/libcudart*"),),
}
#: Packages of ONNX Runtime, each with the same module inside, and what each can compute on.
ONNX_RUNTIMES = {
    "onnxruntime": "cpu", "onnxruntime_gpu": "cuda", "onnxruntime_rocm": "rocm", "onnxruntime_migraphx": "rocm",
    "onnxruntime_openvino": "openvino", "onnxruntime_qnn": "qnn",
}  # fmt: skip


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One installed library: for what it was built."""

    name: str
    version: str
    #: `cuda`, `rocm`, `openvino`, `qnn`, `xpu`, `cpu`.
    built_for: str
    #: Version of CUDA or ROCm that it was built for; empty: not told.
    runtime: str = ""
    folder: str


def look_at_programs(root: Root, folders: Sequence[Path]) -> tuple[Program, ...]:
    """CUDA and ROCm as installed in the system, and packages of Python in some folders."""
    return (*_toolkits(root), *_packages(folders))


def _toolkits(root: Root) -> Iterator[Program]:
    for name in root.matching("/usr/local/cuda*/version.json"):
        found = re.search(r'"cuda"\s*:\s*\{[^{}]{0,400}?"version"\s*:\s*"([\d.]{1,20})"', root.text(name) or "")
        if found and not root.target(name.removesuffix("/version.json")):
            yield Program(
                name="CUDA", version=found[1], built_for="cuda", runtime=found[1], folder=str(Path(name).parent)
            )
    for name in root.matching("/opt/rocm*/.info/version"):
        version = re.match(r"[\d.]{1,20}", root.text(name) or "")
        if version and not root.target(name.removesuffix("/.info/version")):
            folder = str(Path(name).parent.parent)
            yield Program(name="ROCm", version=version[0], built_for="rocm", runtime=version[0], folder=folder)


def _packages(folders: Sequence[Path]) -> Iterator[Program]:
    seen: set[str] = set()
    for found in importlib.metadata.distributions(path=[str(folder) for folder in folders]):
        name = re.sub(r"[-_.]+", "_", found.metadata["Name"] or "").lower()
        if name in seen:  # the first one on the path is the one that is imported
            continue
        seen.add(name)
        folder = Path(str(found.locate_file("")))
        if name == "torch":
            yield _torch(folder, found.version)
        elif name in ONNX_RUNTIMES:
            yield _onnx_runtime(folder, name, found.version)
        elif name in SIGNS:
            built_for = next((kind for kind, sign in SIGNS[name] if any(folder.glob(sign))), "cpu")
            yield Program(name=name.replace("_", "-"), version=found.version, built_for=built_for, folder=str(folder))


def _torch(folder: Path, version: str) -> Program:
    text = _text(folder / "torch" / "version.py")
    told = dict(re.findall(r"^(cuda|hip|xpu)\b[^=\n]{0,60}=\s*'([^'\n]{1,40})'", text, re.M))
    kinds = (("cuda", "cuda"), ("hip", "rocm"), ("xpu", "xpu"))
    built_for, runtime = next(((kind, told[name]) for name, kind in kinds if name in told), ("cpu", ""))
    return Program(name="torch", version=version, built_for=built_for, runtime=runtime, folder=str(folder))


def _onnx_runtime(folder: Path, name: str, version: str) -> Program:
    text = _text(folder / "onnxruntime" / "capi" / "build_and_package_info.py")
    cuda = re.search(r"^cuda_version\s*=\s*['\"]([\d.]{1,20})['\"]", text, re.M)
    runtime = cuda[1] if cuda and ONNX_RUNTIMES[name] == "cuda" else ""
    shown = name.replace("_", "-")
    return Program(name=shown, version=version, built_for=ONNX_RUNTIMES[name], runtime=runtime, folder=str(folder))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
