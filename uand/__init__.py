"""Computation in superposition: the laws of the universal AND layer, and their measurement.

The names below, and the package's modules, are loaded on first use, so that ``import uand`` costs
nothing and changes nothing: no seed, no plot style, no warnings filter, no import of CuPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from uand.every_pair import verify
    from uand.interference import predict, simulate
    from uand.layerfile import export
    from uand.measurements import ledger
    from uand.universal import design

_HOMES = {
    "design": "uand.universal",
    "export": "uand.layerfile",
    "predict": "uand.interference",
    "simulate": "uand.interference",
    "ledger": "uand.measurements",
    "verify": "uand.every_pair",
}

__all__ = ["__version__", "design", "export", "ledger", "predict", "simulate", "verify"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if not name.startswith("_"):
        try:
            return import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":  # a module is there, and lacks another
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
