#!/usr/bin/env bash
# Format, includes and clang-tidy over the project's own C++, types of the Python package.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "clang-format"
git ls-files '*.h' '*.cc' | xargs clang-format --dry-run --Werror

echo "includes"
if git grep -nE '#include "\.\./' -- '*.h' '*.cc'; then
  echo 'error: headers are included by "layer/header.h" or "w8a16/header.h"' >&2
  exit 1
fi

echo "clang-tidy"
cmake --preset tidy >/dev/null
sources=("$@")
[ ${#sources[@]} -gt 0 ] || mapfile -t sources < <(git ls-files 'src/*.cc')
printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build-tidy 2> >(grep -v 'warnings generated' >&2)
echo "mypy"
(cd python && mypy)

echo "lint: clean"
