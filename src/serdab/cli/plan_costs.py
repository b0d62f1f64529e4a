"""`serdab plan cost`: what a machine costs over its years, and from when it beats a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from serdab.cli.plan_asking import Asked, Country, Json, Report, Tariff, catalogue_of, electricity_of, question_of
from serdab.cli.plan_showing import show_cost
from serdab.cli.printing import print_json, say
from serdab.cli.session import session_of

if TYPE_CHECKING:
    from pathlib import Path

    from serdab.plan import Answer, ApiPrice, Catalogue, Cost, Electricity, Question, Terms, Workload


def cost(  # noqa: PLR0913 - each is an option of the command line
    ctx: typer.Context,
    asked: Asked,
    country: Country = "US",
    tariff: Tariff = None,
    busy: Annotated[float, typer.Option(min=0.001, max=1, help="Share of the hours in which it works.")] = 0.25,
    years: Annotated[float, typer.Option(min=0.1, max=20, help="Years it stands.")] = 3.0,
    resale: Annotated[float, typer.Option(min=0, max=1, help="Share of its price that is left after 3 years.")] = 0.25,
    maintenance: Annotated[float, typer.Option(min=0, max=1, help="Share of its price for repairs, each year.")] = 0.08,
    pue: Annotated[float, typer.Option(min=1, max=5, help="Power of the site for each watt of it: cooling.")] = 1.25,
    people: Annotated[float, typer.Option(min=0, help="USD a year for people who look after it.")] = 0.0,
    services: Annotated[str, typer.Option(help="Services to compare with, by id, as in a,b.")] = "",
    prompts: Annotated[float, typer.Option(min=0, help="Tokens of prompts for each token of an answer.")] = 4.0,
    cached: Annotated[float, typer.Option(min=0, max=1, help="Share of them that a service has cached.")] = 0.0,
    json: Json = False,
    report: Report = None,
) -> None:
    """Say what a machine costs, and from when it beats a service.

    Cost over the years, and for a million tokens. As many equal machines are counted as have room for all users.
    """
    from serdab.plan import Terms, Workload, answer_question, host_usd_of, spread_users

    catalogue = catalogue_of(ctx)
    question, _ = question_of(session_of(ctx).settings, catalogue, asked)
    machines, one = spread_users(question)
    answer = answer_question(one)
    each = answered_tokens_per_s(one, answer, prompts * (1 - cached))
    work = Workload(
        answer_tokens_per_s=each * asked.users, users=asked.users, prompt_ratio=prompts, cached_share=cached
    )
    terms = Terms(
        machines=machines,
        host_usd=host_usd_of(one.device, one.cards, country),
        busy_share=busy,
        years=years,
        resale_share=resale,
        maintenance_share=maintenance,
        pue=pue,
        people_usd_a_year=people,
    )
    found = priced(one, work, terms, electricity_of(catalogue, country, tariff), compared(catalogue, services))
    tell(with_room(found, question, answer, machines), answer, as_json=json, report=report)


def compared(catalogue: Catalogue, services: str) -> tuple[ApiPrice, ...]:
    """The services that are named, or three to compare with where none is.

    Raises:
        UnknownEntry: there is no such service.
    """
    chosen = [catalogue.api_price(name.strip()) for name in services.split(",") if name.strip()]
    return tuple(chosen or nearest_services(catalogue))


def priced(
    question: Question, work: Workload, terms: Terms, electricity: Electricity, services: tuple[ApiPrice, ...]
) -> Cost:
    """What the machines of a question cost today.

    Raises:
        BadPlan: a number makes no sense.
    """
    from datetime import UTC, datetime

    from serdab.plan import estimate_cost

    today = datetime.now(UTC).date()  # noqa: TID251 - the day of a price, not the order of events
    return estimate_cost(question.device, question.cards, electricity, work, services, terms=terms, today=today)


def tell(found: Cost, answer: Answer, *, as_json: bool, report: Path | None) -> None:
    """Print a cost, and write its page where one is wanted."""
    if report is not None:
        from serdab.cli.plan_report import write_report

        write_report(report, answer, found)
        say(f"written: {report}")
    if as_json:
        print_json(found)
    else:
        show_cost(found)


def answered_tokens_per_s(question: Question, answer: Answer, prompts: float) -> float:
    """Tokens of answers a second of one user, with the time for what is read.

    Args:
        question: to one machine.
        answer: the speeds.
        prompts: tokens that are read anew for each token of an answer; with several users their step has them already.
    """
    if answer.between_tokens is not None:
        return 1 / answer.between_tokens.likely
    return 1 / (1 / answer.decode.likely + prompts * answer.prefill.likely / question.context_tokens)


def with_room(found: Cost, question: Question, answer: Answer, machines: int) -> Cost:
    """The cost with what to know of the room that its machines have."""
    if machines > 1:
        told = (
            f"{question.users:g} users at once: {machines} machines, each of which has room for {answer.most_users:,}"
        )
    elif not answer.fits:
        told = (
            f"{answer.model} does not fit {answer.device}: {answer.on_cards:.0%} of its layers have room, the others "
            "are with the processor, and that is how fast it writes"
        )
    else:
        return found
    return msgspec.structs.replace(found, warnings=(told, *found.warnings))


def nearest_services(catalogue: Catalogue) -> list[ApiPrice]:
    """Three services to compare with: the median of each of the smaller classes."""
    found: list[ApiPrice] = []
    for size in ("small", "medium", "large"):
        own = sorted(
            (each for each in catalogue.api_prices.values() if each.size == size), key=lambda each: each.output_usd
        )
        found += own[len(own) // 2 : len(own) // 2 + 1]
    return found
