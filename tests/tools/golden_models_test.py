"""Tests of tools/golden_models. Run: python3 -m unittest discover -s tests/tools -p "*_test.py" """

import copy
import json
import os
import sys
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GOLDENS = os.path.join(ROOT, "tests", "data", "goldens")
SHARED_GOLDENS = os.path.join(ROOT, "..", "shared", "goldens")
MADE_BY_TRANSFORMERS = ("llama-gqa", "qwen2")
sys.path.insert(0, os.path.join(ROOT, "tools", "golden_models"))

try:
    import numpy as np
except ImportError:
    np = None
else:
    import golden
    import make
    import models
    import quantized_linear
    import tensor_file

TOLERANCE = 1e-5  # of the largest logit: float32 and six printed digits


def read_golden(directory):
    with open(os.path.join(directory, "golden.json"), encoding="utf-8") as file:
        return json.load(file)


@unittest.skipIf(np is None, "needs NumPy")
class ReferenceTest(unittest.TestCase):
    """The reference gives what transformers gave."""

    def check(self, directory):
        config, tensors = golden.load(directory)
        expected = read_golden(directory)
        for prefix, quantized in (("", False), ("w8a16_", True)):
            logits = np.array(expected[prefix + "logits"])
            actual = golden.logits(config, tensors, expected["input_ids"], quantized)
            self.assertLess(np.abs(actual - logits).max(), TOLERANCE * np.abs(logits).max(), prefix)
            if prefix + "greedy" in expected:
                ids, _ = golden.greedy(config, tensors, expected["input_ids"], quantized)
                self.assertEqual(ids, expected[prefix + "greedy"], prefix)

    def test_committed_goldens_of_transformers(self):
        for name in MADE_BY_TRANSFORMERS:
            with self.subTest(name):
                self.check(os.path.join(GOLDENS, name))

    @unittest.skipUnless(os.path.isdir(SHARED_GOLDENS), "needs ../shared/goldens")
    def test_shared_goldens_of_transformers(self):
        names = sorted(os.listdir(SHARED_GOLDENS))
        self.assertGreaterEqual(len(names), 27)
        for name in names:
            with self.subTest(name):
                self.check(os.path.join(SHARED_GOLDENS, name))


@unittest.skipIf(np is None, "needs NumPy")
class CommittedGoldensTest(unittest.TestCase):
    def test_every_folder_has_its_origin(self):
        self.assertEqual(set(os.listdir(GOLDENS)), set(models.MODELS) | set(MADE_BY_TRANSFORMERS))

    def test_are_what_the_script_makes(self):
        for name in models.MODELS:
            with self.subTest(name):
                made = make.make(name)
                self.assertEqual(set(os.listdir(os.path.join(GOLDENS, name))), set(made))
                for file_name in ("config.json", "model.safetensors"):
                    with open(os.path.join(GOLDENS, name, file_name), "rb") as file:
                        self.assertTrue(file.read() == made[file_name], f"{file_name} differs")
                # Another processor's exponentials may differ in the last bit, and so may a sixth printed digit.
                committed, fresh = read_golden(os.path.join(GOLDENS, name)), json.loads(made["golden.json"])
                self.assertEqual(list(committed), list(fresh))
                for key in ("logits", "w8a16_logits"):
                    logits = np.array(committed.pop(key))
                    self.assertLess(np.abs(logits - fresh.pop(key)).max(), TOLERANCE * np.abs(logits).max())
                self.assertEqual(committed, fresh)

    def test_every_option_shows_in_the_logits(self):
        window = models.WINDOW
        for name, changes in {
            "qwen3": ({"model_type": "llama"}, {"rope_theta": 1e4}),
            "qwen3-window": ({"sliding_window": window + 1}, {"sliding_window": window - 1}, {"max_window_layers": 0}),
            "qwen3_moe": ({"norm_topk_prob": False}, {"num_experts_per_tok": 1}),
            "qwen3_moe-dense-layers": ({"norm_topk_prob": True},),
            "smollm3": ({"no_rope_layers": [1, 0, 0]}, {"no_rope_layers": None}),
            "smollm3-interval": ({"no_rope_layer_interval": 4},),
            "gemma3_text": ({"sliding_window": window + 1}, {"sliding_window_pattern": 3}, {"rope_theta": 1e4},
                            {"rope_local_base_freq": 1e6}, {"query_pre_attn_scalar": 12}),
            "gemma3": ({"rope_scaling": None}, {"sliding_window_pattern": 5}, {"sliding_window_pattern": 7}),
            "gemma3_text-rope-parameters": ({"layer_types": ["sliding_attention", "full_attention"]},),
            "llama-linear-rope": ({"rope_scaling": None},),
            "llama-llama3-rope": tuple({"rope_scaling": models.LLAMA3_SCALING | change} for change in (
                {"factor": 4.0}, {"low_freq_factor": 2.0}, {"high_freq_factor": 3.0})),
            "mistral-window": ({"sliding_window": window + 1}, {"sliding_window": window - 1}),
            "phi3-longrope-long": ({"sliding_window": 8}, {"original_max_position_embeddings": 12}),
            "gpt_neox-serial": ({"use_parallel_residual": True}, {"rotary_pct": 0.25}),
            "falcon-alibi": ({"alibi": False},),
            "cohere-qk-norm": ({"use_qk_norm": False}, {"logit_scale": 0.25}),
            "stablelm-parallel": ({"qk_layernorm": False}, {"partial_rotary_factor": 1.0}),
        }.items():
            config, tensors = golden.load(os.path.join(GOLDENS, name))
            logits = golden.logits(config, tensors, models.PROMPT, False)
            for change in changes:
                with self.subTest(name, **change):
                    changed = copy.deepcopy(config)
                    changed.get("text_config", changed).update(change)
                    difference = np.abs(golden.logits(changed, tensors, models.PROMPT, False) - logits).max()
                    self.assertGreater(difference, 1e-2 * np.abs(logits).max())


@unittest.skipIf(np is None, "needs NumPy")
class QuantizedLinearTest(unittest.TestCase):
    def test_weight(self):
        weight = np.array([[127, -2.5, 3.5, 0.5], [0, 0, 0, 0], [-1, 0.5, 0.25, 0]], np.float32)
        q, scale = quantized_linear.quantize_weight(weight)
        self.assertEqual(q.tolist(), [[127, -2, 4, 0], [0, 0, 0, 0], [-127, 64, 32, 0]])
        self.assertEqual(scale.tolist(), [1, 1, np.float32(1) / np.float32(127)])

    def test_rows(self):
        integers, scale = quantized_linear.quantize_rows(np.array([[8355711, -1.5, 2.5], [0, 0, 0]], np.float32))
        self.assertEqual(integers.tolist(), [[8355711, -2, 2], [0, 0, 0]])
        self.assertEqual(scale.tolist(), [1, 0])
        with self.assertRaisesRegex(ValueError, "not finite"):
            quantized_linear.quantize_rows(np.array([[np.inf]], np.float32))

    def test_linear_is_near_the_dequantized_layer(self):
        random = np.random.RandomState(5)
        x, weight = (make.normal(random, shape) for shape in ((3, 70), (4, 70)))
        bias = make.normal(random, (4,))
        q, scale = quantized_linear.quantize_weight(weight)
        expected = x.astype(np.float64) @ (q * scale[:, None].astype(np.float64)).T + bias
        self.assertLess(np.abs(quantized_linear.linear(x, weight, bias) - expected).max(), 1e-5)


@unittest.skipIf(np is None, "needs NumPy")
class TensorFileTest(unittest.TestCase):
    def test_header_is_padded_and_names_what_it_holds(self):
        content = tensor_file.encode({"a": np.array([[1.5, -2]], np.float32), "b": np.zeros((0,), np.float32)})
        size = int.from_bytes(content[:8], "little")
        self.assertEqual(size % 8, 0)
        self.assertEqual(json.loads(content[8 : 8 + size]), {
            "__metadata__": {"format": "pt"},
            "a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
            "b": {"dtype": "F32", "shape": [0], "data_offsets": [8, 8]},
        })
        self.assertEqual(content[8 + size :], np.array([1.5, -2], "<f4").tobytes())


if __name__ == "__main__":
    unittest.main()
