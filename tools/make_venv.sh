#!/usr/bin/env bash
# Makes a Python environment of pinned requirements from PyPI, and nothing at all where it is there as asked.
#   tools/make_venv.sh DIRECTORY REQUIREMENTS
#   PYTHON   the interpreter, 3.10 or newer (default: python3)
#   TORCH    a requirement such as torch==2.10.0, in place of the pinned PyTorch
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$1 requirements=$2
python=${PYTHON:-python3}

fail() { echo "error: $*" >&2; exit 1; }

[ "$python" != python3 ] || command -v python3 >/dev/null || tools/install_packages.sh python3
command -v "$python" >/dev/null || fail "there is no $python: PYTHON names the interpreter"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
  fail "$("$python" --version) is too old, 3.10 or newer is needed: PYTHON names another interpreter"

# The interpreter itself, where an environment (this one, even) is active.
python=$("$python" -c 'import sys; print(getattr(sys, "_base_executable", None) or sys.executable)')

# The requirements as one text, included files in their places.
flatten() {
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      '-r '*) flatten "$(dirname "$1")/${line#-r }" ;;
      '' | '#'*) ;;
      torch==*) echo "${TORCH:-$line}" ;;
      *) echo "$line" ;;
    esac
  done <"$1"
}
wanted=$(flatten "$requirements")

stamp=$venv/.w8a16-requirements
want=$({ "$python" -c 'import sys; print(sys.version, sys.prefix)'; echo "$wanted"; } | sha256sum)
if [ -e "$venv" ]; then
  [ -e "$stamp" ] || fail "$venv was not made by $0: remove it first"
  [ "$(cat "$stamp")" != "$want" ] || exit 0
fi

# Debian's Python comes in parts.
if [[ $(command -v "$python") == /usr/bin/* ]] &&
    ! "$python" -c 'import ensurepip, os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null; then
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  tools/install_packages.sh "python$version-venv" "python$version-dev"
fi

echo "Making $venv: $("$python" --version), $(paste -sd ' ' <<<"$wanted")"
rm -rf "$venv"
mkdir -p "$venv"
: >"$stamp"
"$python" -m venv "$venv" || fail "$python cannot make environments (its module venv or ensurepip is missing)"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }

# PyTorch's default build for x86-64 is CUDA's.
torch=$(grep '^torch\b' <<<"$wanted" || true)
if [ -n "$torch" ] && pip install --dry-run --quiet --no-deps --report - "$torch" 2>/dev/null | "$venv/bin/python" -c '
import json, sys
metadata = json.load(sys.stdin)["install"][0]["metadata"]
from pip._vendor.packaging.requirements import Requirement
needs = [Requirement(line) for line in metadata.get("requires_dist", [])]
cuda = any(r.name.startswith(("nvidia-", "cuda-")) and (not r.marker or r.marker.evaluate({"extra": ""})) for r in needs)
sys.exit(not cuda or "+cpu" in metadata["version"])' 2>/dev/null; then
  echo "note: pip finds a CUDA build for $torch and downloads several GB now. What is tested here runs on the CPU: where" \
    "pip is configured to find a build for the CPU, that takes 0.2 GB" >&2
fi

pip install --quiet --requirement /dev/stdin <<<"$wanted"
pip check >/dev/null || { pip check >&2; fail "the requirements of $requirements contradict each other"; }
echo "$want" >"$stamp"
