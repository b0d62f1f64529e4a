"""`serdab plan …`: what a model is, and what the catalogues know of devices, models and prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli import plan_estimates, plan_making
from serdab.cli.plan_asking import Json, catalogue_of
from serdab.cli.printing import counted, print_json, print_table, say

if TYPE_CHECKING:
    from serdab.plan import Catalogue, Device, Electricity, ModelCard

application = typer.Typer(help="Plan machines and models before anything is bought.", no_args_is_help=True)

plan_estimates.register(application)
plan_making.register(application)

_GIB = 2**30


@application.command()
def devices(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Only those with this in their name.")] = "",
    kind: Annotated[str, typer.Option(help="Only of this class, like nvidia_gddr or apple.")] = "",
    memory: Annotated[float, typer.Option(min=0, help="With at least so much memory, GiB.")] = 0,
    budget: Annotated[float, typer.Option(min=0, help="That cost at most so much, USD.")] = 0,
    json: Json = False,
) -> None:
    """List devices: memory, bandwidth, rates, power, price."""
    catalogue = catalogue_of(ctx)
    chosen = [
        each
        for each in catalogue.devices.values()
        if _in_name(name, each.id, each.name, *each.aliases)
        and kind in ("", each.kind)
        and each.memory_bytes >= memory * _GIB
        and (not budget or (each.price is not None and each.price.low_usd <= budget))
    ]
    if json:
        print_json(chosen)
        return
    print_table(
        ("device", "name~", "class", ">GiB", ">GB/s", ">fp16 T/s", ">int8 T/s", ">W", ">USD", "as of"),
        [_device_row(each) for each in chosen],
    )
    _say_stale(catalogue, {each.id for each in chosen})


def _device_row(device: Device) -> tuple[object, ...]:
    price = device.price
    return (
        device.id,
        device.name,
        device.kind,
        f"{device.memory_bytes / _GIB:g}",
        f"{device.bandwidth / 1e9:,.0f}",
        *(f"{device.rates[each] / 1e12:,g}" if each in device.rates else "" for each in ("fp16", "int8")),
        f"{device.power_w:,.0f}",
        f"{price.low_usd:,.0f}-{price.high_usd:,.0f}" if price else "cannot be bought",
        f"{price.on}{' guess' if price.source.evidence == 'guess' else ''}{' used' if price.used else ''}"
        if price
        else "",
    )


@application.command()
def models(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Only those with this in their name.")] = "",
    task: Annotated[str, typer.Option(help="Only for this task, like chat, embedding or image_edit.")] = "",
    languages: Annotated[str, typer.Option(help="Only those that know these, as in ar,zh.")] = "",
    commercial: Annotated[bool, typer.Option("--commercial", help="Only with a licence for commercial use.")] = False,
    json: Json = False,
) -> None:
    """List models: size, attention, context, languages, licence."""
    wanted = [each.strip().lower() for each in languages.split(",") if each.strip()]
    chosen = [
        each
        for each in catalogue_of(ctx).models.values()
        if _in_name(name, each.id, each.family, each.hub)
        and task in ("", *each.tasks)
        and all(each.languages.get(language) in ("strong", "yes") for language in wanted)
        and (each.licence.commercial or not commercial)
    ]
    if json:
        print_json(chosen)
        return
    print_table(
        ("model", "kind", ">10^9", ">active", "attention", ">context", "ar", "zh", "licence~", "conditions~"),
        [_model_row(each) for each in chosen],
    )


def _model_row(card: ModelCard) -> tuple[object, ...]:
    shape = card.shape
    conditions = "; ".join(card.licence.conditions)
    return (
        card.id,
        shape.kind,
        f"{shape.parameters / 1e9:.3g}",
        f"{shape.active_parameters / 1e9:.3g}" if shape.active_parameters != shape.parameters else "",
        " + ".join(f"{each.count} {each.attention}" for each in shape.layers),
        f"{shape.context_tokens:,}" if shape.context_tokens else "",
        card.languages.get("ar", ""),
        card.languages.get("zh", ""),
        card.licence.name + ("" if card.licence_is_confirmed else " (recalled, not confirmed)"),
        conditions if card.licence.commercial else f"not commercial: {conditions}",
    )


@application.command()
def prices(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Only those with this in their name.")] = "",
    size: Annotated[str, typer.Option(help="Only this class: small, medium, large or frontier.")] = "",
    json: Json = False,
) -> None:
    """List what services ask for a million tokens."""
    catalogue = catalogue_of(ctx)
    chosen = [
        each
        for each in catalogue.api_prices.values()
        if _in_name(name, each.id, each.vendor) and size in ("", each.size)
    ]
    if json:
        print_json(chosen)
        return
    print_table(
        ("service", "vendor", ">input USD", ">cached", ">output USD", ">a picture", "class", "as of"),
        [
            (
                each.id,
                each.vendor,
                f"{each.input_usd:g}",
                "" if each.cached_input_usd is None else f"{each.cached_input_usd:g}",
                f"{each.output_usd:g}",
                "" if each.image_usd is None else f"{each.image_usd:g}",
                each.size,
                each.source.on,
            )
            for each in chosen
        ],
    )
    _say_stale(catalogue, {each.id for each in chosen})


@application.command()
def electricity(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Only countries with this in their name, or of these two letters.")] = "",
    json: Json = False,
) -> None:
    """List what a kWh costs a household and emits, by country."""
    chosen = [each for each in catalogue_of(ctx).electricity.values() if _in_name(name, each.country, each.name)]
    if json:
        print_json(chosen)
        return
    print_table(
        ("country", "name", ">USD a kWh", "as of", ">g CO2", "as of", "price by~"),
        [_electricity_row(each) for each in chosen],
    )


def _electricity_row(each: Electricity) -> tuple[object, ...]:
    price, carbon = (each.sources.get(name, each.sources["*"]) for name in ("usd_per_kwh", "grams_co2_per_kwh"))
    return (
        each.country,
        each.name,
        f"{each.usd_per_kwh:g}",
        f"{price.on}{' guess' if price.evidence == 'guess' else ''}",
        "" if each.grams_co2_per_kwh is None else f"{each.grams_co2_per_kwh:,.0f}",
        carbon.on,
        price.what,
    )


def _say_stale(catalogue: Catalogue, shown: set[str]) -> None:
    from serdab.plan import STALE_DAYS

    stale = shown & catalogue.stale().keys()
    if stale:
        say(f"older than {STALE_DAYS} days: {counted(len(stale), 'price')}; look again before you buy")


def _in_name(wanted: str, *names: str) -> bool:
    return any(wanted.casefold() in name.casefold() for name in names)
