"""What a measurement was made on: the machine, the versions, and how busy it was."""

import os
import platform
import subprocess
from pathlib import Path

import numpy as np
import psutil

from uand import provenance

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "joblib", "torch")

# A processor that others use more than this share of is too busy to measure on.
IDLE = 0.1


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _caches() -> dict[str, str]:
    """Return the sizes of the first core's caches; empty where the system does not tell them."""
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (_read(f"{folder}/{name}") for name in ("level", "type", "size"))
        if kind != "Instruction":
            found["L" + level] = size
    return found


def _registers() -> str:
    """Return the widest registers that the processor says it has."""
    flags = set(_read("/proc/cpuinfo").split())
    for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("asimd", "NEON")):
        if flag in flags:
            return name
    return "not known"


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def describe() -> dict:
    """Return the machine and its memory in bytes, as plain data."""
    return {
        "cpu": provenance.processor(),
        "cores": provenance.cores(),
        "caches": _caches(),
        "registers": _registers(),
        "memory": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str | None]:
    """Return the versions of what computes; None for what is not installed."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    found: dict[str, str | None] = {
        "python": platform.python_version(),
        "blas": f"{blas.get('name')} {blas.get('version')}",
    }
    return found | provenance.installed(PACKAGES)


def code() -> dict:
    """Return the commit and whether the tree differs from it; None where git does not know.

    The recorded data does not count as a difference: recording changes it.
    """
    commit = _output("git", "rev-parse", "HEAD")
    if not commit:
        return {"commit": None, "dirty": None}
    changed = _output("git", "status", "--porcelain", "--", ".", ":!benchmarks/data")
    return {"commit": commit, "dirty": bool(changed)}


def load() -> float | None:
    """Return the mean number of processes that wanted to run in the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def busy(seconds: float) -> float:
    """Return the share of the machine's time that is in use while this process waits."""
    return psutil.cpu_percent(seconds) / 100
