"""The committed chat template vectors are what Jinja gives."""

import os
import subprocess
import sys
import unittest

try:
    import jinja2
except ImportError:
    jinja2 = None

TOOL = os.path.join(os.path.dirname(__file__), "..", "..", "tools", "chat_template_vectors.py")


@unittest.skipIf(jinja2 is None, "Jinja is not here (Debian: python3-jinja2)")
class ChatTemplateVectors(unittest.TestCase):
    def test_up_to_date(self):
        result = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    unittest.main()
