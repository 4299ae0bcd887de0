"""The Cython extensions; everything else is in pyproject.toml."""

import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError


class BuildExtensions(build_ext):
    """Builds the extensions; a machine without a C compiler gets one clear line."""

    def run(self) -> None:
        """Build all extensions.

        Raises:
            SystemExit: There is no working C compiler, or no Python headers.
        """
        try:
            super().run()
        except CompileError as error:
            sys.exit(f"leeway-fleet: a C compiler and the Python headers are needed (gcc, python3-dev): {error}")


FLAGS = ["-O3", "-std=c99", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]  # the last two: to vectorise
EXTENSIONS = [
    Extension(
        "device_contract.plan.scorer",
        [
            "device_contract/plan/scorer.pyx",
            "device_contract/plan/kernels.c",
            "device_contract/plan/check.c",
            "device_contract/plan/explain.c",
        ],
        depends=[
            "device_contract/plan/kernels.h",
            "device_contract/plan/explain.h",
            *map(str, Path("device_contract/plan").glob("*/*.inc")),
        ],
        extra_compile_args=FLAGS,
    ),
    Extension(
        "device_contract.frames.framer",
        ["device_contract/frames/framer.pyx", "device_contract/frames/frame.c"],
        depends=["device_contract/frames/frame.h", *map(str, Path("device_contract/frames").glob("*.inc"))],
        extra_compile_args=FLAGS,
    ),
    Extension(
        "device_contract.sketches.decoder",
        ["device_contract/sketches/decoder.pyx", "device_contract/sketches/reader.c"],
        depends=["device_contract/sketches/reader.h"],
        extra_compile_args=FLAGS,
    ),
    Extension(
        "device_contract.sketches.summarizer",
        [
            "device_contract/sketches/summarizer.pyx",
            "device_contract/sketches/streams.c",
            "device_contract/sketches/projection.c",
        ],
        depends=["device_contract/sketches/blocks.h", "device_contract/sketches/vectors.h"],
        extra_compile_args=FLAGS,
    ),
    Extension("detectors.correlations", ["detectors/correlations.pyx"], extra_compile_args=FLAGS),
    Extension("detectors.float16", ["detectors/float16.pyx"], extra_compile_args=FLAGS),
    Extension("detectors.interpolation", ["detectors/interpolation.pyx"], extra_compile_args=FLAGS),
    Extension("detectors.tails", ["detectors/tails.pyx"], extra_compile_args=FLAGS),
]

setup(
    ext_modules=cythonize(EXTENSIONS, compiler_directives={"language_level": 3}),
    cmdclass={"build_ext": BuildExtensions},
)
