"""Values written in any of the usual ways are read back as what they were."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from serdab.knowledge.extraction.amounts import find_amounts
from serdab.knowledge.extraction.dates import find_dates
from serdab.knowledge.extraction.identifiers import find_ibans
from serdab.knowledge.extraction.linear_patterns import compile_linear

DATES = st.dates(datetime.date(1970, 1, 1), datetime.date(2069, 12, 31))
AMOUNTS = st.decimals(Decimal("0.01"), Decimal("999999999.99"), places=2)
ARABIC = str.maketrans("0123456789.,", "٠١٢٣٤٥٦٧٨٩٫٬")
WIDE = str.maketrans("0123456789.,", "０１２３４５６７８９．，")
ENGLISH = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
GERMAN = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
    "Dezember",
)  # fmt: skip


def indian(number: Decimal) -> str:
    whole, cents = f"{number:.2f}".split(".")
    head, tail = whole[:-3], whole[-3:]
    groups = [head[max(end - 2, 0) : end] for end in range(len(head), 0, -2)][::-1]
    return ",".join([*groups, tail]) + "." + cents


def written_dates(day: datetime.date) -> list[str]:
    english, german = ENGLISH[day.month - 1], GERMAN[day.month - 1]
    iso = day.isoformat()
    return [
        iso, iso.translate(ARABIC), iso.translate(WIDE).replace("-", "－"), f"{day:%Y/%m/%d}", f"{day:%d.%m.%Y}",
        f"{day.year}年{day.month}月{day.day}日", f"{day.day} {english} {day.year}", f"{english} {day.day}, {day.year}",
        f"{day.day}. {german} {day.year}", f"the {day.day}th day of {english}, {day.year}",
    ]  # fmt: skip


def written_amounts(number: Decimal) -> list[str]:
    english = f"{number:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    return [
        f"€{english}", f"EUR {english}", f"{german} €", f"{english.translate(ARABIC)} EUR",
        f"€{english.translate(WIDE)}",
        f"{english.replace(',', ' ')} EUR", f"EUR {english.replace(',', chr(39))}",
        f"EUR {indian(number)}", f"{number:.2f} EUR",
    ]  # fmt: skip


@given(DATES)
def test_a_date_is_read_from_all_its_ways_of_writing(day: datetime.date) -> None:
    for written in written_dates(day):
        found = [field.value for field in find_dates(f"Paid on {written}.")]
        assert found == [day.isoformat()], written


@given(DATES)
def test_no_part_of_a_date_is_an_amount(day: datetime.date) -> None:
    for written in written_dates(day):
        assert list(find_amounts(f"Zahlbar bis zum {written}.")) == [], written


@given(AMOUNTS)
def test_an_amount_without_a_currency_is_read_in_the_ways_of_several_countries(number: Decimal) -> None:
    english = f"{number:,.2f}"
    for written in (english, english.translate(str.maketrans(",.", ".,")), english.replace(",", "'")):
        assert [Decimal(field.value) for field in find_amounts(f"Pay {written}\t{written} now")] == [number] * 2


@given(AMOUNTS)
def test_an_amount_is_read_from_all_its_ways_of_writing(number: Decimal) -> None:
    for written in written_amounts(number):
        found = [field.value.split(" ") for field in find_amounts(f"Pay {written} now")]
        assert [(Decimal(value), currency) for value, currency in found] == [(number, "EUR")], written


@given(st.integers(0, 10**18 - 1), st.integers(0, 98))
def test_an_iban_is_sure_exactly_when_its_check_digits_are_right(account: int, wrong: int) -> None:
    body = f"{account:018d}"
    right = 98 - int(f"{body}131400") % 97  # D is 13, E is 14
    for check in {right, wrong}:  # 97 and 0 leave the same remainder, but only 02 to 98 are given out
        written = f"DE{check:02d}{body}"
        grouped = " ".join(written[at : at + 4] for at in range(0, len(written), 4))
        found = list(find_ibans(f"IBAN: {grouped}"))
        assert [field.value for field in found] == [written]
        assert (found[0].confidence > 0.9) == (check == right)


@given(st.dates(datetime.date(2000, 1, 13), datetime.date(2030, 12, 31)), st.booleans())
def test_the_order_of_day_and_month_is_that_of_another_date_of_the_text(day: datetime.date, month_first: bool) -> None:
    form = "%m/%d/%Y" if month_first else "%d/%m/%Y"
    other = datetime.date(2020, 1, 25)
    found = [field.value for field in find_dates(f"Paid {day.strftime(form)}, sent {other.strftime(form)}")]
    assert found == [day.isoformat(), other.isoformat()]


@given(st.text("ab1 -", max_size=80))
def test_a_linear_pattern_finds_what_the_same_possessive_expression_finds(text: str) -> None:
    found = compile_linear(r"[ab]{2,3}-?(1+)").search(text)
    same = re.search(r"[ab]{2,3}+-?+(1++)", text)
    assert (found and found[1]) == (same and same[1])


def capitals(number: Decimal) -> str:
    """A number below a hundred million as Chinese papers write it."""
    digits = "零壹贰叁肆伍陆柒捌玖"
    yuan, cents = divmod(int(number * 100), 100)
    written, gap = "", False
    for place in range(len(str(yuan)) - 1, -1, -1):
        digit = yuan // 10**place % 10
        if digit:
            written += ("零" if gap else "") + digits[digit] + ("", "拾", "佰", "仟")[place % 4]
        gap = not digit
        if place == 4:
            written, gap = written + "万", False
    tail = (digits[cents // 10] + "角" if cents // 10 else "") + (digits[cents % 10] + "分" if cents % 10 else "")
    return f"{written}元{tail or '整'}"


@given(st.decimals(Decimal("1.00"), Decimal("99999999.99"), places=2))
def test_an_amount_in_capital_numerals_is_read(number: Decimal) -> None:
    found = [field.value for field in find_amounts(f"人民币{capitals(number)}。")]
    assert found == [f"{number:.2f} CNY"]
