# The front door. Every target installs what it needs, from Debian and, in .venv, from PyPI, and says so.

BUILD ?= build
VENV ?= .venv
JOBS ?= $(shell nproc)
CMAKE_FLAGS ?=
# The interpreter that environments are made with, and a requirement in place of the pinned PyTorch (torch==2.10.0).
PYTHON ?= python3
TORCH ?=
export PYTHON TORCH

# The names are those of Debian 12 and 13 and Ubuntu 24.04.
BUILD_PACKAGES := g++ cmake ninja-build pkg-config libhwy-dev nlohmann-json3-dev libpcre2-dev libutf8proc-dev libxxhash-dev
DEMO_PACKAGES := $(BUILD_PACKAGES) libcli11-dev libfmt-dev libcurl4-openssl-dev libssl-dev
TEST_PACKAGES := $(DEMO_PACKAGES) libgtest-dev libgmock-dev ccache
BENCH_PACKAGES := $(DEMO_PACKAGES) libbenchmark-dev libdnnl-dev libopenblas-dev
LINT_PACKAGES := $(DEMO_PACKAGES) clang clang-format clang-tidy libomp-dev git
FUZZ_PACKAGES := $(BUILD_PACKAGES) clang libclang-rt-dev libomp-dev ccache
ARM_PACKAGES := g++-aarch64-linux-gnu gcc-aarch64-linux-gnu qemu-user googletest cmake ninja-build libhwy-dev nlohmann-json3-dev ccache

WITH_TORCH = -DW8A16_BUILD_TORCH=ON -DW8A16_TORCH_PYTHON=$(abspath $(VENV))/bin/python3
# The compiler by CMake's name for it, so that ccache knows what the other builds compiled.
INSTALL_PACKAGE = CXX=$${CXX:-c++} CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) $(1)/bin/python -m pip install --quiet --disable-pip-version-check \
  --no-build-isolation --no-deps --force-reinstall .

.PHONY: demo build venv python test-build test test-transformers4 test-asan test-arm bench lint lint-all format fuzz clean
.DEFAULT_GOAL := demo

demo: build
	$(BUILD)/w8a16 demo

build:
	@tools/install_packages.sh $(DEMO_PACKAGES)
	cmake --preset release -B $(BUILD) $(CMAKE_FLAGS)
	cmake --build $(BUILD) --target w8a16_command -j $(JOBS)

# PyTorch and what else building and testing the Python package needs; .venv-transformers4 has transformers 4.
venv:
	@tools/make_venv.sh $(VENV) requirements/test.txt

# $(VENV)/bin/python -c "import w8a16"
python: venv
	@tools/install_packages.sh $(DEMO_PACKAGES) ccache
	$(call INSTALL_PACKAGE,$(VENV))

# All that is tested, built; then the tests, side by side, so threads that wait must leave the processor to others.
test-build: python
	@tools/install_packages.sh $(TEST_PACKAGES)
	cmake --preset release -B $(BUILD) -DW8A16_BUILD_TESTS=ON $(WITH_TORCH) $(CMAKE_FLAGS)
	cmake --build $(BUILD) -j $(JOBS)

test: test-build
	OMP_WAIT_POLICY=passive ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

# The Python package beside transformers 4.
test-transformers4: build
	@tools/make_venv.sh $(VENV)-transformers4 requirements/transformers4.txt
	$(call INSTALL_PACKAGE,$(VENV)-transformers4)
	W8A16_BINARY_DIR=$(abspath $(BUILD)) $(VENV)-transformers4/bin/python -m pytest -q tests/python tests/examples

# Address and undefined-behaviour sanitizers over everything in src/.
test-asan:
	@tools/install_packages.sh $(TEST_PACKAGES)
	cmake --preset asan-ubsan $(CMAKE_FLAGS)
	cmake --build --preset asan-ubsan -j $(JOBS)
	ctest --preset asan-ubsan -j $(JOBS)

# The kernels for 64-bit Arm, cross-compiled, their tests emulated.
test-arm:
	@tools/install_packages.sh $(ARM_PACKAGES)
	cmake --preset arm $(CMAKE_FLAGS)
	cmake --build --preset arm -j $(JOBS)
	ctest --preset arm -j $(JOBS)

bench: venv
	@tools/install_packages.sh $(BENCH_PACKAGES)
	cmake --preset release -B $(BUILD) -DW8A16_BUILD_BENCH=ON $(WITH_TORCH) $(CMAKE_FLAGS)
	cmake --build $(BUILD) -j $(JOBS)
	tools/bench.sh $(BUILD)

# What changed since main before this change (tools/lint.sh says how that is found); lint-all: the whole tree.
lint lint-all: venv
	@tools/install_packages.sh $(LINT_PACKAGES)
	@tools/make_venv.sh $(VENV)-lint requirements/lint.txt
	tools/lint.sh --venv $(VENV) $(if $(filter lint-all,$@),--all)

format:
	@tools/install_packages.sh clang-format git
	git ls-files '*.h' '*.cc' | xargs clang-format -i

# FUZZ_SECONDS for each target (default 300).
fuzz:
	@tools/install_packages.sh $(FUZZ_PACKAGES)
	tools/fuzz.sh

clean:
	rm -rf $(BUILD) build-*
