"""Under whose law a contract stands, in German, French, Spanish, Italian and Dutch; and which papers are contracts."""

from __future__ import annotations

import pytest

from serdab.knowledge import read_record
from serdab.knowledge.extraction.contracts import find_jurisdiction


@pytest.mark.parametrize(
    ("text", "country", "place"),
    [
        ("Es gilt deutsches Recht. Gerichtsstand ist Hamburg.", "Germany", "deutsches Recht"),
        ("Es gilt das Recht der Bundesrepublik\nDeutschland unter Ausschluss des UN-Kaufrechts.", "Germany", None),
        ("Auf diesen Vertrag findet österreichisches Recht Anwendung.", "Austria", "österreichisches Recht"),
        ("Auf diesen Vertrag ist polnisches Recht anzuwenden.", "Poland", "polnisches Recht"),
        ("Dieser Vertrag unterliegt materiellem Schweizer Recht.", "Switzerland", "Schweizer Recht"),
        ("Le présent contrat est régi par le droit français.", "France", "droit français"),
        ("Le contrat est régi par les lois en vigueur dans la province de Québec.", "Quebec", None),
        ("Droit applicable : droit suisse.", "Switzerland", "droit suisse"),
        ("El presente contrato se regirá por la legislación española.", "Spain", "legislación española"),
        ("Se interpretará conforme a las leyes de los Estados Unidos Mexicanos.", "Mexico", None),
        ("Il presente contratto è regolato dalla legge italiana. Foro: Milano.", "Italy", "legge italiana"),
        ("È soggetto alle leggi della Repubblica Italiana.", "Italy", None),
        ("Nederlands recht is van toepassing.", "Netherlands", "Nederlands recht"),
        ("Deze overeenkomst wordt beheerst door Belgisch recht.", "Belgium", "Belgisch recht"),
        ("ABC, société de droit belge. Le contrat est soumis au droit français.", "France", "droit français"),
        ("This Agreement is governed by the laws of the State of Ohio.", "Ohio", "Ohio"),
    ],
)
def test_the_law_that_governs_is_told_by_its_country(text: str, country: str, place: str | None) -> None:
    found = find_jurisdiction(text)
    assert found is not None
    assert found.value == country
    assert place is None or text[found.start : found.end] == place


@pytest.mark.parametrize(
    "text",
    [
        "Gerichtsstand ist Hamburg.",
        "Les tribunaux de Paris sont seuls compétents.",
        "Die Keller AG, eine Gesellschaft schweizerischen Rechts. Der Vertrag gilt ab dem 1.1.2024.",
        "Een vennootschap naar Nederlands recht. De voorwaarden zijn van toepassing.",
        "Der Mitarbeiter hat Kenntnisse im deutschen Recht.",
    ],
)
def test_a_court_or_the_law_of_a_founding_does_not_govern(text: str) -> None:
    assert find_jurisdiction(text) is None


WORK_CONTRACT = """CONTRAT DE TRAVAIL À DURÉE INDÉTERMINÉE

Entre la société Menuiserie Lagarde SARL, 12 rue des Lilas, 31000 Toulouse, représentée par M. Paul Lagarde,
et Mme Claire Morin, demeurant 4 place du Capitole, 31000 Toulouse.

Article 1 - Engagement
Mme Morin est engagée en qualité de comptable à compter du 2 septembre 2024.

Article 2 - Rémunération
La salariée percevra une rémunération mensuelle brute de 2 400 euros.

Fait à Toulouse, le 20 août 2024
"""
SHORT_WORK_CONTRACT = """Contrat de travail

L'employeur : Café du Port, Marseille
Le salarié : Luc Arnaud

Poste : serveur
Début : 1er juin 2024
Salaire : 1 850 € brut par mois
"""


@pytest.mark.parametrize("text", [WORK_CONTRACT, SHORT_WORK_CONTRACT])
def test_a_short_french_work_contract_is_a_contract(text: str) -> None:
    record = read_record(text, lang="fr")
    assert record is not None
    assert record.schema == "contract"
