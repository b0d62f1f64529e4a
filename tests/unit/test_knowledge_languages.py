"""Languages of texts, long and short."""

from __future__ import annotations

import asyncio

import pytest

from serdab.knowledge.languages import _everything, language_of, language_of_mail, languages_coming

SENTENCES = {
    "ar": "قررت اللجنة يوم الثلاثاء تجديد العقد لمدة سنة أخرى.",
    "bg": "Комитетът реши във вторник да поднови договора.",
    "cs": "Výbor se v úterý rozhodl smlouvu prodloužit.",
    "de": "Der Ausschuss hat am Dienstag beschlossen, den Vertrag zu verlängern.",
    "el": "Η επιτροπή αποφάσισε να ανανεώσει",
    "en": "The committee decided on Tuesday to renew the contract.",
    "es": "El comité decidió el martes renovar el contrato.",
    "fa": "کمیته روز سه‌شنبه تصمیم گرفت قرارداد را تمدید کند.",
    "fr": "Le comité a décidé mardi de renouveler le contrat.",
    "he": "הוועדה החליטה ביום שלישי",
    "hi": "समिति ने मंगलवार को",
    "id": "Komite memutuskan pada hari Selasa untuk memperpanjang kontrak.",
    "it": "Il comitato ha deciso martedì di rinnovare il contratto.",
    "ja": "委員会は火曜日に契約を更新することを決めました。",
    "ko": "위원회는 화요일에 계약을 갱신하기로 했습니다.",
    "nl": "De commissie heeft dinsdag besloten het contract te verlengen.",
    "pl": "Komitet zdecydował we wtorek o przedłużeniu umowy.",
    "pt": "O comitê decidiu na terça-feira renovar o contrato.",
    "ru": "Комитет решил во вторник продлить договор.",
    "th": "คณะกรรมการตัดสินใจ",
    "tr": "Komite salı günü sözleşmeyi yenilemeye karar verdi.",
    "uk": "Комітет вирішив у вівторок продовжити договір.",
    "ur": "کمیٹی نے منگل کو معاہدے کی تجدید کا فیصلہ کیا۔",
    "zh": "委员会星期二决定将合同再延长一年。",
}


@pytest.mark.parametrize("lang", sorted(SENTENCES))
def test_a_sentence_tells_its_language(lang: str) -> None:
    assert language_of(SENTENCES[lang]) == lang


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("", "en"), ("12.50 / 3", "en"), ("Invoice", "en"), ("Total 12.00 EUR", "en"), ("حساب", "ar"), ("发票", "zh"),
        ("Счет", "ru"), ("NO 3, JALAN TAMAN JASA 2, SECTION U6, KUALA LUMPUR", "en"), ("委員會決定 the contract", "zh"),
        ("Factura pagada, gracias", "es"), ("Fattura pagata, grazie", "it"), ("Rechnung bezahlt, danke", "de"),
        ("Facture payée, merci", "fr"), ("Fatura paga, obrigado", "pt"), ("Factuur betaald, bedankt", "nl"),
        ("Faktura zapłacona, dziękuję", "pl"), ("Invoice paid, thanks", "en"), ("Order 4711", "en"), ("Спасибо", "ru"),
    ],
)  # fmt: skip
def test_a_few_letters_are_told_by_their_script_and_never_guessed_at_random(text: str, lang: str) -> None:
    assert language_of(text) == lang


async def test_the_model_comes_while_other_work_goes_on() -> None:
    _everything.cache_clear()
    async with languages_coming():
        await asyncio.sleep(0)
    assert _everything.cache_info().currsize == 1


def test_a_mail_is_in_the_language_of_its_writer_and_not_of_addresses() -> None:
    said = "שלום, אשמח לקבוע פגישה ביום שלישי בשעה עשר. תודה רבה, דנה"
    head = (
        "From: Anna Roth <anna@castlegate.example>\nTo: office@northwind.example\nDate: Tue, 10 Mar 2026 09:12:00 +0100"
    )
    text = f"{head}\nSubject: בקשה לפגישה\n\n{said}"
    assert language_of(text) != "he"
    assert language_of_mail("בקשה לפגישה", said, text) == "he"
    assert language_of_mail("Fwd: Rechnung", "s.u.", f"{SENTENCES['de']} {SENTENCES['de']}") == "de"
