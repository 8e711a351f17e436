"""Tests of tools/demo_model. Run: python3 -m unittest discover -s tests/tools -p "*_test.py" """

import json
import os
import random
import re
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools", "demo_model"))

import bpe
import grammar
import stories

try:
    import torch
except ImportError:
    torch = None

STORIES = stories.write_stories(seed=11, count=1500)


class GrammarTest(unittest.TestCase):
    def test_expands_choices_and_slots(self):
        seen = {grammar.expand(random.Random(i), "{a} [x|y[1|2]|]", {"a": "b"}) for i in range(100)}
        self.assertEqual(seen, {"b x", "b y1", "b y2", "b "})

    def test_bad_templates_are_errors_that_quote_them(self):
        for template in ("a [b|c", "a ] b", "a | b"):
            with self.assertRaisesRegex(grammar.GrammarError, re.escape(template)):
                grammar.expand(random.Random(0), template, {})
        with self.assertRaisesRegex(grammar.GrammarError, r"no slot \{nobody\}"):
            grammar.expand(random.Random(0), "{nobody}", {"h": "Mia"})

    def test_polish(self):
        self.assertEqual(
            grammar.polish("a owl sat.  it // \"a one,\" said a old man. \"yes?\" he asked. \"no?\" ^he left."),
            "An owl sat. It\n\n\"A one,\" said an old man. \"Yes?\" he asked. \"No?\" He left.",
        )


class StoriesTest(unittest.TestCase):
    def test_same_seed_same_stories_for_any_number_of_processes(self):
        self.assertEqual(STORIES[:1200], stories.write_stories(seed=11, count=1200, processes=2))
        self.assertNotEqual(STORIES[:5], stories.write_stories(seed=12, count=5))

    def test_nearly_all_differ(self):
        self.assertGreater(len(set(STORIES)), 0.99 * len(STORIES))

    def test_form(self):
        for story in STORIES:
            self.assertTrue(story.isascii(), story)
            self.assertRegex(story, r"[.!?]\"?\Z")
            self.assertNotRegex(story, r"[{}\[\]|^/_]|  | [,.!?]|\n\n\n|[,.!?][,.!?]|\s\Z")
            self.assertNotRegex(story, r"\b[Aa] [aeiou](?!ne\b|se)|\b[Aa]n [^aeiouh]")
            self.assertNotRegex(story, r"(?:\A|[.] |\n\n|[.]\" )\"?[a-z]")
            self.assertNotRegex(story, r"\b(\w+) \1\b")
            for paragraph in story.split("\n\n"):
                self.assertEqual(paragraph.count('"') % 2, 0, paragraph)
            self.assertLess(len(story), 1700)

    def test_every_plot_is_told(self):
        for plot in stories.PLOTS:
            self.assertGreater(len(stories.write_story(random.Random(1), plot)), 400, plot.name)

    def test_every_choice_of_every_plot_is_well_formed(self):
        for plot in stories.PLOTS:
            for seed in range(60):
                stories.write_story(random.Random(seed), plot)


class BpeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tokenizer = bpe.train(STORIES[:800], 1024)

    def test_split_words_as_gpt2_does(self):
        self.assertEqual(bpe.split_words("I'll go,  he's 12!\n\nNow \t "),
                         ["I", "'ll", " go", ",", " ", " he", "'s", " 12", "!", "\n", "\n", "Now", " \t "])
        with self.assertRaisesRegex(ValueError, "ASCII"):
            bpe.split_words("caf\u00e9")

    def test_round_trip(self):
        every_character = "".join(map(chr, range(128)))
        for text in STORIES[800:1000] + ["", " ", "\n\n", every_character, "Xyzzy's 3 zebras  (quickly)\t"]:
            ids = self.tokenizer.encode(text)
            self.assertEqual(self.tokenizer.decode(ids), text)
            self.assertTrue(all(2 <= index < 1024 for index in ids))

    def test_learned_merges(self):
        self.assertEqual(len(self.tokenizer.tokens), 1024)
        self.assertEqual(len(self.tokenizer.encode(" the")), 1)
        self.assertLess(len(self.tokenizer.encode(STORIES[900])), 0.4 * len(STORIES[900]))

    def test_merges_by_rank_not_from_left_to_right(self):
        tokenizer = bpe.Tokenizer([("b", "c"), ("a", "b")])
        self.assertEqual([tokenizer.tokens[i] for i in tokenizer.encode("abc")], ["a", "bc"])

    def test_training_is_deterministic(self):
        self.assertEqual(bpe.train(STORIES[:800], 1024).merges, self.tokenizer.merges)

    def test_tokenizer_json(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "tokenizer.json")
            self.tokenizer.save(path)
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
            self.assertEqual(bpe.Tokenizer.load(path).vocab, self.tokenizer.vocab)
        vocab = content["model"]["vocab"]
        self.assertEqual(content["model"]["type"], "BPE")
        self.assertEqual(sorted(vocab.values()), list(range(1024)))
        self.assertEqual((vocab["<s>"], vocab["</s>"]), (0, 1))
        for merge in content["model"]["merges"]:
            left, right = merge.split(" ")
            self.assertIn(left + right, vocab)
        self.assertEqual([(t["id"], t["content"], t["special"]) for t in content["added_tokens"]],
                         [(0, "<s>", True), (1, "</s>", True)])
        self.assertEqual(content["pre_tokenizer"],
                         {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True})
        self.assertEqual(content["decoder"]["type"], "ByteLevel")
        self.assertEqual(content["post_processor"]["single"],
                         [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}])
        self.assertEqual(content["post_processor"]["special_tokens"]["<s>"]["ids"], [0])


@unittest.skipIf(torch is None, "needs PyTorch")
class ModelTest(unittest.TestCase):
    def setUp(self):
        import model

        torch.manual_seed(0)
        self.shape = model.Shape(vocab_size=300, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                                 num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=16)
        self.model = model.Llama(self.shape).eval()

    def test_causal(self):
        ids = torch.randint(0, 300, (1, 12))
        changed = ids.clone()
        changed[0, 8:] = 7
        with torch.no_grad():
            a, b = self.model(ids), self.model(changed)
        torch.testing.assert_close(a[:, :8], b[:, :8])
        self.assertGreater(float((a[:, 8:] - b[:, 8:]).abs().max()), 1e-3)

    def test_directory(self):
        import checkpoint

        tokenizer = bpe.train(STORIES[:50], 300)
        with tempfile.TemporaryDirectory() as directory:
            checkpoint.write_directory(directory, self.model, tokenizer, STORIES[:2])
            with open(os.path.join(directory, "model.safetensors"), "rb") as file:
                content = file.read()
            with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
                config = json.load(file)
        self.assertEqual(config["architectures"], ["LlamaForCausalLM"])
        self.assertEqual((config["vocab_size"], config["bos_token_id"], config["eos_token_id"]), (300, 0, 1))
        size = struct.unpack("<Q", content[:8])[0]
        self.assertEqual(size % 8, 0)
        header = json.loads(content[8 : 8 + size])
        self.assertEqual(header.pop("__metadata__"), {"format": "pt"})
        weights = dict(self.model.named_parameters())
        self.assertEqual(set(header), set(weights))
        self.assertIn("model.layers.1.self_attn.k_proj.weight", header)
        self.assertNotIn("lm_head.weight", header)
        end = 0
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            first, last = entry["data_offsets"]
            self.assertEqual(first, end)
            end = last
            raw = torch.frombuffer(bytearray(content[8 + size + first : 8 + size + last]), dtype=torch.bfloat16)
            self.assertTrue(torch.equal(raw.view(entry["shape"]), weights[name].detach().to(torch.bfloat16)), name)
        self.assertEqual(8 + size + end, len(content))


if __name__ == "__main__":
    unittest.main()
