"""Builds the native library with the project's CMake, against the PyTorch of the Python that runs this."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCE = Path(__file__).resolve().parent.parent
LIBRARY = "libw8a16_torch.so"


class CMakeBuild(build_ext):
    def get_ext_filename(self, fullname: str) -> str:
        return fullname.replace(".", "/") + ".so"  # one library for every Python: no tag in its name

    def build_extension(self, ext: Extension) -> None:
        if not (SOURCE / "CMakeLists.txt").is_file():
            raise SystemExit(f"w8a16: {SOURCE} is not the project's source tree; install from a checkout: ./python in it")
        build = Path(self.build_temp).resolve() / "cmake"
        configure = [
            "cmake", "-S", str(SOURCE), "-B", str(build), "-DCMAKE_BUILD_TYPE=Release", "-DW8A16_BUILD_TORCH=ON",
            "-DW8A16_BUILD_MODEL=OFF", "-DW8A16_BUILD_CLI=OFF", f"-DW8A16_TORCH_PYTHON={sys.executable}",
        ]
        if shutil.which("ninja"):
            configure += ["-G", "Ninja"]
        subprocess.check_call(configure + shlex.split(os.environ.get("CMAKE_ARGS", "")))
        jobs = os.environ.get("MAX_JOBS") or str(os.cpu_count() or 1)
        subprocess.check_call(["cmake", "--build", str(build), "--target", "w8a16_torch", "-j", jobs])
        destination = Path(self.get_ext_fullpath(ext.name))
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(build / "torch" / LIBRARY, destination)


setup(ext_modules=[Extension("w8a16.libw8a16_torch", sources=[])], cmdclass={"build_ext": CMakeBuild})
