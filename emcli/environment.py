"""What must be set before NumPy and Arrow are imported: BLAS on one thread, one heap.

emcli's own processes and threads work on blocks of rows; BLAS's threads beside them made it twenty
times slower, and the bits would depend on how many there are. Arrow's own pool keeps what it frees
to itself, which is 20 MB of a fit of a million rows; and `--memory` is a promise.
"""

from __future__ import annotations

import os
import sys

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

#: Is this process emcli's own, and not a program that uses it?
ours = False


def give_back() -> None:
    """Give free memory back to the system, which keeps it among arrays that stay; in a process of
    emcli's own all of the heap, elsewhere Arrow's."""
    if "pyarrow" in sys.modules:
        import pyarrow as pa

        pa.default_memory_pool().release_unused()


def prepare() -> None:
    """Make this process emcli's own: BLAS on one thread, here and in its children.

    Not where NumPy is here already: a program has it that calls the command line, and BLAS would
    keep its threads whatever the environment says.
    """
    global ours
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if "numpy" not in sys.modules:
        ours = True
        os.environ |= dict.fromkeys(_THREADS, "1")
