"""The catalogues: whole, sourced, right where others are wrong, and corrected by the user's own file."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from serdab.plan import (
    STALE_DAYS,
    BadCatalogue,
    Catalogue,
    Device,
    ModelCard,
    Shape,
    UnknownEntry,
    load_catalogue,
    stale_price,
)

GIB = 2**30


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_every_class_of_device_is_there(catalogue: Catalogue) -> None:
    kinds = Counter(device.kind for device in catalogue.devices.values())
    assert len(catalogue.devices) >= 60
    assert set(kinds) == {
        "nvidia_gddr", "nvidia_hbm", "nvidia_unified", "jetson", "apple", "amd_rdna", "amd_cdna", "amd_unified",
        "intel_arc", "gaudi", "tpu", "npu", "cpu",
    }  # fmt: skip


def test_models_of_every_kind_and_language_are_there(catalogue: Catalogue) -> None:
    kinds = Counter(card.shape.kind for card in catalogue.models.values())
    assert kinds["llm"] + kinds["vlm"] >= 40
    assert min(kinds["embedding"], kinds["rerank"], kinds["image"]) >= 3
    tasks = {task for card in catalogue.models.values() if card.shape.kind == "image" for task in card.tasks}
    assert tasks >= {"image", "image_edit", "restore", "relight"}
    assert all(
        {"en", "zh", "ar"} <= set(card.languages) for card in catalogue.models.values() if card.shape.kind == "llm"
    )


def test_every_entry_says_where_its_figures_come_from(catalogue: Catalogue) -> None:
    entries: list[Device | ModelCard] = [*catalogue.devices.values(), *catalogue.models.values()]
    for entry in entries:
        assert "*" in entry.sources, entry.id
        fields = {field.name for field in msgspec.structs.fields(type(entry))}
        fields |= {field.name for field in msgspec.structs.fields(Shape)}
        fields |= {"parameters", "memory_gib", "rates_tera", "link_gb_s", "tied_embeddings"}
        assert set(entry.sources) - {"*"} <= fields, entry.id
    for power in catalogue.electricity.values():
        assert {"*", "usd_per_kwh"} <= set(power.sources), power.country
    assert all(price.source.what for price in catalogue.api_prices.values())


@pytest.mark.parametrize(
    ("device_id", "bandwidth_gb_s", "memory_gib", "power_w"),
    [
        ("mi300x-192", 5300, 192, 750),
        ("mi325x-256", 6000, 256, 1000),
        ("h200-141-sxm", 4800, 140, 700),
        ("b200-180", 7700, 179, 1000),
        ("l40s-48", 864, 45, 350),
        ("l4-24", 300, 22.5, 72),
        ("orin-nx-16", 102, 16, 25),
        ("arc-a770-16", 560, 16, 225),
        ("mi50-32", 1024, 32, 300),
    ],
)
def test_figures_that_a_well_known_list_has_wrong_are_right(
    catalogue: Catalogue, device_id: str, bandwidth_gb_s: float, memory_gib: float, power_w: float
) -> None:
    device = catalogue.device(device_id)
    assert device.bandwidth == bandwidth_gb_s * 1e9
    assert device.memory_bytes == memory_gib * GIB
    assert device.power_w == power_w


def test_cards_are_no_faster_than_physics_and_no_rate_is_sparse(catalogue: Catalogue) -> None:
    for device in catalogue.devices.values():
        rates = device.rates
        assert device.bandwidth < 1e13, device.id
        assert 0 <= device.usable_share <= 1, device.id
        if "fp16" in rates and "fp8" in rates:
            assert rates["fp8"] <= 2.1 * rates["fp16"], device.id
        if "fp8" in rates and "fp4" in rates:
            assert rates["fp4"] <= 4.3 * rates["fp8"], device.id
        assert device.idle_w <= device.power_w, device.id
        if device.price is not None:
            assert 0 < device.price.low_usd <= device.price.high_usd, device.id


def kv_bytes(card: ModelCard, tokens: int) -> float:
    """Bytes of the cache of one sequence in 16 bits, by the formulas of the field."""
    total = 0.0
    for layers in card.shape.layers:
        kept = min(tokens, layers.window_tokens) if layers.attention == "sliding" else tokens
        if layers.attention == "mla":
            total += layers.count * layers.latent_dim * 2 * kept
        elif layers.attention in ("full", "sliding"):
            total += (
                layers.count * layers.kv_heads * (layers.head_dim + (layers.value_dim or layers.head_dim)) * 2 * kept
            )
    return total


@pytest.mark.parametrize(
    ("model_id", "tokens", "gib"),
    [
        ("gemma-3-27b", 131_072, 10.41),
        ("deepseek-v3", 163_840, 10.72),
        ("qwen3.5-27b", 262_144, 16.0),
        ("qwen2.5-7b", 1_000_000, 57_344e6 / GIB),
        ("llama-3.1-8b", 8192, 1.0),
        ("gpt-oss-20b", 131_072, 3.003),
    ],
)
def test_shapes_give_the_caches_that_were_measured(
    catalogue: Catalogue, model_id: str, tokens: int, gib: float
) -> None:
    assert kv_bytes(catalogue.model(model_id), tokens) / GIB == pytest.approx(gib, rel=0.005)


def test_the_state_of_recurrent_layers_is_the_measured_one(catalogue: Catalogue) -> None:
    shape = catalogue.model("qwen3.5-27b").shape
    state = sum(layers.count * layers.state_bytes for layers in shape.layers)
    assert 4 * state / 2**20 == pytest.approx(598.5, rel=0.001)


def test_licences_are_of_the_variant_and_not_of_the_family(catalogue: Catalogue) -> None:
    commercial = {card.id: card.licence.commercial for card in catalogue.models.values()}
    assert [commercial[f"qwen2.5-{size}"] for size in ("1.5b", "3b", "7b")] == [True, False, True]
    assert commercial["flux.1-schnell"]
    assert not commercial["flux.1-kontext-dev"]
    assert not commercial["ministral-8b-2410"]
    assert not commercial["command-r7b-arabic"]
    assert (commercial["umo-omnigen2"], commercial["umo-uno"]) == (True, False)
    assert catalogue.model("llama-4-scout").licence.not_in == ("EU",)
    assert any("700 million" in each for each in catalogue.model("llama-3.1-8b").licence.conditions)


def test_what_only_a_service_offers_is_no_model(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownEntry):
        catalogue.model("nano-banana")
    assert catalogue.api_price("gemini-2.5-flash-image").image_usd == 0.039


def test_mixtures_have_fewer_active_parameters_than_all(catalogue: Catalogue) -> None:
    for card in catalogue.models.values():
        shape = card.shape
        assert 0 < shape.active_parameters <= shape.parameters, card.id
        is_sparse = shape.experts is not None or "looked up" in card.note
        assert is_sparse == (shape.active_parameters < shape.parameters), card.id


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("RTX 4090", "rtx4090-24"),
        ("NVIDIA GeForce RTX 3090", "rtx3090-24"),
        ("Apple M2 Ultra 76-core GPU", "m2ultra-192"),
        ("H100", "h100-80-sxm"),
        ("NVIDIA DGX Spark (GB10)", "gb10-128"),
        ("AMD Radeon RX 7900 XTX", "rx7900xtx-24"),
    ],
)
def test_a_device_is_found_by_the_names_that_people_use(catalogue: Catalogue, said: str, meant: str) -> None:
    assert catalogue.device(said).id == meant


def test_an_unknown_name_offers_the_nearest(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownEntry, match="did you mean rtx4090-24"):
        catalogue.device("rtx 409O")
    with pytest.raises(UnknownEntry, match=r"qwen3-8b"):
        catalogue.model("qwen3-8b-q4")
    with pytest.raises(UnknownEntry, match="`serdab plan devices` lists all"):
        catalogue.device("a toaster with four slots")
    with pytest.raises(UnknownEntry):
        catalogue.device("")
    assert catalogue.electricity_of("sa").country == "SA"


def test_an_old_price_is_warned_about() -> None:
    on = date(2026, 1, 1)
    assert stale_price("x", on, on + timedelta(STALE_DAYS)) == ""
    assert "61 days old" in stale_price("x", on, on + timedelta(STALE_DAYS + 1))
    assert load_catalogue().stale(date(2026, 8, 6))


OWN_TOML = """
[[source]]
id = "my-invoice"
what = "invoice 4471"
on = 2026-11-20
evidence = "measured"

[[device]]
id = "rtx3090-24"
name = "GeForce RTX 3090 24GB"
vendor = "NVIDIA"
kind = "nvidia_gddr"
memory_gib = 24
bandwidth_gb_s = 936
rates_tera = { fp16 = 71 }
power_w = 280
idle_w = 20
year = 2020
price = { low_usd = 650, high_usd = 650, on = 2026-11-20, source = "my-invoice", used = true }
sources = { "*" = "my-invoice" }
"""


def test_the_users_own_file_overrides_and_it_is_said(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(OWN_TOML, "utf-8")
    for place in (file, tmp_path):
        own = load_catalogue(place)
        assert own.device("RTX 3090").power_w == 280
        assert own.device("RTX 3090").sources["*"].what == "invoice 4471"
        assert len(own.devices) == len(load_catalogue().devices)
        assert len(own.overridden) == 1
        assert "device rtx3090-24" in own.overridden[0]
        assert "mine.toml" in own.overridden[0]
    assert load_catalogue().device("RTX 3090").power_w == 350


LINE = (
    '{"entry":"device","id":"x","name":"X","vendor":"V","kind":"npu","memory_gib":8,"bandwidth_gb_s":10,'
    '"rates_tera":{"int8":1},"power_w":5,"idle_w":1,"year":2025,"sources":{"*":"apple-specs"}}'
)


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ('"bandwidth_gb_s"', '"bandwith_gb_s"', "did you mean bandwidth_gb_s"),
        ('"npu"', '"gpu"', "kind"),
        ('"memory_gib":8', '"memory_gib":-8', "memory_gib"),
        ('"memory_gib":8', '"memory_gib":"8"', "memory_gib"),
        ('"idle_w":1', '"idle_w":6', "at most power_w"),
        ('"*":"apple-specs"', '"name":"apple-specs"', "with `*`"),
        ('"apple-specs"', '"nobody"', "the id of a source entry"),
        ('"entry":"device"', '"entry":"devise"', "an entry has `entry`"),
        ('"entry":"device"', '"entry":["device"]', "an entry has `entry`"),
        (LINE, "[1, 2]", "object"),
        (LINE, '{"entry":', "truncated"),
        (LINE, "[" * 100_000, "entry of a catalogue"),
        (LINE, '"\\ud800', "entry of a catalogue"),
    ],
)
def test_a_wrong_entry_is_told_with_its_place(tmp_path: Path, was: str, becomes: str, told: str) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(f"// mine\n\n{LINE.replace(was, becomes)}\n", "utf-8")
    with pytest.raises(BadCatalogue) as error:
        load_catalogue(file)
    assert told in str(error.value)
    assert "mine.jsonl:3" in str(error.value)


@pytest.mark.parametrize("content", ["[[devices]]\n", "device = 3\n", "=", "[[device]]\nid = 1\n"])
def test_a_wrong_toml_file_is_told(tmp_path: Path, content: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content, "utf-8")
    with pytest.raises(BadCatalogue):
        load_catalogue(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadCatalogue, match="that exists"):
        load_catalogue(tmp_path / "nothing")


HOW_TO = Path(__file__).parent.parent.parent / "docs" / "how-to" / "plan-catalogues.md"


def test_the_examples_of_the_how_to_can_be_loaded(tmp_path: Path) -> None:
    blocks = HOW_TO.read_text("utf-8").split("```toml\n")[1:]
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}.toml").write_text(block.partition("```")[0], "utf-8")
    own = load_catalogue(tmp_path)
    assert own.device("RTX 3090").power_w == 280
    assert own.model("our-model").shape.depth == 62
    assert len(own.overridden) == 1


def test_a_price_is_of_the_memory_that_the_entry_has(catalogue: Catalogue) -> None:
    """A machine sold with 96 or 512 GB is two entries: the price of the one never buys the memory of the other."""
    small, large = catalogue.device("m3ultra-96"), catalogue.device("m3ultra-512")
    assert small.price is not None
    assert large.price is not None
    assert small.memory_bytes < large.memory_bytes
    assert small.price.high_usd < large.price.low_usd


def test_a_price_of_electricity_that_is_not_of_its_country_is_a_guess() -> None:
    for each in load_catalogue().electricity.values():
        source = each.sources["usd_per_kwh"]
        assert (source.evidence == "guess") == ("not of this country" in source.what), each.country
        assert each.sources["*"].on.year >= 2022
