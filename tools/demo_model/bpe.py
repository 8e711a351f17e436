"""A byte-level BPE tokenizer in plain Python: training, encoding, and Hugging Face's tokenizer.json.

Splitting follows GPT-2's pattern. Python's `re` knows no \\p{L} and \\p{N}, so the pattern here is its form for
ASCII, where the two are the same; text outside ASCII is refused rather than split differently.
"""

import collections
import json
import re

BOS, EOS = "<s>", "</s>"
_SPLIT = re.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII
)


def _byte_alphabet():
    """GPT-2's visible character for every byte: itself where it can be printed, else one from U+0100 on."""
    visible = list(range(0x21, 0x7F)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    alphabet = {byte: chr(byte) for byte in visible}
    for byte in range(256):
        if byte not in alphabet:
            alphabet[byte] = chr(256 + len(alphabet) - len(visible))
    return alphabet


_TO_CHAR = _byte_alphabet()
_TO_BYTE = {char: byte for byte, char in _TO_CHAR.items()}


def split_words(text):
    """The pieces of `text` that are tokenized one by one; their concatenation is `text`."""
    if not text.isascii():
        raise ValueError("the demo model's training tokenizer takes ASCII text only; remove other characters")
    return _SPLIT.findall(text)


def _merge(symbols, pair):
    merged, position = [], 0
    while position < len(symbols):
        if position + 1 < len(symbols) and (symbols[position], symbols[position + 1]) == pair:
            merged.append(symbols[position] + symbols[position + 1])
            position += 2
        else:
            merged.append(symbols[position])
            position += 1
    return merged


class Tokenizer:
    """`vocab` maps a token's visible characters to its id; `merges` are pairs of tokens, most frequent first."""

    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        tokens = [BOS, EOS] + sorted(_TO_BYTE) + [left + right for left, right in self.merges]
        self.vocab = {token: index for index, token in enumerate(tokens)}
        if len(self.vocab) != len(tokens):
            raise ValueError("two merges give the same token")
        self.tokens = tokens
        self.bos, self.eos = self.vocab[BOS], self.vocab[EOS]
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._cache = {}

    def _encode_word(self, word):
        symbols = [_TO_CHAR[byte] for byte in word.encode()]
        while len(symbols) > 1:
            rank, pair = min(
                (self._ranks.get(pair, len(self._ranks)), pair) for pair in zip(symbols, symbols[1:])
            )
            if rank == len(self._ranks):
                break
            symbols = _merge(symbols, pair)
        return [self.vocab[symbol] for symbol in symbols]

    def encode(self, text):
        """Token ids of `text`, without <s> and </s>."""
        ids = []
        for word in split_words(text):
            found = self._cache.get(word)
            if found is None:
                found = self._cache[word] = self._encode_word(word)
            ids += found
        return ids

    def decode(self, ids):
        """The text of `ids`; <s> and </s> give nothing."""
        characters = "".join(self.tokens[index] for index in ids if index not in (self.bos, self.eos))
        return bytes(_TO_BYTE[char] for char in characters).decode("utf-8", errors="replace")

    def to_json(self):
        """The content of tokenizer.json, as Hugging Face's tokenizers library writes it."""

        def special(token):
            return {"id": self.vocab[token], "content": token, "single_word": False, "lstrip": False,
                    "rstrip": False, "normalized": False, "special": True}

        def begin(type_id, sequence):
            return [{"SpecialToken": {"id": BOS, "type_id": type_id}}, {"Sequence": {"id": sequence, "type_id": type_id}}]

        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [special(BOS), special(EOS)],
            "normalizer": None,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": begin(0, "A"),
                "pair": begin(0, "A") + begin(1, "B"),
                "special_tokens": {BOS: {"id": BOS, "ids": [self.bos], "tokens": [BOS]}},
            },
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": {
                "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                "vocab": self.vocab,
                "merges": [f"{left} {right}" for left, right in self.merges],
            },
        }

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.to_json(), file, ensure_ascii=False, indent=1)
            file.write("\n")

    @classmethod
    def load(cls, path):
        """Reads back what `save` wrote."""
        with open(path, encoding="utf-8") as file:
            tokenizer = cls([pair.split(" ") for pair in json.load(file)["model"]["merges"]])
        return tokenizer


def train(texts, vocab_size):
    """A Tokenizer of at most `vocab_size` tokens: the pair that occurs most often is merged, again and again."""
    counts = collections.Counter()
    for text in texts:
        counts.update(split_words(text))
    words = [([_TO_CHAR[byte] for byte in word.encode()], count) for word, count in sorted(counts.items())]
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for index, (symbols, count) in enumerate(words):
        for pair in zip(symbols, symbols[1:]):
            pairs[pair] += count
            where[pair].add(index)
    merges, made = [], set()
    while len(merges) < vocab_size - 2 - 256 and pairs:
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        if pairs[best] < 2:
            break
        # Two different pairs can spell the same token; the second could never get an id of its own.
        if "".join(best) in made:
            del pairs[best]
            continue
        merges.append(best)
        made.add("".join(best))
        for index in where.pop(best):
            symbols, count = words[index]
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] -= count
            symbols = _merge(symbols, best)
            words[index] = (symbols, count)
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += count
                where[pair].add(index)
        pairs.pop(best, None)
    return Tokenizer(merges)
