"""The tokens of a text: by a model's own `tokenizer.json`, or by WordPiece over a bare vocabulary of English."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serdab.core import expected
from serdab.engines.errors import BadModelFolder
from serdab.engines.extras import load_extra

#: Everything about a tokenizer, as Hugging Face's library writes it.
TOKENIZER = "tokenizer.json"
#: One piece a line, for models that come without the other file.
VOCABULARY = "vocab.txt"
#: The token of what no piece of such a vocabulary covers.
UNKNOWN = "[UNK]"


def load_tokenizer(folder: Path, most_tokens: int, vocabulary_size: int) -> Any:
    """A tokenizer that cuts texts at `most_tokens`, special tokens included, and pads nothing.

    Args:
        folder: the model's folder.
        most_tokens: of one text.
        vocabulary_size: rows of the model's table of tokens.

    Raises:
        BadModelFolder: its file is missing or broken, or has tokens that the model does not know.
    """
    path = folder / TOKENIZER
    if path.exists():
        tokenizer = _load(path)
    else:
        path = folder / VOCABULARY
        tokenizer = _make_word_pieces(path)
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest >= vocabulary_size:
        raise BadModelFolder(expected(f"the tokens of {path}", f"below {vocabulary_size:,}, as in its model", highest))
    tokenizer.no_padding()
    tokenizer.enable_truncation(most_tokens)
    return tokenizer


def _load(path: Path) -> Any:
    tokenizers = load_extra("tokenizers")
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:
        raise BadModelFolder(expected(f"{path}", "a tokenizer", str(error))) from error


def _make_word_pieces(path: Path) -> Any:
    tokenizers = load_extra("tokenizers")
    try:
        tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece.from_file(str(path), unk_token=UNKNOWN))
        ends = [(token, tokenizer.token_to_id(token)) for token in ("[SEP]", "[CLS]")]
        tokenizer.post_processor = tokenizers.processors.BertProcessing(*ends)
    except Exception as error:
        raise BadModelFolder(expected(f"{path}", "a WordPiece vocabulary", str(error))) from error
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return tokenizer
