"""Companies in Arabic: named, and not run on over the words behind them."""

from __future__ import annotations

import pytest

from serdab.knowledge.extraction.parties import find_parties


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("اجتمع مجلس الإدارة في مقر الشركة صباح اليوم وناقش فاتورة إصلاح المضخة", []),
        ("قالت الشركة الجديدة إنها ستدفع المبلغ", []),
        ("دفعت شركة النخيل فاتورة المضخة أمس", ["شركة النخيل"]),
        ("طلبت شركة الاتصالات السعودية المضخة الجديدة في مارس", ["شركة الاتصالات السعودية"]),
        ("أعلنت الشركة السعودية للكهرباء نتائجها أمس", ["الشركة السعودية للكهرباء"]),
        ("اتفق البنك الأهلي السعودي مع شركة نفط الكويت على التمويل", ["البنك الأهلي السعودي", "شركة نفط الكويت"]),
        ("عقد بين شركة النور للمقاولات وشركة الأمل للنقل", ["شركة النور للمقاولات", "شركة الأمل للنقل"]),
        ("حول مستشفى الملك فيصل التخصصي المبلغ", ["مستشفى الملك فيصل التخصصي"]),
        ("باعت شركة سالم وإخوانه للتجارة مضخة", ["شركة سالم وإخوانه للتجارة"]),
        ("دفعت شركة زين للمورد مبلغا", ["شركة زين"]),
    ],
)
def test_a_company_in_a_sentence_ends_where_its_name_does(text: str, names: list[str]) -> None:
    assert [field.value for field in find_parties(text)] == names
    assert all(text[field.start : field.end] == field.value for field in find_parties(text))


def test_a_line_of_its_own_is_a_name_to_its_end() -> None:
    text = "شركة بيت محمد علي\nإلى: مؤسسة أحمد سالم التجارية\nشركة النخيل دفعت المبلغ\n"
    names = [field.value for field in find_parties(text)]
    assert names == ["شركة بيت محمد علي", "مؤسسة أحمد سالم التجارية", "شركة النخيل"]
