#!/usr/bin/python3
"""BERT's tokenizer in plain Python, written from its publication (Devlin et al. 2018; github.com/google-research/bert,
tokenization.py): writes a small vocabulary and test vectors to tests/data/tokenizers/. Where Hugging Face's tokenizers
differ (the Chinese range U+2B920, which is U+2B820 in BERT) it follows them."""

import json
import unicodedata

import texts

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CHINESE = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
           (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]
WHITESPACE = set("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {chr(c) for c in range(0x2000, 0x200B)}
MAX_CHARACTERS = 100


def normalize(text, lowercase=True):
    out = ""
    for c in text:
        if c in "\x00\ufffd" or (unicodedata.category(c) in ("Cc", "Cf", "Co") and c not in "\t\n\r"):
            continue
        if any(low <= ord(c) <= high for low, high in CHINESE):
            c = f" {c} "
        out += " " if c in WHITESPACE else c
    if lowercase:
        out = "".join(c for c in unicodedata.normalize("NFD", out) if unicodedata.category(c) != "Mn")
        # Character by character: no final sigma.
        out = "".join(c.lower() for c in out)
    return out


def is_punctuation(c):
    return c in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" or unicodedata.category(c)[0] == "P"


def words(text):
    word = ""
    for c in text:
        if c in WHITESPACE or is_punctuation(c):
            if word:
                yield word
            word = ""
            if c not in WHITESPACE:
                yield c
        else:
            word += c
    if word:
        yield word


def encode_word(vocab, word):
    if len(word) > MAX_CHARACTERS:
        return [vocab["[UNK]"]]
    ids = []
    begin = 0
    while begin < len(word):
        for end in range(len(word), begin, -1):
            token = ("##" if begin else "") + word[begin:end]
            if token in vocab:
                ids.append(vocab[token])
                begin = end
                break
        else:
            return [vocab["[UNK]"]]
    return ids


def encode(vocab, text, lowercase):
    for token in SPECIAL:
        before, found, after = text.partition(token)
        if found:
            return encode(vocab, before, lowercase) + [vocab[token]] + encode(vocab, after, lowercase)
    return [i for word in words(normalize(text, lowercase)) for i in encode_word(vocab, word)]


def make_vocab(lowercase):
    counts = {}
    for line in texts.training_lines():
        for word in words(normalize(line, lowercase)):
            counts[word] = counts.get(word, 0) + 1
    parts = {}
    for word, count in counts.items():
        for begin in range(len(word)):
            for end in range(begin + 1, min(len(word), begin + 5) + 1):
                part = ("##" if begin else "") + word[begin:end]
                parts[part] = parts.get(part, 0) + count
    by_count = sorted(parts, key=lambda part: (-parts[part], part))
    frequent = sorted(counts, key=lambda word: (-counts[word], word))
    characters = sorted(c for c in parts if len(c.removeprefix("##")) == 1 and parts[c] > 20)
    tokens = SPECIAL + characters + [p for p in by_count if parts[p] > 60][:500] + frequent[:150]
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}


def write(name, lowercase, seed):
    vocab = make_vocab(lowercase)
    directory = texts.DATA / name
    directory.mkdir(parents=True, exist_ok=True)
    added = [{"id": vocab[t], "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for t in SPECIAL]
    single = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
              {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    special = {t: {"id": t, "ids": [vocab[t]], "tokens": [t]} for t in ("[CLS]", "[SEP]")}
    tokenizer = {
        "version": "1.0", "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                       "lowercase": lowercase},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": special},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": MAX_CHARACTERS, "vocab": vocab}}
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, indent=1) + "\n")
    texts.write_vectors(directory, texts.test_texts(seed, SPECIAL), texts.malformed_bytes(seed),
                        lambda text: encode(vocab, text, lowercase))


def main():
    write("word-piece", True, 20)
    write("word-piece-cased", False, 21)


if __name__ == "__main__":
    main()
