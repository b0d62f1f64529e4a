"""Letters with a window: the customer's block left of the sender's, or below the one line of the sender."""

from __future__ import annotations

import re

import pytest

from serdab.knowledge import read_record

BODY = (
    "\nRechnung Nr. 2024-0815\nDatum: 12.05.2024\n\nBezeichnung\tMenge\tEinzelpreis\tBetrag\n"
    "Wartung\t2\t100,00\t200,00\nSumme netto\t200,00\nMwSt 19%\t38,00\nGesamtbetrag\t238,00\n\n"
)
LEFT = ("Hotel Seeblick GmbH", "Uferpromenade 4", "88131 Lindau")
RIGHT = ("Druckerei Falk GmbH", "Gutenbergstr. 12", "70176 Stuttgart")
BESIDE = "\n".join(map("\t".join, zip(LEFT, RIGHT, strict=True))) + "\n"
TURNED = "\n".join(map("\t".join, zip(RIGHT, LEFT, strict=True))) + "\n"
SENDER = ("Druckerei Falk GmbH", "Hotel Seeblick GmbH")


def parties(text: str) -> tuple[str | None, str | None]:
    record = read_record(text, lang="de", doc_type="invoice")
    assert record is not None
    return record.value("company"), record.value("customer")


@pytest.mark.parametrize(
    ("head", "foot"),
    [
        (f"{BESIDE}\tUSt-IdNr. DE136695976\n", ""),
        (f"{BESIDE}\tTel. 0711 123456\n", ""),
        (BESIDE.replace("\t", " " * 20), "Druckerei Falk GmbH, IBAN DE89 3704 0044 0532 0130 00\n"),
        (BESIDE, "www.druckerei-falk.de\n"),
        (BESIDE, "kontakt@falk.de\n"),
        ("\n".join(LEFT) + "\n\n\t" + "\n\t".join(RIGHT) + "\n\tFax 0711 123456\n", ""),
        ("\t" + "\n\t".join(RIGHT) + "\n" + "\n".join(LEFT) + "\n", ""),
        (" · ".join(RIGHT) + "\n\n" + "\n".join(LEFT) + "\n", ""),
        (", ".join(RIGHT) + "\nHotel Seeblick GmbH\nFrau Anna Huber\nUferpromenade 4\n88131 Lindau\n", ""),
        (" | ".join(RIGHT) + " | Tel. 0711 123456\nRechnung 7\n" + "\n".join(LEFT) + "\n", ""),
        (" - ".join(RIGHT) + "\n" + "\tKundennr.: 77\n".join(LEFT) + "\tE-Mail: roth@falk.de\n", ""),
    ],
)
def test_the_sender_is_known_by_his_signs_and_the_other_one_is_the_customer(head: str, foot: str) -> None:
    assert parties(head + BODY + foot) == SENDER
    record = read_record(head + BODY + foot, lang="de", doc_type="invoice")
    address = record.value("address") if record is not None else None
    assert re.fullmatch(r"Gutenbergstr\. 12[ ·,|-]{1,3}70176 Stuttgart", address or "")


def test_who_is_addressed_at_the_left_is_the_customer_though_nothing_else_tells_the_sender() -> None:
    text = "Herrn\tMalermeister Kurz\nPeter Lang\tAm Bach 3\nWaldweg 9\t35037 Marburg\n35037 Marburg\n"
    assert parties(text + BODY) == ("Malermeister Kurz", "Peter Lang")


@pytest.mark.parametrize(
    ("head", "foot"),
    [
        (TURNED, ""),
        (TURNED.replace("Gutenbergstr. 12", "Gutenbergstr. 12, Tel. 0711 123456"), ""),
        (f"{TURNED}USt-IdNr. DE136695976\n", ""),
        (TURNED, "www.druckerei-falk.de IBAN DE89 3704 0044 0532 0130 00\n"),
    ],
)
def test_a_sender_at_the_left_stays_and_his_signs_make_the_other_one_the_customer(head: str, foot: str) -> None:
    has_signs = head != TURNED or bool(foot)
    assert parties(head + BODY + foot) == ("Druckerei Falk GmbH", "Hotel Seeblick GmbH" if has_signs else None)


def test_the_block_below_that_of_the_sender_is_the_customer_but_not_where_things_go_to() -> None:
    head = "\n".join(RIGHT) + "\nTel. 0711 123456\n\n{}" + "\n".join(LEFT) + "\n"
    assert parties(head.format("") + BODY) == SENDER
    assert parties(head.format("Lieferung an\n") + BODY) == ("Druckerei Falk GmbH", None)
    assert parties(head.format("Druckerei Falk GmbH\n") + BODY) == ("Druckerei Falk GmbH", None)


def test_a_letter_from_britain_is_told_as_one_from_germany() -> None:
    left, right = ("Mr P. Hall", "4 Mill Lane", "Hull HU1 2AB"), ("Redfern Ltd", "22 Dock Road", "Hull HU3 4CD")
    head = "\n".join(f"{one:<35}{other}" for one, other in zip(left, right, strict=True))
    assert parties(f"{head}\n\nINVOICE 778\nDate 4 May 2024\nTotal £120.00\n") == ("Redfern Ltd", "P. Hall")


def test_a_town_in_the_name_of_a_customer_makes_no_sender_of_him() -> None:
    text = BESIDE.replace("Hotel Seeblick GmbH", "Stadtwerke Lindau GmbH") + BODY
    foot = "Druckerei Falk GmbH, Volksbank Lindau, IBAN DE89 3704 0044 0532 0130 00\n"
    assert parties(text + foot) == ("Druckerei Falk GmbH", "Stadtwerke Lindau GmbH")


def test_a_customer_that_is_called_so_needs_no_signs() -> None:
    assert parties(f"{BESIDE}\tTel. 0711 123456\nKunde: Weinhaus Adler KG\n{BODY}")[1] == "Weinhaus Adler KG"
    assert parties(f"{BESIDE}\tTel. 0711 123456\nKunde 4711\n{BODY}") == SENDER
