"""`serdab plan estimate|cost|recommend|explain|validate`: what a model needs on a machine, its speed and its price."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serdab.cli.plan_fitting import context_tokens
from serdab.cli.plan_showing import show_advice, show_answer, show_cost, show_terms, show_validation
from serdab.cli.printing import print_json, say
from serdab.cli.session import session_of
from serdab.core import BadInput, expected

if TYPE_CHECKING:
    from serdab.plan import Answer, ApiPrice, Catalogue, Question

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Report = Annotated[Path | None, typer.Option("--report", help="Also a page of HTML with pictures, in this file.")]
Model = Annotated[str, typer.Argument(help="A model of the catalogue; a file or hub id is read from its head.")]
On = Annotated[str, typer.Option("--device", help="A device of the catalogue.")]
Cards = Annotated[int, typer.Option(min=1, max=64, help="Equal cards.")]
Users = Annotated[int, typer.Option(min=1, max=100_000, help="Users at the same time.")]
Context = Annotated[str, typer.Option(help="Tokens of one user's context, as in 16k.")]
Format = Annotated[str, typer.Option("--format", help="How the weights are stored, like Q4_K_M, Q8_0, BF16, FP8.")]
Engine = Annotated[str, typer.Option(help="llama.cpp, ollama, vllm, sglang, tensorrt-llm, mlx…")]
Kv = Annotated[str, typer.Option(help="How keys and values are kept: f16, q8_0, fp8, q4_0.")]
Country = Annotated[str, typer.Option(help="Two letters: price of electricity and carbon.")]


def catalogue_of(ctx: typer.Context) -> Catalogue:
    """The catalogues with the user's own."""
    from serdab.plan import load_catalogue

    return load_catalogue(session_of(ctx).settings.plan.catalogues)


def question_of(ctx: typer.Context, model: str, device: str, *, storage: str, **others: object) -> Question:
    """The question that a command line asks.

    Raises:
        BadInput: no such model or device, or no device given.
    """
    import msgspec

    from serdab.cli.plan_fitting import read_shape
    from serdab.plan import Question, weights_of

    if not device:
        raise BadInput(expected("--device", "a device of the catalogue", device, "see serdab plan devices"))
    catalogue = catalogue_of(ctx)
    shape, exact = read_shape(session_of(ctx).settings, catalogue, model)
    weights = exact if exact is not None else weights_of(shape, storage)
    plain = Question(device=catalogue.device(device), shape=shape, weights=weights)
    return msgspec.structs.replace(plain, **others)


def register(application: typer.Typer) -> None:
    """Add the commands to `serdab plan`."""
    for command in (estimate, explain, cost, recommend, validate):
        application.command()(command)


def estimate(  # noqa: PLR0913 - each is an option of the command line
    ctx: typer.Context,
    model: Model,
    device: On = "",
    cards: Cards = 1,
    users: Users = 1,
    context: Context = "8k",
    storage: Format = "Q4_K_M",
    engine: Engine = "llama.cpp",
    kv: Kv = "f16",
    json: Json = False,
    report: Report = None,
) -> None:
    """Estimate memory, speed and power of a model on a machine, each with its interval and its reason."""
    found = _answered(ctx, model, device, storage, cards=cards, users=users, context=context, engine=engine, kv=kv)
    if report is not None:
        from serdab.cli.plan_report import write_report

        write_report(report, found)
        say(f"written: {report}")
    if json:
        print_json(found)
    else:
        show_answer(found)


def explain(  # noqa: PLR0913 - each is an option of the command line
    ctx: typer.Context,
    model: Model,
    device: On = "",
    cards: Cards = 1,
    users: Users = 1,
    context: Context = "8k",
    storage: Format = "Q4_K_M",
    engine: Engine = "llama.cpp",
    kv: Kv = "f16",
    json: Json = False,
) -> None:
    """Show every term of an estimate, with the numbers that it was made from."""
    found = _answered(ctx, model, device, storage, cards=cards, users=users, context=context, engine=engine, kv=kv)
    if json:
        print_json({"memory": found.fit.terms, "estimates": found.estimates})
    else:
        show_terms(found)


def _answered(ctx: typer.Context, model: str, device: str, storage: str, *, context: str, **others: object) -> Answer:
    from serdab.plan import answer_question

    tokens = context_tokens(context)
    return answer_question(question_of(ctx, model, device, storage=storage, context_tokens=tokens, **others))


def cost(  # noqa: PLR0913 - each is an option of the command line
    ctx: typer.Context,
    model: Model,
    device: On = "",
    cards: Cards = 1,
    users: Users = 1,
    context: Context = "8k",
    storage: Format = "Q4_K_M",
    engine: Engine = "llama.cpp",
    country: Country = "US",
    busy: Annotated[float, typer.Option(min=0, max=1, help="Share of the hours in which it works.")] = 0.25,
    years: Annotated[float, typer.Option(min=0.1, max=20, help="Years it stands.")] = 3.0,
    people: Annotated[float, typer.Option(min=0, help="USD a year for people who look after it.")] = 0.0,
    services: Annotated[str, typer.Option(help="Services to compare with, by id, as in a,b.")] = "",
    json: Json = False,
    report: Report = None,
) -> None:
    """Cost over the years, for a million tokens, and from when a machine is cheaper than a service."""
    from datetime import UTC, datetime

    from serdab.plan import Terms, Workload, answer_question, estimate_cost

    tokens = context_tokens(context)
    asked = question_of(
        ctx, model, device, storage=storage, context_tokens=tokens, cards=cards, users=users, engine=engine
    )
    answer = answer_question(asked)
    catalogue = catalogue_of(ctx)
    each = 1 / answer.between_tokens.likely if answer.between_tokens is not None else answer.decode.likely
    chosen = [catalogue.api_price(name.strip()) for name in services.split(",") if name.strip()]
    found = estimate_cost(
        asked.device,
        cards,
        catalogue.electricity_of(country),
        Workload(answer_tokens_per_s=each * users, users=users),
        tuple(chosen or nearest_services(catalogue)),
        terms=Terms(busy_share=busy, years=years, people_usd_a_year=people),
        today=datetime.now(UTC).date(),  # noqa: TID251 - the day of a price, not the order of events
    )
    if report is not None:
        from serdab.cli.plan_report import write_report

        write_report(report, answer, found)
        say(f"written: {report}")
    if json:
        print_json(found)
    else:
        show_cost(found)


def nearest_services(catalogue: Catalogue) -> list[ApiPrice]:
    """Three services to compare with: the median of each of the smaller classes."""
    found: list[ApiPrice] = []
    for size in ("small", "medium", "large"):
        own = sorted(
            (each for each in catalogue.api_prices.values() if each.size == size), key=lambda each: each.output_usd
        )
        found += own[len(own) // 2 : len(own) // 2 + 1]
    return found


def recommend(  # noqa: PLR0913 - each is an option of the command line
    ctx: typer.Context,
    task: Annotated[str, typer.Option(help="chat, code, reasoning, extraction, translation, vision…")] = "chat",
    users: Users = 1,
    languages: Annotated[str, typer.Option(help="Languages it must know, as in ar,en.")] = "",
    context: Context = "8k",
    budget: Annotated[float, typer.Option(min=0, help="Most that the machine may cost, USD; 0: any.")] = 0,
    quality: Annotated[str, typer.Option(help="basic, good or best.")] = "good",
    commercial: Annotated[bool, typer.Option("--commercial", help="Only licences for commercial use.")] = False,
    speed: Annotated[float, typer.Option(min=0.1, help="Least tokens a second that a user sees.")] = 10.0,
    country: Country = "US",
    json: Json = False,
) -> None:
    """Recommend the least machine and model that is enough, and say why not less and why not more."""
    from serdab.plan import Wish
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
    found = advise(
        list(catalogue.devices.values()), list(catalogue.models.values()), wish, catalogue.electricity_of(country)
    )
    if json:
        print_json(found)
    else:
        show_advice(found)


#: Countries whose licensees some licences leave out together.
EUROPEAN_UNION = frozenset(("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
                            "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"))  # fmt: skip


def validate(
    folder: Annotated[Path, typer.Argument(help="A folder of measured tables, in the layout of the evidence.")],
    json: Json = False,
) -> None:
    """Compare estimates with measured rows, each device and group left out of the fit, and print the errors."""
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
