"""A stand-in for CuPy that runs CUDA kernels on the host: just what `uand.bits_cupy` asks for."""

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

SHIM = Path(__file__).parent / "cuda_on_cpu.h"
FLAGS = ("-std=c++17", "-O0", "-shared", "-fPIC", "-w")
GUARD = 64  # entries before and after each array that nobody may write to
TROUBLE = {
    1: "a barrier that not all threads of a block reach",
    2: "a write beyond the shared memory that was asked for",
    3: "more threads, blocks or shared memory than a device has",
}


def compiler():
    """Return the path of a C++ compiler and None, or None and the reason why there is none."""
    if not sys.platform.startswith("linux"):
        return None, "the stand-in for CUDA switches threads as Linux does"
    names = [os.environ.get("CXX", ""), "c++", "g++", "clang++"]
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    return found, None if found else "no C++ compiler is installed"


class StandIn(ModuleType):
    """NumPy under the name of CuPy, with kernels that run on the host.

    Parameters
    ----------
    folder : Path
        Where compiled kernels are kept.
    change : (str, str), optional
        A piece of the kernels' source and what stands in its place, to see that it is noticed.
    """

    def __init__(self, folder, change=("", "")):
        super().__init__("cupy")
        self.folder, self.change = folder, change
        self.launches = []

    ndarray = type("ndarray", (), {})  # no array is one of CuPy's
    asarray = staticmethod(np.array)  # a copy, as onto a device
    ascontiguousarray = staticmethod(np.ascontiguousarray)

    @staticmethod
    def empty(shape, dtype):
        """Return an array full of garbage, between guards."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        guard = GUARD * np.dtype(dtype).itemsize
        whole = np.full(size + 2 * guard, 0xA5, dtype=np.uint8)
        return whole[guard : guard + size].view(dtype).reshape(shape)

    @classmethod
    def zeros(cls, shape, dtype):
        array = cls.empty(shape, dtype)
        array[...] = 0
        return array

    def RawKernel(self, code, name, options=()):
        old, new = self.change
        assert old in code
        library = compiled(code.replace(old, new), options, self.folder)
        return Kernel(self, library, name)


class Kernel:
    """A compiled kernel, called as CuPy's `RawKernel` is."""

    def __init__(self, cupy, library, name):
        self.cupy, self.name = cupy, name
        self.launch = getattr(library, f"launch_{name}")
        kinds = (ctypes.c_int * 64)()
        self.kinds = list(kinds[: getattr(library, f"parameters_{name}")(kinds)])

    def __call__(self, grid, block, args, *, shared_mem=0):
        assert [kind(arg) for arg in args] == self.kinds, f"{self.name}: wrong kind of argument"
        sizes = [(ctypes.c_uint * 3)(*size, *[1] * (3 - len(size))) for size in (grid, block)]
        values = [
            ctypes.c_void_p(arg.ctypes.data) if arg.ndim else ctypes.c_int64(int(arg))
            for arg in args
        ]
        places = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        trouble = self.launch(*sizes, ctypes.c_size_t(shared_mem), places)
        assert not trouble, f"{self.name}: {TROUBLE[trouble]}"
        for arg in args:
            self.check_guards(arg)
        self.cupy.launches.append((self.name, grid, block, shared_mem))

    def check_guards(self, array):
        base = getattr(array, "base", None)
        while getattr(base, "base", None) is not None:
            base = base.base
        if base is None or base.dtype != np.uint8:
            return  # not one that `empty` made
        guard = GUARD * array.itemsize
        ends = np.concatenate([base[:guard], base[-guard:]])
        assert (ends == 0xA5).all(), f"{self.name}: a write outside an array"


def kind(arg):
    """Return what the shim's `kind` says of the parameter that takes this argument."""
    if isinstance(arg, np.ndarray):
        assert arg.flags.c_contiguous
    else:
        # A plain Python number would leave its size to CuPy.
        assert isinstance(arg, np.generic), f"{arg!r} is no NumPy number"
    size = arg.dtype.itemsize + 16 * (arg.dtype.kind == "i")
    return size if isinstance(arg, np.ndarray) else -size


def write_program(code, folder):
    """Write a program of the shim, the kernels and their launchers; return its path."""
    names = re.findall(r"__global__ void (\w+)", code)
    text = "\n".join([f'#include "{SHIM}"', code, *(f"LAUNCHER({name})" for name in names)])
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.cpp"
    path.write_text(text, encoding="utf-8")
    return path


def compiled(code, options, folder):
    """Compile kernels for the host, once for each source and options."""
    path = write_program(code, folder)
    library = path.with_name(f"{path.stem}{''.join(options).replace('=', '')}.so")
    if not library.exists():
        cxx, reason = compiler()
        assert cxx, reason
        command = [cxx, *FLAGS, *options, str(path), "-o", str(library)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))
