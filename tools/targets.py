#!/usr/bin/env python3
"""The figures of docs/performance.md, each the median of several runs: tools/targets.py [BUILD] [--runs 3]

Measures single layers, the same beside other libraries, and a model of TinyLlama-1.1B's shape with random weights (made
in a temporary directory, 5 GB). Needs what `make bench` builds.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run_json(*command):
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


def row(what, *cells):
    print(f"| {what} | {' | '.join(cells)} |", flush=True)


class Median:
    """Collects figures by name over the runs."""

    def __init__(self):
        self.values = {}

    def add(self, name, value):
        self.values.setdefault(name, []).append(value)

    def __getitem__(self, name):
        return statistics.median(self.values[name])

    def range(self, name):
        return f"{min(self.values[name]):.0%} to {max(self.values[name]):.0%}"


def layers(build, runs):
    figures = Median()
    for _ in range(runs):
        for n, k, m in ((65536, 4096, "1,2,4,8,16"), (4096, 4096, "1,16,128,512")):
            for dtype in ("bf16", "f32"):
                found = run_json(build / "w8a16", "bench", "linear", "--n", n, "--k", k, "--m", m, "--dtype", dtype, "--json")
                for r in found["results"]:
                    name = (n, r["m"], dtype)
                    figures.add((*name, "bytes"), r["weight_bytes_per_second"])
                    figures.add((*name, "flops"), r["flops_per_second"])
                    figures.add((*name, "of read"), r["weight_bytes_per_second"] / r["read_bytes_per_second"])
                    figures.add((*name, "of peak"), r["flops_per_second"] / r["peak_flops_per_second"])
    print("\n| one layer | weights read | of the read bandwidth | arithmetic | of the two-digit peak |\n|---|---|---|---|---|")
    for n, rows in ((65536, (1, 2, 4, 8, 16)), (4096, (1, 16, 128, 512))):
        for dtype in ("bf16", "f32"):
            for m in rows:
                f = (n, m, dtype)
                row(f"{m} x {n} x 4096, {dtype}", f"{figures[(*f, 'bytes')] / 1e9:.1f} GB/s",
                    f"{figures[(*f, 'of read')]:.0%} ({figures.range((*f, 'of read'))})",
                    f"{figures[(*f, 'flops')] / 1e9:.0f} GFLOP/s", f"{figures[(*f, 'of peak')]:.0%}")


def peers(build, runs):
    figures = Median()
    for _ in range(runs):
        found = run_json(build / "bench/compare_linear", "--benchmark_format=json", "--benchmark_min_time=0.3")
        for b in found["benchmarks"]:
            if not b["name"].startswith("machine/"):
                figures.add(b["name"].removesuffix("/real_time"), b["real_time"] / 1e6)
    shapes = list(dict.fromkeys(name.split("/")[0] for name in figures.values))
    names = list(dict.fromkeys(name.split("/", 1)[1] for name in figures.values))
    print(f"\n| milliseconds | {' | '.join(shapes)} |\n|---|{'---|' * len(shapes)}")
    for name in names:
        row(name, *(f"{figures[f'{shape}/{name}']:.2f}" for shape in shapes))


def seconds_of(*command):
    start = time.monotonic()
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def model(build, runs):
    figures = Median()
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        made = work / "bf16"
        seconds_of(build / "bench/make_model", ROOT / "bench/models/tinyllama-1.1b.json", made)
        kinds = {"bf16": made, "w8a16": work / "w8a16", "w8a16, head too": work / "head"}
        for _ in range(runs):
            shutil.rmtree(kinds["w8a16"], ignore_errors=True)
            figures.add("quantize", seconds_of(build / "w8a16", "quantize", made, kinds["w8a16"]))
            figures.add("cp", seconds_of("cp", "-r", made, work / "copy"))
            shutil.rmtree(work / "copy")
        seconds_of(build / "w8a16", "quantize", made, kinds["w8a16, head too"], "--no-default-ignore")
        for _ in range(runs):
            for kind, directory in kinds.items():
                for prompt in (128, 512):
                    found = run_json(build / "w8a16", "bench", "model", directory, "--prompt-tokens", prompt, "--json")
                    figures.add((kind, f"prefill {prompt}"), found["prefill_tokens_per_second"])
                figures.add((kind, "decode"), found["decode_tokens_per_second"])
                figures.add((kind, "rate"),
                            found["decode_tokens_per_second"] * found["weight_bytes"] / found["read_bytes_per_second"])
                figures.add((kind, "first"), found["first_token_seconds"] * 1e3)
                figures.add((kind, "resident"), found["peak_resident_bytes"] / 1e9)
                figures.add((kind, "weights"), found["weight_bytes"] / 1e9)
    print(f"\nquantize {figures['quantize']:.2f} s, cp {figures['cp']:.2f} s")
    print(f"\n| 1.1B Llama | {' | '.join(kinds)} |\n|---|{'---|' * len(kinds)}")
    for what, name, form in (
        ("weights", "weights", "{:.2f} GB"),
        ("prefill of 128 tokens", "prefill 128", "{:.0f} tokens/s"),
        ("prefill of 512 tokens", "prefill 512", "{:.0f} tokens/s"),
        ("decode after them", "decode", "{:.1f} tokens/s"),
        ("weights x decode, of the read bandwidth", "rate", "{:.0%}"),
        ("load to first token, prompt of 8", "first", "{:.0f} ms"),
        ("peak resident memory", "resident", "{:.2f} GB"),
    ):
        row(what, *(form.format(figures[(kind, name)]) for kind in kinds))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", nargs="?", type=Path, default=ROOT / "build")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    layers(arguments.build, arguments.runs)
    peers(arguments.build, arguments.runs)
    model(arguments.build, arguments.runs)


if __name__ == "__main__":
    main()
