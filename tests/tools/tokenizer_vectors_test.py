"""Tests of tools/tokenizer_vectors. Run: python3 -m unittest discover -s tests/tools -p "*_test.py" """

import os
import sys
import tempfile
import unicodedata
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "tokenizer_vectors"))

import byte_level_bpe
import texts
import word_piece

COMMITTED = texts.DATA


@unittest.skipUnless(unicodedata.unidata_version == "14.0.0", "written with the characters of Unicode 14")
class ScriptsTest(unittest.TestCase):
    def assert_makes(self, make, names):
        """What `make` writes is what is committed, byte for byte."""
        with tempfile.TemporaryDirectory() as directory, mock.patch("builtins.print"):
            with mock.patch.object(texts, "DATA", Path(directory)):
                make()
            self.assertEqual(sorted(os.listdir(directory)), sorted(names))
            for path in Path(directory).glob("*/*"):
                committed = COMMITTED / path.relative_to(directory)
                self.assertEqual(path.read_bytes(), committed.read_bytes(), str(committed))

    def test_byte_level_bpe(self):
        self.assert_makes(byte_level_bpe.main, ["gpt2-files", "llama3-json", "qwen2-files"])

    def test_word_piece(self):
        self.assert_makes(word_piece.main, ["word-piece", "word-piece-cased"])


class PiecesTest(unittest.TestCase):
    def test_gpt2(self):
        def cut(text):
            return list(byte_level_bpe.pieces(text, byte_level_bpe.gpt2_end))

        self.assertEqual(cut("I'm 12a  b!? \n"), ["I", "'m", "Ġ12", "a", "Ġ", "Ġb", "!?", "ĠĊ"])

    def test_llama3(self):
        def cut(text):
            return list(byte_level_bpe.pieces(text, lambda text, at: byte_level_bpe.llama3_end(text, at, 3)))

        self.assertEqual(cut("It'S 12345 (a)\n\n x  \n y"),
                         ["It", "'S", "Ġ", "123", "45", "Ġ(", "a", ")ĊĊ", "Ġx", "ĠĠĊ", "Ġy"])


class WordPieceTest(unittest.TestCase):
    def test_words(self):
        self.assertEqual(list(word_piece.words(word_piece.normalize("Héllo, Wörld中!"))),
                         ["hello", ",", "world", "中", "!"])


if __name__ == "__main__":
    unittest.main()
