"""Array namespaces for the tests, other seeds, and the count of statistical comparisons."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes: more threads would only be in the way
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")

from types import ModuleType
from typing import Any

import array_api_compat.numpy
import array_api_strict
import numpy as np
import pytest
import statistics_helpers

# Hooks: pytest finds them here.
from comparisons import (  # noqa: F401
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from hypothesis import settings

from uand import backend

# The same examples on every run: a suite that passed keeps passing.
settings.register_profile("pinned", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("pinned")

HOST = ("numpy", "numpy-readonly", "array-api-strict")


class ReadOnlyNumPy(ModuleType):
    """NumPy, except that the arrays it makes from data cannot be written to."""

    def __getattr__(self, name: str) -> Any:
        return getattr(array_api_compat.numpy, name)

    @staticmethod
    def asarray(data: Any, **options: Any) -> np.ndarray:
        array = np.array(data, **options)
        array.flags.writeable = False
        return array


def _refuse(array: Any, *args: Any, **options: Any) -> None:
    raise TypeError("Implicit conversion to a NumPy array is not allowed")


# As CuPy's arrays do: a NumPy function that is given one fails, and `get` copies it to the host.
STRICT: Any = type(array_api_strict.zeros(1))
STRICT.__array__ = STRICT.__buffer__ = _refuse
STRICT.get = lambda array: array._array


NAMESPACES: dict[str, Any] = {
    "numpy": np,
    "numpy-readonly": ReadOnlyNumPy("numpy_readonly"),
    "array-api-strict": array_api_strict,
}


def cupy_or_reason() -> tuple[ModuleType | None, str]:
    try:
        return backend.select("cupy"), ""
    except ValueError as error:
        return None, str(error)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("backend") == "cupy":
        module, reason = cupy_or_reason()
        if module is None:
            raise pytest.UsageError(f"--backend cupy: {reason}")
    if offset := config.getoption("seed_offset"):
        # Before a test module takes it by name.
        np.random.default_rng = statistics_helpers.other_generators(offset)
        statistics_helpers.judge_no_designs()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = metafunc.config.getoption("backend")
    if "xp" in metafunc.fixturenames:
        names = {None: (*HOST, "cupy"), "numpy": HOST, "cupy": ("cupy",)}[chosen]
        metafunc.parametrize("xp", names, indirect=True)
    if "backend_name" in metafunc.fixturenames:
        names = {None: ("numpy", "cupy"), "numpy": ("numpy",), "cupy": ("cupy",)}[chosen]
        metafunc.parametrize("backend_name", names, indirect=True)


def _or_skip(name: str) -> Any:
    if name != "cupy":
        return NAMESPACES[name]
    module, reason = cupy_or_reason()
    if module is None:
        pytest.skip(reason)
    return module


@pytest.fixture
def xp(request: pytest.FixtureRequest) -> Any:
    """Return an array namespace; ``xp.asarray`` makes the arrays that the code is given."""
    return _or_skip(request.param)


@pytest.fixture
def backend_name(request: pytest.FixtureRequest) -> str:
    """Return the name of a backend, for functions that take its name."""
    _or_skip(request.param)
    return str(request.param)
