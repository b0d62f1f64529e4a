"""Embeddings in f32, bf16 (by OpenVINO) and int8 and, where its packages are, by llama.cpp.

Short and long texts. Each engine runs in a process of its own, one after the other, so that its memory and load time
are its own. Seconds are those of the processor too, which neighbours on a shared machine hardly change. llama.cpp needs
`pip install xllamacpp gguf`; without them its row says so.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from harness import conditions, publish
from serdab.core import load_settings
from serdab.engines.batching import Batcher
from serdab.engines.encoder import Encoder
from serdab.models import pull_model

MODEL = "all-MiniLM-L6-v2"
VOCABULARY = (
    "the of invoice payment card account please help with order late transfer refund contract notice doctor patient "
    "report blood pressure normal ship machine factory shift delay part number signed agreement terms price total due "
    "question answer customer letter meeting agenda minutes decision budget year quarter growth risk audit bank branch"
)
WORDS = VOCABULARY.split()
#: Words of a text, and texts of a measurement.
KINDS = {"short": (10, 3000), "long": (198, 250)}


def texts_of(kind: str) -> list[str]:
    words, count = KINDS[kind]
    chance = random.Random(kind)
    return [" ".join(chance.choices(WORDS, k=round(words * chance.uniform(0.8, 1.2)))) for _ in range(count)]


PRECISIONS = ("f32", "bf16", "int8")
#: Engines that are not ours, and what each needs.
PEERS = {"llama.cpp": ("xllamacpp", "gguf")}


class Llama:
    """llama.cpp in this process, from a GGUF in half precision."""

    def __init__(self, folder: Path, threads: int, gguf_file: str) -> None:
        import xllamacpp

        write_gguf(folder, gguf_file)
        params = xllamacpp.CommonParams()
        params.model.path = gguf_file
        params.embedding = True
        params.n_ctx = params.n_batch = params.n_ubatch = 8192
        params.n_parallel = 16
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        self._server = xllamacpp.Server(params)

    def embed(self, texts: list[str]) -> Any:
        rows = []
        for start in range(0, len(texts), 256):
            answer = self._server.handle_embeddings({"input": texts[start : start + 256], "model": MODEL})
            answer = json.loads(answer) if isinstance(answer, (str, bytes)) else answer
            rows += [row["embedding"] for row in sorted(answer["data"], key=lambda row: row["index"])]
        return np.array(rows, np.float32)


def write_gguf(folder: Path, target: str) -> None:
    """The same weights as a GGUF, matrices in f16."""
    import gguf

    from serdab.engines.bert import read_shape, read_weights

    shape, weights = read_shape(folder), read_weights(folder)
    writer = gguf.GGUFWriter(target, "bert")
    writer.add_name(MODEL)
    writer.add_context_length(shape.max_position_embeddings)
    writer.add_embedding_length(shape.hidden_size)
    writer.add_block_count(shape.num_hidden_layers)
    writer.add_feed_forward_length(shape.intermediate_size)
    writer.add_head_count(shape.num_attention_heads)
    writer.add_layer_norm_eps(shape.layer_norm_eps)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    vocabulary = (folder / "vocab.txt").read_text("utf-8").split("\n")[: shape.vocab_size]
    special = [token.startswith("[") and token.endswith("]") for token in vocabulary]
    pieces = [
        token if alone else token[2:] if token.startswith("##") else "\u2581" + token
        for token, alone in zip(vocabulary, special, strict=True)
    ]
    writer.add_tokenizer_model("bert")
    writer.add_token_list(pieces)
    writer.add_token_types([3 if alone else 1 for alone in special])
    writer.add_token_type_count(2)
    place = {token: number for number, token in enumerate(vocabulary)}
    writer.add_bos_token_id(place["[CLS]"])
    writer.add_eos_token_id(place["[SEP]"])
    writer.add_sep_token_id(place["[SEP]"])
    writer.add_unk_token_id(place["[UNK]"])
    writer.add_pad_token_id(place["[PAD]"])
    for name, tensor in weights.items():
        if (renamed := gguf_name(name)) is not None:
            half = tensor.ndim == 2 and "position" not in name and "token_type" not in name
            writer.add_tensor(renamed, tensor.astype(np.float16) if half else tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_name(name: str) -> str | None:
    """llama.cpp's name of a tensor; None: it has no place for it."""
    part, _, kind = name.rpartition(".")
    whole = {
        "embeddings.word_embeddings": "token_embd",
        "embeddings.position_embeddings": "position_embd",
        "embeddings.token_type_embeddings": "token_types",
        "embeddings.LayerNorm": "token_embd_norm",
    }
    inside = {
        "attention.self.query": "attn_q",
        "attention.self.key": "attn_k",
        "attention.self.value": "attn_v",
        "attention.output.dense": "attn_output",
        "attention.output.LayerNorm": "attn_output_norm",
        "intermediate.dense": "ffn_up",
        "output.dense": "ffn_down",
        "output.LayerNorm": "layer_output_norm",
    }
    if part in whole:
        return f"{whole[part]}.{kind}"
    if not part.startswith("encoder.layer."):
        return None
    number, _, rest = part.removeprefix("encoder.layer.").partition(".")
    return f"blk.{number}.{inside[rest]}.{kind}"


class Ours:
    """Our engine in this process, batches made as its server makes them."""

    def __init__(self, folder: Path, precision: str, threads: int) -> None:
        self._encoder = Encoder(folder, precision, threads)

    def embed(self, texts: list[str]) -> Any:
        return asyncio.run(self._embed(texts))

    async def _embed(self, texts: list[str]) -> Any:
        async with Batcher(self._encoder, len(texts)) as batcher:
            return (await batcher.embed(texts))[0]


def load(engine: str, folder: Path, threads: int, vectors_file: str) -> Llama | Ours:
    """One engine by its name."""
    if engine == "llama.cpp":
        return Llama(folder, threads, vectors_file + ".gguf")
    return Ours(folder, engine, threads)


def measure(engine: str, folder: Path, vectors_file: str, seconds: float) -> dict[str, Any]:
    """Load one engine in this process and time it; its vectors go to a file."""
    threads = len(os.sched_getaffinity(0))
    counter = Encoder(folder, "f32", threads)
    kinds = {kind: texts_of(kind) for kind in KINDS}
    tokens = {kind: sum(map(len, counter.tokenize(texts)[0])) for kind, texts in kinds.items()}
    del counter
    before = psutil.Process().memory_info().rss
    began = time.perf_counter()
    model = load(engine, folder, threads, vectors_file)
    model.embed(["one to begin with"])
    result: dict[str, Any] = {"load_s": round(time.perf_counter() - began, 2)}
    kept = {}
    for kind, texts in kinds.items():
        kept[kind] = model.embed(texts)
        rounds, began, began_processor = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began < seconds:
            model.embed(texts)
            rounds += 1
        took = (time.perf_counter() - began) / rounds
        result[kind] = {
            "texts_per_second": round(len(texts) / took, 1),
            "tokens_per_second": round(tokens[kind] / took),
            "tokens_per_processor_second": round(tokens[kind] * rounds / (time.process_time() - began_processor)),
            "tokens_per_text": round(tokens[kind] / len(texts), 1),
        }
    result["added_rss_mb"] = (psutil.Process().memory_info().rss - before) >> 20
    np.savez(vectors_file, **kept)
    return result


def compare(folder: Path, seconds: float) -> dict[str, Any]:
    """Every engine in turn, in a process of its own."""
    engines = list(PRECISIONS)
    results: dict[str, Any] = {}
    for peer, packages in PEERS.items():
        if all(map(importlib.util.find_spec, packages)):
            engines.append(peer)
        else:
            results[peer] = {"skipped": f"needs pip install {' '.join(packages)}"}
    with tempfile.TemporaryDirectory(prefix="serdab-bench-") as scratch:
        for engine in engines:
            file = f"{scratch}/{engine}.npz"
            words = ["--engine", engine, "--model-folder", str(folder), "--vectors", file, "--seconds", str(seconds)]
            done = subprocess.run(
                [sys.executable, __file__, *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                check=False,
            )
            if done.returncode:
                results[engine] = {"skipped": f"ended with code {done.returncode}"}
                continue
            results[engine] = json.loads(done.stdout.splitlines()[-1])
            mine, exact = np.load(file), np.load(f"{scratch}/f32.npz")
            for kind in KINDS:
                cosines = (mine[kind] * exact[kind]).sum(1)
                results[engine][kind]["cosine_mean"] = round(float(cosines.mean()), 5)
                results[engine][kind]["cosine_least"] = round(float(cosines.min()), 5)
    return results


def rows_of(results: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for engine, result in results.items():
        if "skipped" in result:
            rows.append((engine, result["skipped"]))
            continue
        rows.append((f"{engine}: load s, added RSS MB", f"{result['load_s']}, {result['added_rss_mb']}"))
        for kind in KINDS:
            one = result[kind]
            rates = f"{one['texts_per_second']:,.0f}, {one['tokens_per_second']:,}"
            rates += f" ({one['tokens_per_processor_second']:,})"
            rows.append((f"{engine}, {kind} ({one['tokens_per_text']} tokens): texts/s, tokens/s (of a core)", rates))
            rows.append(
                (f"{engine}, {kind}: cosine to f32, mean, least", f"{one['cosine_mean']}, {one['cosine_least']}")
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model-folder", type=Path, help="a folder with the model; pulled when absent")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--engine", choices=(*PRECISIONS, *PEERS), help=argparse.SUPPRESS)
    parser.add_argument("--vectors", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        print(json.dumps(measure(options.engine, options.model_folder, options.vectors, options.seconds)))
        return
    folder = options.model_folder or asyncio.run(pull_model(MODEL, load_settings()))
    results = compare(folder, options.seconds)
    publish("embed", {"engines": results, "conditions": conditions()}, rows_of(results), options.json)


if __name__ == "__main__":
    main()
