"""Expectation-maximisation for mixtures: `emcli.fit(table, model=..., k=...)`.

    >>> import emcli
    >>> fitted = emcli.fit(frame, model="gaussian:VVV", k=2)
    >>> fitted.assign(frame)

Everything is imported when it is first used, so that `import emcli` costs nothing.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Fitted", "fit", "fit_each", "load"]

#: The one place that knows the version; pyproject.toml reads it here.
__version__ = "0.1.0"


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    """`emcli.fit`, `fit_each`, `load` and `Fitted`, imported on first use."""
    if name not in __all__:
        raise AttributeError(f"module 'emcli' has no attribute '{name}'")
    from emcli import api

    return getattr(api, name)
