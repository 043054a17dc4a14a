"""Entry point of ``python -m reactcnn_dash``."""

import gc

# Nothing that is made while modules are loaded goes again: looking for garbage among it costs time.
gc.disable()

from reactcnn_dash.cli import main  # noqa: E402

gc.enable()

if __name__ == "__main__":
    raise SystemExit(main())
