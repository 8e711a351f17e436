#!/usr/bin/env bash
# Format and includes of the project's own C++, types of the Python package, and clang-tidy over what changed.
#   tools/lint.sh [--venv DIRECTORY] [--all | FILE...]
# What changed: since W8A16_LINT_BASE (a commit); else since this branch left origin/main; where HEAD is origin/main itself,
# since the newest commit at least four hours older than HEAD. A changed header stands for the sources that include it.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv all=
if [ "${1:-}" = --venv ]; then venv=$2; shift 2; fi
if [ "${1:-}" = --all ]; then all=1; shift; fi

echo "clang-format"
git ls-files '*.h' '*.cc' | xargs clang-format --dry-run --Werror

echo "includes"
if git grep -nE '#include "\.\./' -- '*.h' '*.cc'; then
  echo 'error: headers are included by "layer/header.h" or "w8a16/header.h"' >&2
  exit 1
fi

echo "mypy"
"$venv-lint/bin/mypy" --python-executable "$venv/bin/python"

base() {
  local head main
  head=$(git rev-parse HEAD)
  if [ -n "${W8A16_LINT_BASE:-}" ]; then
    git rev-parse --verify "$W8A16_LINT_BASE^{commit}"
  elif main=$(git merge-base HEAD origin/main 2>/dev/null) && [ "$main" != "$head" ]; then
    echo "$main"
  else
    git rev-list -1 --before=$(($(git log -1 --format=%ct) - 4 * 3600)) HEAD
  fi
}

# The sources in src/ that changed since $1 (the work tree too), or that include, by way of others or not, what did.
changed_since() {
  local known found
  found=$({ git diff --name-only --diff-filter=d "$1" -- src include; git ls-files -o --exclude-standard -- src include; } | sort -u)
  known=$found
  while [ -n "$found" ]; do
    # "src/base/isa.h" is included as "base/isa.h", "include/w8a16/error.h" as "w8a16/error.h".
    found=$(sed -n 's,^src/\(.*\.h\)$,"\1",p; s,^include/\(.*\.h\)$,"\1",p' <<<"$found" |
      { git grep --untracked -lFf /dev/stdin -- 'src/*.h' 'src/*.cc' 'include/*.h' || true; } | sort)
    found=$(comm -13 <(echo "$known") <(echo "$found"))
    known=$(sort -u <<<"$known"$'\n'"$found")
  done
  grep '^src/.*\.cc$' <<<"$known" || true
}

sources=("$@")
if [ ${#sources[@]} -eq 0 ]; then
  base=$(base)
  if [ -z "$all" ] && [ -n "$base" ] && git diff --quiet "$base" -- .clang-tidy; then
    mapfile -t sources < <(changed_since "$base")
    echo "clang-tidy: ${#sources[@]} files, for what changed since $(git log -1 --format='%h (%s)' "$base")"
  else
    mapfile -t sources < <(git ls-files 'src/*.cc')
    echo "clang-tidy: all ${#sources[@]} files"
  fi
fi
if [ ${#sources[@]} -gt 0 ]; then
  cmake --preset tidy >/dev/null
  printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p build-tidy 2> >(grep -v 'warnings generated' >&2)
fi

echo "lint: clean"
