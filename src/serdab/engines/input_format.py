"""How a model wants its texts: what stands before them, how long they may be, and what its vocabulary makes of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Tokens that a character is likely to become, by what it is; a space is part of the word beside it."""

    #: A letter of A to Z, another Latin letter, a letter of another alphabet, a sign of Chinese, Japanese or Korean.
    letter: float
    accented: float
    foreign: float
    sign: float
    #: An accent or a vowel that is written as a character of its own.
    combining: float
    digit: float
    #: Anything else that is seen.
    mark: float


#: WordPiece of 30,522 pieces, mostly words of English, by least squares over mail, receipts, contracts, bug reports,
#: and Arabic and Chinese articles.
ENGLISH = Vocabulary(letter=0.22, accented=0.3, foreign=1.0, sign=1.0, combining=0.0, digit=0.65, mark=1.15)
#: Unigram of 250,002 pieces of a hundred languages (XLM-R), by least squares over the same and texts in 30 languages;
#: the mean of a language is 0.9 to 1.2 times the estimate, Hebrew's most.
HUNDRED_LANGUAGES = Vocabulary(
    letter=0.25, accented=0.55, foreign=0.34, sign=0.66, combining=0.38, digit=0.72, mark=1.15
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFormat:
    """How one model wants its texts."""

    #: Most tokens of a text, special ones included; the rest is not read.
    most_tokens: int = 256
    vocabulary: Vocabulary = ENGLISH
    #: What it was trained to see before a text that is kept, and before a question about such texts.
    before_text: str = ""
    before_question: str = ""


#: What is told of a model about which nothing else is known.
USUAL_INPUT_FORMAT = InputFormat()
