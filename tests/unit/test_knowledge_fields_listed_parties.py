"""Parties of contracts on the Continent that get no short names, and names with small words within."""

from __future__ import annotations

import pytest

from serdab.knowledge import read_record
from serdab.knowledge.extraction.parties import find_parties


def parties(text: str) -> list[str]:
    record = read_record(text, doc_type="contract")
    assert record is not None
    return record.all_values("party")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Klinik am Ring GmbH", ["Klinik am Ring GmbH"]),
        ("Die Klinik am Ring GmbH zahlt an die Haus im Park AG", ["Klinik am Ring GmbH", "Haus im Park AG"]),
        ("Gasthaus zur Post GmbH, Transports du Nord SARL", ["Gasthaus zur Post GmbH", "Transports du Nord SARL"]),
        ("Ärztehaus an der Weser GmbH", ["Ärztehaus an der Weser GmbH"]),
        ("Anlage zum Vertrag der Muster GmbH", ["Muster GmbH"]),
    ],
)
def test_a_name_with_small_words_is_one_name(text: str, names: list[str]) -> None:
    assert [found.value for found in find_parties(text)] == names


def test_a_party_with_small_words_in_its_name_is_one_party() -> None:
    text = 'This Agreement is made between Klinik am Ring GmbH ("Client") and House of the Sun Ltd ("Supplier").'
    assert parties(text) == ["Klinik am Ring GmbH", "House of the Sun Ltd."]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("zwischen\n\nKlinik am Ring GmbH, Ringstr. 4, Köln\n\nund\n\nPflege mit Herz gGmbH, Markt 2\n\n§ 1 Und\n",
         ["Klinik am Ring GmbH", "Pflege mit Herz gGmbH"]),
        ("zwischen der Klinik am Ring GmbH, Köln, und der Haus am See GmbH & Co. KG, Bonn, wird vereinbart:\n",
         ["Klinik am Ring GmbH", "Haus am See GmbH & Co. KG"]),
        ("Zwischen\nHerrn Max Lorenz, Weg 4, Köln\n- Vermieter -\nund\nFrau Eva Brandt, Markt 2\n- Mieterin -\n",
         ["Max Lorenz", "Eva Brandt"]),
        ("Entre les soussignés :\n\nTransports du Nord SARL, 4 rue Haute, Lille\n\net\n\nM. Paul Lebrun, 5 rue Basse\n",
         ["Transports du Nord SARL", "Paul Lebrun"]),
        ("De una parte, Don Luis Peña, con DNI 1234, y de otra parte, Inmuebles del Sur S.L., con domicilio en Jaén.\n",
         ["Luis Peña", "Inmuebles del Sur S.L."]),
        ("De una parte, Turia, S.L., en adelante «Cliente», y de otra, Dña. Ana Soler, en adelante «Asesora».\n",
         ["Turia, S.L.", "Ana Soler"]),
        ("DE UNA PARTE: Don Álvaro Cano, con DNI 1, como ARRENDADOR.\n\nDE OTRA PARTE: Doña Inés Prado, con DNI 2.\n",
         ["Álvaro Cano", "Inés Prado"]),
        ("Verkäufer: Autohaus an der Brücke GmbH, Kai 4, Bremen\nKäuferin: Frau Inka Harms, Deichweg 3\n",
         ["Autohaus an der Brücke GmbH", "Inka Harms"]),
        ("Verkäufer: siehe Anlage\n", []),
        ("Die Strecke zwischen Hamburg und Bremen, und der Weg der Muster GmbH\n", []),
    ],
)  # fmt: skip
def test_parties_are_told_by_their_forms_and_titles_or_by_a_joint_alone_in_its_line(
    text: str, names: list[str]
) -> None:
    assert parties(f"Vertrag\n\n{text}\n1. Gegenstand\n") == names


def test_a_term_before_its_word_is_told() -> None:
    record = read_record("Vertrag\n§ 1 Der Vertrag ist auf zwei Jahre befristet.\n", doc_type="contract")
    assert record is not None
    assert record.value("term") == "2 years"
