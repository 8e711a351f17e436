#!/usr/bin/python3
"""Byte-level BPE in plain Python, written from the published definitions: GPT-2's encoder (Radford et al. 2019), the
patterns of Llama 3 and Qwen2, and merging as Sennrich et al. 2016 define it. Trains small vocabularies and writes them
with test vectors to tests/data/tokenizers/. The patterns are programs here, not regular expressions."""

import json
import unicodedata

import texts

CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
WHITESPACE = set("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {chr(c) for c in range(0x2000, 0x200B)}


def byte_characters():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {b: chr(b) for b in printable} | {b: chr(0x100 + i) for i, b in enumerate(others)}


BYTES = byte_characters()


def is_letter(c):
    return unicodedata.category(c)[0] == "L"


def is_number(c):
    return unicodedata.category(c)[0] == "N"


def is_other(c):
    return c not in WHITESPACE and not is_letter(c) and not is_number(c)


def run(text, at, kind, longest=None):
    """The end of the characters of a kind from `at` on."""
    end = at
    while end < len(text) and kind(text[end]) and (longest is None or end - at < longest):
        end += 1
    return end


def space_run(text, at):
    """The end of whitespace that leaves its last character to the word behind it."""
    end = run(text, at, WHITESPACE.__contains__)
    return end if end == len(text) or end == at + 1 else end - 1


def gpt2_end(text, at):
    for contraction in CONTRACTIONS:
        if text.startswith(contraction, at):
            return at + len(contraction)
    word = at + 1 if text[at] == " " and at + 1 < len(text) else at
    for kind in (is_letter, is_number, is_other):
        if kind(text[word]):
            return run(text, word, kind)
    return space_run(text, at)


def llama3_end(text, at, digits):
    for contraction in CONTRACTIONS:
        if text[at:at + len(contraction)].casefold() == contraction:
            return at + len(contraction)
    c = text[at]
    if is_letter(c):
        return run(text, at, is_letter)
    if c not in "\r\n" and not is_number(c) and at + 1 < len(text) and is_letter(text[at + 1]):
        return run(text, at + 1, is_letter)
    if is_number(c):
        return run(text, at, is_number, digits)
    word = at + 1 if c == " " and at + 1 < len(text) else at
    if is_other(text[word]):
        return run(text, run(text, word, is_other), "\r\n".__contains__)
    spaces = text[at:run(text, at, WHITESPACE.__contains__)]
    newline = max(spaces.rfind("\r"), spaces.rfind("\n"))
    return at + newline + 1 if newline >= 0 else space_run(text, at)


def pieces(text, end_of_piece):
    at = 0
    while at < len(text):
        end = end_of_piece(text, at)
        yield "".join(BYTES[b] for b in text[at:end].encode())
        at = end


def merge(symbols, pair):
    out = []
    for symbol in symbols:
        if out and (out[-1], symbol) == pair and not out[-1] is None:
            out[-1:] = [None, out[-1] + symbol]
        else:
            out.append(symbol)
    return [symbol for symbol in out if symbol is not None]


def train(end_of_piece, count):
    words = {}
    for line in texts.training_lines():
        for piece in pieces(line, end_of_piece):
            words[piece] = words.get(piece, 0) + 1
    split = {word: list(word) for word in words}
    merges = []
    while len(merges) < count:
        pairs = {}
        for word, symbols in split.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] = pairs.get(pair, 0) + words[word]
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        split = {word: merge(symbols, best) for word, symbols in split.items()}
    return merges


class Tokenizer:
    def __init__(self, end_of_piece, merges, added, normalize=lambda text: text, extra_words=()):
        self.end_of_piece = end_of_piece
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        tokens = list(BYTES.values()) + [a + b for a, b in merges] + list(extra_words)
        self.vocab = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
        self.added = {token: len(self.vocab) + i for i, token in enumerate(added)}
        self.extra_words = set(extra_words)
        self.normalize = normalize

    def encode_piece(self, piece):
        if piece in self.extra_words:
            return [self.vocab[piece]]
        symbols = list(piece)
        while True:
            known = [pair for pair in zip(symbols, symbols[1:]) if pair in self.ranks]
            if not known:
                return [self.vocab[symbol] for symbol in symbols]
            symbols = merge(symbols, min(known, key=self.ranks.get))

    def encode(self, text):
        """Added tokens first: the leftmost, and of those the longest."""
        at = begin = 0
        ids = []

        def flush(end):
            for piece in pieces(self.normalize(text[begin:end]), self.end_of_piece):
                ids.extend(self.encode_piece(piece))

        while at < len(text):
            found = max((t for t in self.added if text.startswith(t, at)), key=len, default=None)
            if found is None:
                at += 1
                continue
            flush(at)
            ids.append(self.added[found])
            at = begin = at + len(found)
        flush(len(text))
        return ids


def write(name, tokenizer, seed):
    directory = texts.DATA / name
    directory.mkdir(parents=True, exist_ok=True)
    texts.write_vectors(directory, texts.test_texts(seed, tokenizer.added), texts.malformed_bytes(seed), tokenizer.encode)
    return directory


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def write_vocab_and_merges(directory, tokenizer, merges):
    (directory / "vocab.json").write_text(json.dumps(tokenizer.vocab, ensure_ascii=False) + "\n")
    (directory / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))


def main():
    # GPT-2's layout, in its older form.
    merges = train(gpt2_end, 400)
    gpt2 = Tokenizer(gpt2_end, merges, ["<|endoftext|>", "<|sep|>", "<|separator|>"])
    directory = write("gpt2-files", gpt2, 10)
    write_vocab_and_merges(directory, gpt2, merges)
    write_json(directory / "added_tokens.json", gpt2.added)
    write_json(directory / "special_tokens_map.json", {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"})
    write_json(directory / "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False})

    # Qwen2's, in the newer one.
    def qwen_end(text, at):
        return llama3_end(text, at, 1)

    merges = train(qwen_end, 400)
    qwen = Tokenizer(qwen_end, merges, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
                     lambda text: unicodedata.normalize("NFC", text))
    directory = write("qwen2-files", qwen, 11)
    write_vocab_and_merges(directory, qwen, merges)
    write_json(directory / "tokenizer_config.json", {
        "tokenizer_class": "Qwen2TokenizerFast", "eos_token": "<|im_end|>", "bos_token": None,
        "added_tokens_decoder": {
            str(i): {"content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
                     "special": True} for t, i in qwen.added.items()}})

    # Llama 3's tokenizer.json: pieces that are tokens as they are need no merges.
    def llama3(text, at):
        return llama3_end(text, at, 3)

    merges = train(llama3, 300)
    tokenizer = Tokenizer(llama3, merges, ["<|begin_of_text|>", "<|end_of_text|>"],
                          extra_words=["Ġquantization", "Ġtokenizer", "xyzzy", "2023"])
    directory = write("llama3-json", tokenizer, 12)
    pattern = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
               r"\s*[\r\n]+|\s+(?!\S)|\s+")
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    write_json(directory / "tokenizer.json", {
        "version": "1.0",
        "added_tokens": [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for t, i in tokenizer.added.items()],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}, byte_level]},
        "post_processor": {"type": "Sequence", "processors": [byte_level, {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<|begin_of_text|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [],
            "special_tokens": {"<|begin_of_text|>": {"id": "<|begin_of_text|>", "tokens": ["<|begin_of_text|>"],
                                                     "ids": [tokenizer.added["<|begin_of_text|>"]]}}}]},
        "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": True,
                  "vocab": tokenizer.vocab, "merges": [list(pair) for pair in merges]}})


if __name__ == "__main__":
    main()
