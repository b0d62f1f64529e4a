"""Parties of contracts that list them by their role."""

from __future__ import annotations

import pytest

from serdab.knowledge import read_record
from serdab.knowledge.normalising import normalise_text

BODY = """
第一条 甲方应当按时付款，乙方应当按时交货。
甲方责任：按时付款。
甲方（盖章）：________  乙方（盖章）：________
"""


@pytest.mark.parametrize(
    "head",
    [
        "设备采购合同\n甲方：临江明远机械有限公司\n乙方：南屿恒信贸易有限公司",
        "设备采购合同\n甲方（买方）：临江明远机械有限公司，地址：临江市\n乙方（卖方）：南屿恒信贸易有限公司。",
        "设备采购合同\n甲方: 临江明远机械有限公司 乙方: 南屿恒信贸易有限公司",
        "设备采购合同\n甲方：\n代表：\n甲方：临江明远机械有限公司（即“甲方”）\n乙方：南屿恒信贸易有限公司  签字：",
    ],
)
def test_the_parties_of_a_chinese_contract_are_named_behind_their_roles(head: str) -> None:
    text = normalise_text(head + BODY).text
    record = read_record(text, lang="zh")
    assert record is not None
    assert record.schema == "contract"
    parties = [value for value in record.values if value.name == "party"]
    assert [each.value for each in parties] == ["临江明远机械有限公司", "南屿恒信贸易有限公司"]
    assert [text[each.start : each.end] for each in parties] == [each.value for each in parties]
    assert not [look for look in record.looks if look.field == "party"]


def test_a_foreign_name_may_have_spaces() -> None:
    record = read_record("技术合同\n甲方：Northwind Lamps Ltd\n乙方：南屿恒信贸易有限公司" + BODY)
    assert record is not None
    assert record.all_values("party") == ["Northwind Lamps Ltd", "南屿恒信贸易有限公司"]


def test_roles_without_a_name_are_no_parties() -> None:
    record = read_record(normalise_text("技术合同\n甲方：    乙方：\n" + BODY).text, lang="zh")
    assert record is not None
    assert record.all_values("party") == []
