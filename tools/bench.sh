#!/usr/bin/env bash
# The speed of this machine: linear layers of real models' shapes, the same work by other libraries, then a whole model of
# TinyLlama-1.1B's size with random weights, before and after quantization. Usage: tools/bench.sh BUILD_DIRECTORY
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1

for file in bench/shapes/*.txt; do
  grep -v '^#' "$file" | while read -r n k; do
    echo "== $(basename "$file" .txt): [$n, $k]"
    "$build/w8a16" bench linear --n "$n" --k "$k"
  done
done

echo "== beside oneDNN, OpenBLAS and LibTorch"
"$build/bench/compare_linear"

echo "== accuracy on rows of x that are hard"
"$build/bench/accuracy"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$build/bench/make_model" bench/models/tinyllama-1.1b.json "$work/float"
"$build/w8a16" quantize "$work/float" "$work/w8a16"
for model in float w8a16; do
  echo "== tinyllama-1.1b, $model weights"
  "$build/w8a16" bench model "$work/$model"
done
