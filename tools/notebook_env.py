"""The one environment in which notebooks run, when their outputs are stored and when they are compared.

Only what nbval does not compare may differ: when stored, pictures have twice the pixels (`tools/pictures.py`).

`tools/execute.py` imports it; everything else runs a command in it:

    python tools/notebook_env.py python -m pytest --nbval book/
"""

from __future__ import annotations

import os
import sys

SETTINGS = {
    "D2LCNN_FAST": "1",
    # One thread and no accelerator, so that sums are taken in the same order everywhere.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONHASHSEED": "0",
    # A caller's own backend (Agg, say) would leave the figures out.
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # The kernel of this environment, even where the user has a `python3` of their own.
    "JUPYTER_PREFER_ENV_PATH": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
# What a page shows must not depend on the data sets that happen to lie on one machine.
REMOVED = ("D2LCNN_DATA",)


def notebook_environment() -> dict[str, str]:
    """Give this process's environment variables with the notebooks' settings put over them."""
    kept = {name: value for name, value in os.environ.items() if name not in REMOVED}
    return {**kept, **SETTINGS}


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python tools/notebook_env.py COMMAND [ARGUMENT…]")
    os.execvpe(sys.argv[1], sys.argv[1:], notebook_environment())
