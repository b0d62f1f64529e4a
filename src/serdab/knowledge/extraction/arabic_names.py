"""Names of companies in Arabic: how they go on behind the word for a company, and where a sentence goes on instead.

Arabic has no capitals, and the verb stands before its subject: what follows a name is any noun. So a name goes on only
by what names are made of: adjectives of origin and kind (السعودية, الأهلي), legal words, "for" with a trade (للتجارة),
"and" with another noun or partners, a definite noun behind an indefinite one (نفط الكويت), a name behind a title.
"""

from __future__ import annotations

import re

_LETTER = r"[\u0621-\u064a]"
_KINDS = "شركة|مؤسسة|مستشفى|مصرف|بنك"
#: What follows "and" and is another party: a second company, a person with a title, a role.
_ANOTHER = (
    rf"و(?:ال)?(?:{_KINDS})|وال(?:سيد|سيدة|سادة|آنسة|مهندس|مهندسة|دكتور|دكتورة|أستاذ|أستاذة|استاذ|محامي|محامية|حاج|"
    "طرف|مدير|عميل|مورد|بائع|مشتري)"
)
#: What never stands in a name: prepositions, conjunctions, pronouns, adverbs of time, frequent verbs.
_NONE = (
    "في|من|على|إلى|الى|عن|مع|أن|إن|ان|أنها|انها|لا|لم|لن|ما|هو|هي|هذا|هذه|ذلك|تلك|التي|الذي|اللتي|الذين|وهي|وهو|كما|بعد|قبل|"
    "عند|لدى|حتى|ثم|أو|او|بين|تم|قد|لقد|كان|كانت|اليوم|أمس|امس|غدا|غداً|الآن|الان|أعلاه|أدناه|أخرى|اخرى|واحدة|كل|بعض|"
    "المذكور|المذكورة|الجديد|الجديدة|الأخرى|الاخرى|الأخيرة|القادم|القادمة|المالك|المورد|الموردة"
)
#: Who a thing is for, and not a trade.
_TO_SOMEBODY = (
    "للشركة|للمؤسسة|للبنك|للمصرف|للمورد|للعميل|للعملاء|للزبون|للمشتري|للبائع|للمدير|للموظف|للموظفين|للسيد|للحكومة"
)
_END = rf"(?!{_LETTER})"
#: A verb of the past agrees with its company: دفعت, طلبت; long nouns end so only in ات.
_WORD = rf"(?!(?:{_NONE}|{_ANOTHER}|(?!ال){_LETTER}{{2,12}}[^\Wا]ت){_END}){_LETTER}{{2,15}}{_END}"
_PLAIN = rf"(?!و?ال|لل){_WORD}"
_DEFINITE = rf"(?=ال){_WORD}"
_ADJECTIVE = rf"(?=ال{_LETTER}{{2,12}}(?:ي|ية){_END}){_WORD}"
_PARTNERS = rf"و(?:أولاده|اولاده|أبناؤه|ابناؤه|أبنائه|ابنائه|إخوانه|اخوانه|شركاه|شركاؤه|شركائه){_END}"
_GOES_ON = (
    rf"(?:{_ADJECTIVE}|(?:المحدودة|المتحدة|القابضة|العامة|المساهمة|العربية|الحديثة|الحديث){_END}|"
    rf"(?!{_TO_SOMEBODY})(?=لل){_WORD}|(?=وال){_WORD}|"
    rf"ل(?:صناعة|تجارة|إنتاج|انتاج|توزيع|خدمات|نقل|استيراد|تصدير|توريد|تقنية|إدارة|ادارة|تطوير) {_DEFINITE}|"
    rf"{_PARTNERS})"
)
_TITLE = "الملك|الملكة|الأمير|الأميرة|الشيخ|الشيخة|الإمام|السلطان"
#: Several indefinite nouns are a name when partners or a trade follow.
_PERSON = rf"{_PLAIN}(?: {_PLAIN}){{0,2}}(?= (?:لل|{_PARTNERS}))"
_BEGINS = rf"(?:(?:{_TITLE}) {_PLAIN}|{_DEFINITE}|{_PERSON}|{_PLAIN}(?: {_DEFINITE})?)"
#: A line of its own, or behind a label, is a name to its end.
_WHOLE = rf"(?:(?<![^\n:،-])|(?<=[\n:،-] ))(?:{_KINDS})(?: {_WORD}){{1,5}}(?= {{0,3}}(?:[\n،(]|$))"

#: A company that is named; "the company" alone, and an ordinary word behind it, are none.
ARABIC_COMPANY = re.compile(
    rf"{_WHOLE}|(?:(?<!{_LETTER})|(?<=(?<!{_LETTER})[ولبف]))(?:(?:{_KINDS}) {_BEGINS}(?: {_GOES_ON}){{0,4}}|"
    rf"ال(?:شركة|مؤسسة) {_ADJECTIVE}(?: {_GOES_ON}){{1,4}}|"
    rf"ال(?:مستشفى|مصرف|بنك) {_ADJECTIVE}(?: {_GOES_ON}){{0,3}})"
)
