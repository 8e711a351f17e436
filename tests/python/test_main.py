"""python -m w8a16 is the command of the environment."""

import os
import subprocess
import sys
import sysconfig

import pytest

import w8a16


@pytest.mark.skipif(not os.path.exists(os.path.join(sysconfig.get_path("scripts"), "w8a16")), reason="not installed by pip")
def test_the_command():
    result = subprocess.run([sys.executable, "-m", "w8a16", "--version"], capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.strip() == f"w8a16 {w8a16.__version__}"
    assert subprocess.run([sys.executable, "-m", "w8a16", "nonsense"], capture_output=True).returncode == 2
