# The front door. `make demo` and `make test` install what they need from Debian and say so.

BUILD ?= build
JOBS ?= $(shell nproc)
CMAKE_FLAGS ?=

DEMO_PACKAGES := g++ cmake ninja-build pkg-config libhwy-dev nlohmann-json3-dev libcli11-dev libfmt-dev libpcre2-dev libutf8proc-dev \
  libcurl4-openssl-dev libssl-dev libxxhash-dev
TEST_PACKAGES := $(DEMO_PACKAGES) libgtest-dev libgmock-dev libtorch-dev python3-torch python3-numpy python3-pytest python3-jinja2 libopenblas0-pthread
BENCH_PACKAGES := $(TEST_PACKAGES) libbenchmark-dev libdnnl-dev libopenblas-dev
PYTHON_PACKAGES := $(DEMO_PACKAGES) libtorch-dev python3-torch python3-numpy libopenblas0-pthread
PYTHON ?= /usr/bin/python3
LINT_PACKAGES := $(DEMO_PACKAGES) clang clang-format clang-tidy libomp-dev mypy python3-torch
FUZZ_PACKAGES := cmake ninja-build pkg-config libhwy-dev nlohmann-json3-dev libpcre2-dev libutf8proc-dev libxxhash-dev \
  clang libclang-rt-14-dev libomp-dev

ARM_PACKAGES := g++-aarch64-linux-gnu gcc-aarch64-linux-gnu qemu-user googletest cmake ninja-build libhwy-dev nlohmann-json3-dev

.PHONY: demo build test test-arm bench python lint format fuzz clean
.DEFAULT_GOAL := demo

demo: build
	$(BUILD)/w8a16 demo

build:
	@tools/install_packages.sh $(DEMO_PACKAGES)
	cmake --preset release -B $(BUILD) $(CMAKE_FLAGS)
	cmake --build $(BUILD) --target w8a16_command -j $(JOBS)

# Tests run side by side, so threads that wait must leave the processor to others: OMP_WAIT_POLICY.
test:
	@tools/install_packages.sh $(TEST_PACKAGES)
	cmake --preset release -B $(BUILD) -DW8A16_BUILD_TESTS=ON $(CMAKE_FLAGS)
	cmake --build $(BUILD) -j $(JOBS)
	OMP_WAIT_POLICY=passive ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

# The kernels for 64-bit Arm, cross-compiled, their tests emulated.
test-arm:
	@tools/install_packages.sh $(ARM_PACKAGES)
	cmake --preset arm $(CMAKE_FLAGS)
	cmake --build --preset arm -j $(JOBS)
	ctest --preset arm -j $(JOBS)

bench:
	@tools/install_packages.sh $(BENCH_PACKAGES)
	cmake --preset release -B $(BUILD) -DW8A16_BUILD_BENCH=ON $(CMAKE_FLAGS)
	cmake --build $(BUILD) -j $(JOBS)
	tools/bench.sh $(BUILD)

# The Python package in place, for the PyTorch of $(PYTHON): PYTHONPATH=python $(PYTHON) -c "import w8a16"
python:
	@tools/install_packages.sh $(PYTHON_PACKAGES)
	cmake --preset release -B $(BUILD) -DW8A16_BUILD_TORCH=ON -DW8A16_TORCH_PYTHON=$(PYTHON) $(CMAKE_FLAGS)
	cmake --build $(BUILD) --target w8a16_python -j $(JOBS)

lint:
	@tools/install_packages.sh $(LINT_PACKAGES)
	tools/lint.sh

format:
	@tools/install_packages.sh clang-format
	git ls-files '*.h' '*.cc' | xargs clang-format -i

# FUZZ_SECONDS for each target (default 300).
fuzz:
	@tools/install_packages.sh $(FUZZ_PACKAGES)
	tools/fuzz.sh

clean:
	rm -rf $(BUILD)
