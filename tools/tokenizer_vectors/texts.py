"""Texts to train small tokenizers on and to test them with: the same ones at every run."""

import json
import random
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "tokenizers"

LANGUAGES = [
    "Der schnelle braune Fuchs springt über den faulen Hund, weil er größer ist.",
    "Le cœur a ses raisons que la raison ne connaît point ; où êtes-vous né ?",
    "El niño comió piñas en el jardín, ¿verdad? ¡Qué día tan bonito!",
    "Být či nebýt, to je oč tu běží; žluťoučký kůň úpěl ďábelské ódy.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "Ο άνθρωπος είναι το μέτρο όλων των πραγμάτων.",
    "人工智能正在改变世界，我们每天都在学习新的东西。",
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।",
    "كل إنسان يولد حراً ومتساوياً في الكرامة والحقوق.",
    "כל בני האדם נולדו בני חורין ושווים בערכם.",
    "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
]

CODE = [
    "for (int i = 0; i < n; ++i) { sum += weights[i] * x[i]; }",
    "def forward(self, x):\n    return x @ self.weight.T + self.bias\n",
    "SELECT name, count(*) FROM layers WHERE bits = 8 GROUP BY name;",
    "https://example.org/path?query=value&other=1#anchor",
    "{\"key\": [1, 2.5, -3e10, null, true], \"text\": \"a\\nb\"}",
]

HOSTILE = [
    "", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", " \n ", "\t\t x", "a ", " a", " a ", "  a  b   c    ",
    "trailing   ", "\u00a0", "a\u00a0b", "\u3000全角\u3000", "\u2028line\u2029", "\u200bzero\u200bwidth\u200d\u200c",
    "\ufeffbom", "\u0085next", "\u180emongolian", "a \u180e\u180e!b", "a\u0085\u0085 b", "a \x1c\x1d b", "it'ſ 'ſx", "\x00", "a\x00b", "\x01\x02\x1f\x7f\x80\x9f", "\ufffd", "a\ufffdb",
    "▁", "▁▁", "a▁b", "▁ a", "a ▁", " ▁ ▁ ", "’tis", "don't won't I'll we've they're he'd I'm 's 'S'T 'LL",
    "e\u0301te\u0301", "ﬁne ﬂow", "ＦＵＬＬ　ｗｉｄｔｈ　１２３", "①②③ ½ ¾ ² ³", "ǅ ǆ İstanbul ıI ſ ß ẞ", "Å Å K",
    "a\u0301\u0302\u0303\u0304b", "\u0301alone", "क्षि ก็ำ", "각 각 ㄱㅏ", "👍", "👍🏽", "👩‍👩‍👧‍👦 family", "🏳️‍🌈", "🇩🇪🇫🇷",
    "🙂🙃🙂", "x🙂y", "\U0001f9ff\U000e0041\U0010ffff", "\ue000private", "<0x41>", "<0xE2><0x82>", "<unknown>",
    "1234567890", "3.14159", "1,000,000.00", "0x1F", "٣٤٥ १२३ ⅷ", "a1b2c3", "2023-10-05T12:34:56Z",
    "!!!", "...", "?!?!", "a.b,c;d:e", "(a)[b]{c}<d>", "--==++==--", "«quoted» „so“ ‘or’ “so”", "$5 €5 £5 ¥5 a+b=c ~^`|",
    "camelCase snake_case kebab-case SCREAMING", "x" * 99, "x" * 100, "x" * 101, "a" * 300, "ab" * 150, "é" * 120,
    "aaa aa a aaaa aaaaa", "hahahahaha", "================", "- - - - -", "\n\n\n\n", "    indented\n\tcode\r\n",
    "the" * 40, "interior" + "ization" * 20, "ab\u0300" * 60, " " * 70 + "x", "x" + " " * 70, "\n \n \n", "汉" * 60,
    "quantizationquantization", "W8A16", "K=518,8289,14336",
]


def vocabulary_words():
    """English words by falling frequency."""
    text = (ROOT / "LICENSE").read_text()
    counts = {}
    for word in text.split():
        word = "".join(c for c in word if c.isascii() and c.isalpha())
        if word:
            counts[word] = counts.get(word, 0) + 1
    words = sorted(counts, key=lambda w: (-counts[w], w))
    return words + ("quantization weights activation kernel matrix tokenizer running quickly unhappiness "
                    "internationalization reading reader readable aaa hahaha hello world").split()


def training_lines():
    """What tokenizers are trained on."""
    rng = random.Random(1)
    words = vocabulary_words()
    weights = [1 / (rank + 3) for rank in range(len(words))]
    lines = (ROOT / "LICENSE").read_text().splitlines()
    for _ in range(1500):
        picked = rng.choices(words, weights, k=rng.randint(3, 12))
        picked = [w.capitalize() if rng.random() < 0.1 else w for w in picked]
        if rng.random() < 0.2:
            picked.insert(rng.randrange(len(picked)), str(rng.randint(0, 99999)))
        lines.append(" ".join(picked) + rng.choice([".", ".", "!", "?", ",", ";"]))
    # Runs, so that there are pieces of which several orders are equally good.
    lines += [" ".join(rng.choice("axl=-") * rng.randint(2, 9) for _ in range(8)) for _ in range(100)]
    lines += (LANGUAGES + CODE) * 15
    return [line for line in lines if line.strip()]


def random_texts(rng, count, extra):
    """Words, whitespace, characters of all planes and `extra` texts in random order."""
    words = vocabulary_words()
    languages = "".join(LANGUAGES)
    texts = []
    for _ in range(count):
        text = ""
        for _ in range(rng.randint(1, 14)):
            kind = rng.random()
            if kind < 0.4:
                text += rng.choice(["", " "]) + rng.choice(words)
            elif kind < 0.55:
                text += rng.choice([" ", "  ", "\n", "\t", "   ", " \n", "\u00a0"])
            elif kind < 0.7:
                at = rng.randrange(len(languages))
                text += languages[at:at + rng.randint(1, 6)]
            elif kind < 0.8:
                text += rng.choice(".,;:!?'\"()-_/\\@#$%&*+=<>[]{}|~^`0123456789")
            elif kind < 0.85:
                text += chr(rng.choice([rng.randrange(0x20, 0x250), rng.randrange(0x300, 0x370),
                                        rng.randrange(0x2000, 0x2c00), rng.randrange(0x1f300, 0x1f650)]))
            elif kind < 0.9:
                text += rng.choice("abxl=-") * rng.randint(2, 30)
            elif extra:
                text += rng.choice(extra)
        texts.append(text)
    return texts


def test_texts(seed, extra=()):
    """Texts of all kinds; `extra` ones (tokens of the vocabulary's own) turn up inside others."""
    rng = random.Random(seed)
    texts = HOSTILE + LANGUAGES + CODE + random_texts(rng, 150, list(extra))
    lines = training_lines()
    for line in rng.sample(lines, 30):
        at = rng.randrange(len(line))
        texts.append(line[at:at + rng.randint(5, 80)])
    for token in extra:
        texts += [token, f"a{token}b", f" {token} ", f"{token}{token}", token[:-1], f"x {token[1:]}y"]
    return list(dict.fromkeys(texts))


def malformed_bytes(seed):
    """Bytes that are no UTF-8, at least in part."""
    rng = random.Random(seed)
    fixed = [b"\xff", b"a\xffb", b"\xe2\x82", b"\xe2\x82x", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf0\x9f\x91", b"\xf4\x90\x80\x80",
             b"caf\xe9 au lait", b"\x80\x80 \x80"]
    drawn = ["naïve 🙂 текст".encode()[rng.randint(0, 9):rng.randint(10, 20)] for _ in range(10)]
    return fixed + [b"hello " + d + bytes([rng.randint(128, 255)]) + b" world" for d in drawn]


def write_vectors(directory, texts, malformed, encode):
    """vectors.json: one text and its ids a line. Malformed bytes stand in hexadecimal; their ids are those of the text in
    which each ill-formed part is U+FFFD."""
    lines = [json.dumps({"text": t, "ids": encode(t)}, ensure_ascii=False) for t in texts]
    lines += [json.dumps({"hex": b.hex(), "ids": encode(b.decode("utf-8", "replace"))}) for b in malformed]
    (directory / "vectors.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{directory.name}: {len(lines)} vectors")
