"""Questions about amounts in messages, answered with what the message says or not at all."""

from __future__ import annotations

import pytest

from serdab.knowledge import answer_payment_question, read_record

BANK = "Your Alder debit card 1234 was charged for $1 250.00 by Quince & Daughters LLC.\nReply to this mail."
SENT = "Subject: hello\nYou sent a wire payment of $300.50 to Otis Marlow. The money left your account."
CAME = "Hi, your company's account has received a $12.00 credit from TEAPOT, S.L.. It was credited today."
BILL = "Subject: Your receipt\nFrom: Plover Hosting <billing@plover.example>\nSubtotal: $9.00\nTotal paid: $10.80\n"
NO_SIDE = "Your card 1234 was charged for $77.00. If this is an error, tell us."


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        (BANK, "How much was paid to Quince & Daughters?", ["1250.00 USD"]),
        (BANK, "How much was paid by Quince?", []),
        (BANK, "How much was paid to Larch?", []),
        (SENT, "How much was paid to Otis?", ["300.50 USD"]),
        (SENT, "How much was paid by Otis?", []),
        (CAME, "How much was paid by Teapot?", ["12.00 USD"]),
        (CAME, "How much was paid to Teapot?", []),
        (BILL, "How much was paid to Plover?", ["10.80 USD"]),
        (NO_SIDE, "How much was paid to Quince?", []),
        (BANK, "What is the weather like?", []),
    ],
)
def test_a_payment_is_told_only_for_the_side_that_the_message_names(
    text: str, question: str, answer: list[str]
) -> None:
    record = read_record(text, doc_type="email")
    assert record is not None
    assert answer_payment_question(record.rows, question) == answer


def test_a_payment_names_both_sides_and_its_role() -> None:
    record = read_record(SENT, doc_type="email")
    assert record is not None
    assert [row.cells for row in record.rows] == [
        {"amount": "300.50 USD", "role": "sent", "payer": "you", "payee": "Otis Marlow"}
    ]
