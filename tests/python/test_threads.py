"""One pool of threads: PyTorch's."""

import os
import subprocess
import sys
import threading

import torch

from w8a16 import W8A16LinearLayer, operators

PROGRAM = """
import os, sys, torch
threads = int(sys.argv[1])
torch.set_num_threads(threads)
import w8a16
layer = w8a16.W8A16LinearLayer(2048, 2048)
layer.quantize(torch.randn(2048, 2048))
x = torch.randn(64, 2048)
count = lambda: len(os.listdir("/proc/self/task"))
before = count()
for _ in range(3):
    layer(x)
ours = count()
for _ in range(3):
    torch.nn.functional.linear(x, torch.randn(2048, 2048))
print(before, ours, count())
"""


def counts(threads):
    # Without spinning, and without the threads that NumPy's BLAS may start.
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1"}
    result = subprocess.run([sys.executable, "-c", PROGRAM, str(threads)], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return [int(word) for word in result.stdout.split()]


def test_one_thread_is_one():
    before, ours, both = counts(1)
    assert before == ours == both


def test_pytorch_s_threads_are_used():
    before, ours, both = counts(2)
    assert ours <= before + 1 and both <= before + 1


def test_the_openmp_library_is_pytorch_s():
    library = os.path.realpath(operators.openmp_library())
    with open("/proc/self/maps") as maps:
        loaded = {os.path.realpath(line.split()[-1]) for line in maps if "libgomp" in line or "libiomp" in line or "libomp" in line}
    assert library in loaded
    folder = os.path.dirname(os.path.realpath(torch.__file__))
    if any(path.startswith(os.path.dirname(folder)) for path in loaded):
        assert library.startswith(os.path.dirname(folder))


def test_references_are_counted_with_the_interpreter_held():
    """None is counted like any object before Python 3.12: a call that lets other threads run may not count meanwhile."""
    layer = W8A16LinearLayer.from_linear(torch.nn.Linear(8, 8))
    x = torch.randn(1, 8)

    def work():
        with torch.no_grad():
            for _ in range(3000):
                layer(x)

    before = sys.getrefcount(None)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert abs(sys.getrefcount(None) - before) < 100
