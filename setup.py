"""Builds the Cython kernels of `ext/`: one extension module per `.pyx`, named after its path.

AUTONOMY_SANITIZE=1 builds with address and undefined-behaviour sanitizers for the run in CI that looks for them.
AUTONOMY_KERNELS=0 leaves the kernels out: the Makefile installs the package so and compiles them in place, once.
"""

import os
import platform
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
os.chdir(ROOT)  # every path below is relative to the tree, also when a front end builds from elsewhere
sys.path.insert(0, str(ROOT))

from autonomy.msg.generate import generate  # noqa: E402 - needs the path above

WITH_KERNELS = os.environ.get("AUTONOMY_KERNELS") != "0"
SANITIZED = os.environ.get("AUTONOMY_SANITIZE") == "1"
# Not linked: what is preloaded has the sanitizers' code, the compiler's own for tests, the fuzzer's for fuzzing
SANITIZE = (
    ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g"] if SANITIZED else []
)

# One fixed baseline per CPU family and no contraction, so that the same source gives the same bits on every machine.
MARCH = {"x86_64": ["-march=x86-64-v3"], "aarch64": ["-march=armv8-a"]}.get(platform.machine(), [])
# Cython compares its own loop counters across signedness and drops const in temporaries: not worth a line each
QUIET = ["-Wno-sign-compare", "-Wno-discarded-qualifiers", "-Wno-unused-function"]
COMPILE_ARGS = ["-O2", "-ftree-vectorize", "-fno-math-errno", "-ffp-contract=off", *MARCH, *QUIET, *SANITIZE]


def extensions() -> list[Extension]:
    generate(Path("ext/autonomy/msg"))  # which declarations a kernel uses is found by cythonize
    found = []
    for source in sorted(Path("ext").rglob("*.pyx")):
        name = ".".join(source.relative_to("ext").with_suffix("").parts)
        found.append(
            Extension(
                name,
                [str(source)],
                include_dirs=["ext"],
                extra_compile_args=COMPILE_ARGS,
            )
        )
    return found


def configurations() -> list[tuple[str, list[str]]]:
    """configs/ as data files: not a package, found by autonomy.config.directory()."""
    folders = sorted({path.parent for path in Path("configs").rglob("*") if path.is_file()})
    return [
        (f"share/autonomy/{folder.as_posix()}", [str(path) for path in sorted(folder.iterdir()) if path.is_file()])
        for folder in folders
    ]


class BuildInPlace(build_ext):
    """Names the added commands (entry points) of a tree that is built in place and never installed."""

    def run(self) -> None:
        super().run()
        if self.inplace:
            self.run_command("egg_info")


setup(
    cmdclass={"build_ext": BuildInPlace},
    data_files=configurations(),
    ext_modules=cythonize(
        extensions() if WITH_KERNELS else [],
        include_path=["ext"],
        build_dir="build/cython",
        nthreads=os.cpu_count() or 1,
        quiet="--quiet" in sys.argv,
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,  # kernels work on plain memory, where it sees nothing: the sanitizers do
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
            "embedsignature": True,
            "freethreading_compatible": False,
        },
    ),
)
