"""What a machine costs over its years against a service that is paid by token.

TCO = purchase + years·(electricity at what is drawn + maintenance + people) - resale (field evidence §5.10).
Electricity is 2 to 40 % of it; purchase and how much the machine is used decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from serdab.core import expected
from serdab.plan.bad_plan import BadPlan
from serdab.plan.catalogue_entries import ApiPrice, Electricity
from serdab.plan.checking import checked
from serdab.plan.devices import Device
from serdab.plan.figures import Estimate, Range, Term, total
from serdab.plan.power import estimate_power, idle_watts, is_whole_machine
from serdab.plan.prices import price_doubts, stale_carbon

HOURS_A_YEAR = 8760.0
#: Years after which `Terms.resale_share` is left.
RESALE_YEARS = 3.0


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What does not depend on the model."""

    years: float = 3.0
    #: Equal machines that share the users.
    machines: int = 1
    #: What the rest of each costs beside its cards, USD.
    host_usd: float = 1200.0
    #: Of the purchase: left after three years (each year loses the same part), and paid for repairs each year.
    resale_share: float = 0.25
    maintenance_share: float = 0.08
    #: Power of the whole site for each watt of the machine: cooling in an office 1.15 to 1.35.
    pue: float = 1.25
    people_usd_a_year: float = 0.0
    #: Share of the hours in which it works.
    busy_share: float = 0.25

    @property
    def left_share(self) -> float:
        """Share of the purchase that is left after its years."""
        return float(self.resale_share ** (self.years / RESALE_YEARS))


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of it, and how fast it answers."""

    #: Tokens a second of all users together while it works.
    answer_tokens_per_s: float
    #: Tokens of prompts for each token of an answer, and the share of them that a service would have cached.
    prompt_ratio: float = 4.0
    cached_share: float = 0.0
    users: float = 1.0


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A machine against one service."""

    service: str
    #: USD of the service for the same tokens over the same years.
    service_usd: float
    #: Month in which the machine has paid for itself; None: never in its years.
    month: float | None
    #: Share of the hours at which both cost the same over the years; None: more than all hours.
    busy_share: float | None


class Swing(msgspec.Struct, frozen=True, kw_only=True):
    """How much one input moves the whole."""

    name: str
    low_usd: float
    high_usd: float
    why: str


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine costs."""

    years: Estimate
    usd_per_million: float
    million_tokens: float
    carbon_kg: float | None
    comparisons: tuple[Comparison, ...]
    tornado: tuple[Swing, ...]
    warnings: tuple[str, ...] = ()


def purchase(device: Device, cards: int, terms: Terms) -> Range:
    """USD to buy all machines; a device of unknown price costs by its memory (100 USD a GB), and widely so."""
    host = 0.0 if is_whole_machine(device) else terms.host_usd
    if device.price is None:
        guess = 100.0 * device.memory_bytes / 1e9
        low, likely, high = guess / 2, guess, guess * 2
    else:
        low, high = device.price.low_usd, device.price.high_usd
        likely = (low + high) / 2
    low, likely, high = (terms.machines * (cards * each + host) for each in (low, likely, high))
    return Range(low=low, likely=likely, high=high)


def doubts(device: Device, electricity: Electricity, services: Sequence[ApiPrice], today: date) -> tuple[str, ...]:
    """Warnings of figures that are old, guesses or missing."""
    carbon = stale_carbon(electricity, today)
    if device.price is None:
        missing = f"{device.name}: no price known; 100 USD a GB of memory was taken"
        return (missing, *price_doubts((), electricity, services, today), *carbon)
    return (*price_doubts(((device.name, device.price),), electricity, services, today), *carbon)


def yearly_kwh(device: Device, cards: int, users: float, terms: Terms) -> float:
    """Kilowatt hours a year of all machines, cooling included."""
    busy = estimate_power(device, cards, max(1.0, users / terms.machines)).likely
    drawn = busy * terms.busy_share + idle_watts(device, cards) * (1 - terms.busy_share)
    return terms.machines * drawn * terms.pue * HOURS_A_YEAR / 1000


def cost_terms(
    device: Device, cards: int, electricity: Electricity, terms: Terms, users: float = 1.0
) -> tuple[Term, ...]:
    """What the years cost, in USD.

    Raises:
        BadPlan: a number makes no sense.
    """
    checked("years", terms.years, least=0.1, most=20)
    checked("machines", terms.machines, most=1_000_000)
    checked("busy share", terms.busy_share, least=0.001, most=1.0)
    checked("resale share", terms.resale_share, least=0.0, most=1.0)
    checked("PUE", terms.pue, most=5)
    checked("USD per kWh", electricity.usd_per_kwh, least=0.0, most=10)
    checked("people, USD a year", terms.people_usd_a_year, least=0.0)
    bought = purchase(device, cards, terms).likely
    kwh = yearly_kwh(device, cards, users, terms)
    each = f"{cards} x {device.name}" + ("" if is_whole_machine(device) else f" and {terms.host_usd:,.0f} USD around")
    found = [
        Term(
            name="purchase",
            value=bought,
            unit="USD",
            why=each if terms.machines == 1 else f"{terms.machines:,} machines of {each}",
        ),
        Term(
            name="resale",
            value=-bought * terms.left_share,
            unit="USD",
            why=f"{terms.left_share:.0%} after {terms.years:g} years",
        ),
        Term(
            name="electricity",
            value=kwh * terms.years * electricity.usd_per_kwh,
            unit="USD",
            why=f"{kwh:,.0f} kWh a year at {electricity.usd_per_kwh:.3f}, cooling x {terms.pue:g}",
        ),
        Term(
            name="maintenance",
            value=bought * terms.maintenance_share * terms.years,
            unit="USD",
            why=f"{terms.maintenance_share:.0%} of the purchase a year",
        ),
    ]
    if terms.people_usd_a_year:
        found.append(Term(name="people", value=terms.people_usd_a_year * terms.years, unit="USD"))
    return tuple(found)


def million_tokens(work: Workload, terms: Terms) -> float:
    """Millions of tokens of answers over the years."""
    return work.answer_tokens_per_s * terms.busy_share * HOURS_A_YEAR * 3600 * terms.years / 1e6


def service_usd_per_million(price: ApiPrice, work: Workload) -> float:
    """USD that a service asks for a million tokens of answers with their prompts."""
    cached = price.input_usd if price.cached_input_usd is None else price.cached_input_usd
    prompt = price.input_usd * (1 - work.cached_share) + cached * work.cached_share
    return price.output_usd + work.prompt_ratio * prompt


def compare(price: ApiPrice, work: Workload, parts: tuple[Term, ...], terms: Terms) -> Comparison:
    """When a machine has paid for itself against a service, and at what use."""
    each = service_usd_per_million(price, work)
    asked = each * million_tokens(work, terms)
    by_name = {term.name: term.value for term in parts}
    bought = by_name["purchase"]
    own_month = (total(parts) - bought - by_name["resale"]) / (12 * terms.years)
    service_month = asked / (12 * terms.years)
    month = bought / (service_month - own_month) if service_month > own_month else None
    full = each * million_tokens(work, msgspec.structs.replace(terms, busy_share=1.0))
    share = total(parts) / full if full > 0 else None
    return Comparison(
        service=price.id,
        service_usd=asked,
        month=month if month is not None and month <= 12 * terms.years else None,
        busy_share=share if share is not None and share <= 1 else None,
    )


def tornado(device: Device, cards: int, electricity: Electricity, terms: Terms, work: Workload) -> tuple[Swing, ...]:
    """What moves the price of a million tokens most, the widest first."""

    def each(own: Terms, speed: float = 1.0, current: Electricity = electricity, bought: float | None = None) -> float:
        parts = cost_terms(device, cards, current, own, work.users)
        whole = total(parts)
        if bought is not None:
            likely = purchase(device, cards, own).likely
            whole += (bought - likely) * (1 - own.left_share + own.maintenance_share * own.years)
        return whole / max(million_tokens(work, own) * speed, 1e-9)

    change = msgspec.structs.replace
    price = purchase(device, cards, terms)
    half, double = max(terms.busy_share / 2, 0.001), min(terms.busy_share * 2, 1.0)
    cheap, dear = (change(electricity, usd_per_kwh=electricity.usd_per_kwh * factor) for factor in (0.5, 2.0))
    swings = [
        Swing(
            name="use",
            low_usd=each(change(terms, busy_share=double)),
            high_usd=each(change(terms, busy_share=half)),
            why=f"{half:.1%} to {double:.1%} of the hours",
        ),
        Swing(
            name="purchase",
            low_usd=each(terms, bought=price.low),
            high_usd=each(terms, bought=price.high),
            why=f"{price.low:,.0f} to {price.high:,.0f} USD",
        ),
        Swing(name="speed", low_usd=each(terms, 1.25), high_usd=each(terms, 0.8), why="80 to 125 % of the estimate"),
        Swing(
            name="electricity",
            low_usd=each(terms, current=cheap),
            high_usd=each(terms, current=dear),
            why="half to double its price",
        ),
        Swing(
            name="years",
            low_usd=each(change(terms, years=terms.years + 2)),
            high_usd=each(change(terms, years=max(1.0, terms.years - 1))),
            why="two more, one less",
        ),
    ]
    return tuple(sorted(swings, key=lambda swing: swing.low_usd - swing.high_usd))


def estimate_cost(  # noqa: PLR0913 - what is compared with, and when, may be left out
    device: Device,
    cards: int,
    electricity: Electricity,
    work: Workload,
    services: tuple[ApiPrice, ...] = (),
    *,
    terms: Terms | None = None,
    today: date | None = None,
) -> Cost:
    """What a machine costs over its years, for a million tokens, and against services.

    Old prices of all that is compared are told where `today` is given.

    Raises:
        BadPlan: a number makes no sense, or the device can only be rented.
    """
    if not device.can_be_bought:
        raise BadPlan(expected("the device", "one that can be bought", device.name, "ask who rents it out"))
    own = terms or Terms()
    checked("tokens a second", work.answer_tokens_per_s, least=1e-6)
    parts = cost_terms(device, cards, electricity, own, work.users)
    price = purchase(device, cards, own)
    whole = total(parts)
    moved = 1 - own.left_share + own.maintenance_share * own.years
    largest = max(parts, key=lambda term: term.value)
    millions = million_tokens(work, own)
    grams = electricity.grams_co2_per_kwh
    kwh = yearly_kwh(device, cards, work.users, own) * own.years
    return Cost(
        years=Estimate(
            name=f"{own.years:g} years",
            unit="USD",
            terms=parts,
            bound_by=f"{largest.name}: {largest.why}",
            range=Range(
                low=whole - (price.likely - price.low) * moved,
                likely=whole,
                high=whole + (price.high - price.likely) * moved,
            ),
        ),
        usd_per_million=whole / max(millions, 1e-9),
        million_tokens=millions,
        carbon_kg=None if grams is None else kwh * grams / 1000,
        comparisons=tuple(compare(each, work, parts, own) for each in services),
        tornado=tornado(device, cards, electricity, own, work),
        warnings=doubts(device, electricity, services, today) if today else (),
    )
