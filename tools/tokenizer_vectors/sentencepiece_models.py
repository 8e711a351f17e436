#!/usr/bin/python3
"""Trains small SentencePiece models and writes what the library (Debian's python3-sentencepiece) encodes with them to
tests/data/tokenizers/. Run it without arguments; it takes a minute."""

import io
import tempfile

import sentencepiece

import texts

# One code point or several, and what they become.
RULES = [("ﬁ", "fi"), ("e\u0301", "é"), ("a\u0301", "á"), ("\t", " "), ("\u3000", " "), ("\u00a0", "  "), ("½", "1⁄2"),
         ("Å", "Å"), ("A\u030a", "Å"), ("…", "..."), ("\u200b", ""), ("\u00ad", ""), ("ß", "ss"), ("①", "1"), ("🙂", ":)"),
         ("🙂🙃", "smile"), ("\ufeff", ""), ("’", "'")]

COMMON = dict(minloglevel=2, num_threads=1, shuffle_input_sentence=False, hard_vocab_limit=False)
LLAMA = dict(COMMON, model_type="bpe", normalization_rule_name="identity", byte_fallback=True, split_digits=True,
             allow_whitespace_only_pieces=True, remove_extra_whitespaces=False, character_coverage=0.999)
MODELS = {
    "unigram-nfkc": dict(COMMON, model_type="unigram", vocab_size=600, normalization_rule_name="nmt_nfkc",
                         user_defined_symbols=["<sep>", "<cls>", "of"]),
    "unigram-bytes": dict(COMMON, model_type="unigram", vocab_size=1000, normalization_rule_name="identity",
                          byte_fallback=True, remove_extra_whitespaces=False),
    "unigram-suffix": dict(COMMON, model_type="unigram", vocab_size=500, rules=RULES, treat_whitespace_as_suffix=True,
                           split_by_whitespace=False, character_coverage=0.98),
    "bpe-llama": dict(LLAMA, vocab_size=1200),
    "bpe-gemma": dict(LLAMA, vocab_size=1000, add_dummy_prefix=False,
                      user_defined_symbols=["\n", "\n\n", "▁▁", "▁▁▁", "<start_of_turn>", "tion", "ti"]),
    "bpe-rules": dict(COMMON, model_type="bpe", vocab_size=700, rules=RULES, character_coverage=0.98,
                      user_defined_symbols=["<tool>"]),
}


def train(options):
    options = dict(options)
    rules = options.pop("rules", None)
    out = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as tsv:
        if rules:
            for key, value in rules:
                print(" ".join(f"{ord(c):X}" for c in key), " ".join(f"{ord(c):X}" for c in value), sep="\t", file=tsv)
            tsv.flush()
            options["normalization_rule_tsv"] = tsv.name
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(texts.training_lines()), model_writer=out,
                                                 **options)
    return out.getvalue()


def main():
    for seed, (name, options) in enumerate(MODELS.items()):
        directory = texts.DATA / name
        directory.mkdir(parents=True, exist_ok=True)
        model = train(options)
        (directory / "tokenizer.model").write_bytes(model)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        texts.write_vectors(directory, texts.test_texts(seed, options.get("user_defined_symbols", ())),
                            texts.malformed_bytes(seed), processor.encode)


if __name__ == "__main__":
    main()
