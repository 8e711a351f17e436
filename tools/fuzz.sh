#!/usr/bin/env bash
# Builds the fuzz targets and runs each for FUZZ_SECONDS (default 300), two side by side. What they find is left in
# build-fuzz/findings; new inputs that reach new code in build-fuzz/corpus, from where the next run goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${FUZZ_SECONDS:-300}
build=build-fuzz
targets=(safetensors index config tokenizer torch_file)

cmake --preset fuzz >/dev/null
cmake --build "$build" -j "${JOBS:-$(nproc)}" --target "${targets[@]/#/fuzz_}"
mkdir -p "$build/findings"

run_one() {
  local corpus="$1/corpus/$2" log="$1/fuzz_$2.log"
  mkdir -p "$corpus"
  if OMP_NUM_THREADS=1 "$1/tests/fuzz/fuzz_$2" -max_total_time="$3" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
      -print_final_stats=1 -artifact_prefix="$1/findings/$2-" "$corpus" "tests/fuzz/corpus/$2" >"$log" 2>&1; then
    echo "fuzz_$2: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions in $3 s, nothing found"
  else
    tail -n 60 "$log" >&2
    echo "error: fuzz_$2 found an input that is not refused properly; it is in $1/findings" >&2
    return 1
  fi
}
export -f run_one
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'run_one "$@"' _ "$build" {} "$seconds"
