"""What is doubtful in prices: how old they are, and which are guesses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

from serdab.plan.catalogue_entries import ApiPrice, Electricity
from serdab.plan.devices import Price

#: After how many days a price is no longer believed without a word.
STALE_DAYS = 60
#: The same of carbon, which a country's grid changes by about a twentieth in a year.
STALE_CARBON_DAYS = 365


def stale_price(name: str, on: date, today: date | None = None) -> str:
    """A warning when a price is older than 60 days; empty when it is not."""
    today = today or datetime.now(UTC).date()  # noqa: TID251 - the day of a price, not the order of events
    age_days = (today - on).days
    return (
        f"the price of {name} is {age_days} days old ({on}); look again before you buy" if age_days > STALE_DAYS else ""
    )


def stale_carbon(electricity: Electricity, today: date) -> tuple[str, ...]:
    """A warning when the carbon of a country's electricity is older than a year."""
    source = electricity.sources.get("grams_co2_per_kwh", electricity.sources.get("*"))
    if electricity.grams_co2_per_kwh is None or source is None or (today - source.on).days <= STALE_CARBON_DAYS:
        return ()
    return (f"the carbon of electricity in {electricity.name or electricity.country} is that of {source.on.year}",)


def price_doubts(
    devices: Sequence[tuple[str, Price]],
    electricity: Electricity,
    services: Sequence[ApiPrice] = (),
    today: date | None = None,
) -> tuple[str, ...]:
    """What to know before prices are believed, of machines, services and electricity.

    Args:
        devices: names of what is bought, with their prices.
        electricity: of the country.
        services: what is compared with.
        today: the day that ages count to; None: today.
    """
    current = f"electricity in {electricity.name or electricity.country}"
    source = electricity.sources.get("usd_per_kwh")

    def told() -> Iterator[str]:
        for name, price in devices:
            yield stale_price(name, price.on, today)
            yield f"the price of {name} is a guess" if price.source.evidence == "guess" else ""
        for service in services:
            yield stale_price(service.id, service.source.on, today)
        if source is not None:
            yield stale_price(current, source.on, today)
            if source.evidence == "guess":
                yield f"the price of {current}, {electricity.usd_per_kwh:g} USD/kWh, is the {source.what}"

    return tuple(filter(None, told()))
