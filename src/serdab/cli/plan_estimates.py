"""`serdab plan fit|estimate|cost|recommend|explain|validate`: what a model needs, how fast, at what price."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.plan_asking import (
    Asked,
    Country,
    Json,
    Report,
    Tariff,
    asks,
    catalogue_of,
    context_tokens,
    device_of,
    electricity_of,
    question_of,
)
from serdab.cli.plan_costs import cost
from serdab.cli.plan_fitting import show_fit
from serdab.cli.plan_showing import show_advice, show_answer, show_terms, show_validation
from serdab.cli.printing import print_json, say
from serdab.cli.session import path_of, session_of
from serdab.core import BadInput, expected

if TYPE_CHECKING:
    from serdab.plan import Answer


def register(application: typer.Typer) -> None:
    """Add the commands to `serdab plan`."""
    for command in (asks(fit), asks(estimate), asks(explain), asks(cost), recommend, validate):
        application.command()(command)


def fit(ctx: typer.Context, asked: Asked, json: Json = False) -> None:
    """Say whether a model fits and what would make it fit.

    What it is, is read from the heads of its files.
    """
    question, found = question_of(session_of(ctx).settings, catalogue_of(ctx), asked, measured=False)
    show_fit(question, found, as_json=json)


def estimate(ctx: typer.Context, asked: Asked, json: Json = False, report: Report = None) -> None:
    """Estimate memory, speed and power of a model on a machine.

    Each with its interval and its reason.
    """
    found = _answered(ctx, asked)
    if report is not None:
        from serdab.cli.plan_report import write_report

        write_report(report, found)
        say(f"written: {report}")
    if json:
        print_json(found)
    else:
        show_answer(found)


def explain(ctx: typer.Context, asked: Asked, json: Json = False) -> None:
    """Show every term of an estimate and the numbers behind it."""
    found = _answered(ctx, asked)
    if json:
        print_json({"memory": found.fit.terms, "estimates": found.estimates})
    else:
        show_terms(found)


def _answered(ctx: typer.Context, asked: Asked) -> Answer:
    from serdab.plan import answer_question

    return answer_question(question_of(session_of(ctx).settings, catalogue_of(ctx), asked)[0])


def recommend(  # noqa: PLR0913 - each is an option of the command line
    ctx: typer.Context,
    task: Annotated[str, typer.Option(help="chat, code, reasoning, extraction, translation, vision…")] = "chat",
    users: Annotated[int, typer.Option(min=1, max=100_000, help="Users at the same time.")] = 1,
    languages: Annotated[str, typer.Option(help="Languages it must know, as in ar,en.")] = "",
    context: Annotated[str, typer.Option(help="Tokens of one user's context, as in 16k.")] = "8k",
    budget: Annotated[float, typer.Option(min=0, help="Most that the machine may cost, USD; 0: any.")] = 0,
    quality: Annotated[str, typer.Option(help="basic, good or best.")] = "good",
    commercial: Annotated[bool, typer.Option("--commercial", help="Only licences for commercial use.")] = False,
    speed: Annotated[float, typer.Option(min=0.1, help="Least tokens a second that a user sees.")] = 10.0,
    country: Country = "US",
    tariff: Tariff = None,
    device: Annotated[str, typer.Option(help="What there is already: a device, or here; empty: to be bought.")] = "",
    cards: Annotated[int, typer.Option(min=0, max=64, help="How many of it; 0: one, or all of this machine.")] = 0,
    json: Json = False,
) -> None:
    """Recommend the least machine and model that is enough.

    Says why not less and why not more.
    """
    from serdab.plan import Wish, recommend_for
    from serdab.plan import recommend as advise

    catalogue = catalogue_of(ctx)
    wish = Wish(
        task=task,
        users=users,
        languages=tuple(each.strip().lower() for each in languages.split(",") if each.strip()),
        context_tokens=context_tokens(context),
        budget_usd=budget or None,
        quality=quality,
        commercial=commercial,
        least_tokens_per_s=speed,
        region="EU" if country.upper() in EUROPEAN_UNION else country,
    )
    models, electricity = list(catalogue.models.values()), electricity_of(catalogue, country, tariff)
    if device:
        machine, number = device_of(catalogue, device, measured=True)
        found = recommend_for(machine, cards or number, models, wish, electricity)
    else:
        found = advise(list(catalogue.devices.values()), models, wish, electricity)
    if json:
        print_json(found)
    else:
        show_advice(found)


#: Countries whose licensees some licences leave out together.
EUROPEAN_UNION = frozenset(("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
                            "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"))  # fmt: skip


def validate(
    folder: Annotated[
        Path, typer.Argument(help="A folder of measured tables, in the layout of the evidence.", parser=path_of)
    ],
    json: Json = False,
) -> None:
    """Compare estimates with measured rows and print the errors.

    Each device and group is left out of the fit in turn.
    """
    import csv

    from serdab.plan import FILES
    from serdab.plan import validate as check

    if not folder.is_dir():
        raise BadInput(expected("FOLDER", "a folder of tables", str(folder)))
    tables = {}
    for name in FILES:
        path = folder / f"{name}.csv"
        if path.exists():
            with path.open(encoding="utf-8", newline="") as lines:
                tables[name] = list(csv.DictReader(lines))
    if not tables:
        raise BadInput(expected("FOLDER", f"one with some of {', '.join(FILES)} (.csv)", str(folder)))
    found = check(tables)
    if json:
        print_json(found)
    else:
        show_validation(found)
