"""The generator in C: built when it is first needed, from `generator.c` beside this file."""

from bench.load.native.build import MISSING, native
from bench.load.native.run import NativeRun
from bench.load.native.wave import Waves

__all__ = ["MISSING", "NativeRun", "Waves", "native"]
