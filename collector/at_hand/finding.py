"""Where a run's model is, told without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collector.errors import ModelError
from collector.frameworks.keras.modelfile import check_model
from collector.packaged import CHECKPOINTS

if TYPE_CHECKING:
    from reactcnn_dash.db import Run


def require_file(run: Run) -> None:
    """Refuse a run whose model cannot be at hand, as far as that is told without TensorFlow.

    Raises:
        ModelError: saying what to do.
    """
    source = run.checkpoint.source
    if source in CHECKPOINTS:
        return
    framework = run.options.get("framework", "Keras")
    if framework != "Keras":
        raise ModelError(
            f"the model of run {run.id} is one of {framework}: only Keras models can be asked here."
        )
    if not source.endswith(".keras"):
        raise ModelError(
            f"run {run.id} does not say which file holds its model; collect that file anew, or "
            "give the Keras callback checkpoint=… of the files that it saves."
        )
    if run.options.get("custom") is not None:
        raise ModelError(
            f"the model of run {run.id} needs code of your own (--custom {run.options['custom']}), "
            "which is run when you collect, and never because a store names it."
        )
    if not Path(source).exists():
        raise ModelError(
            f"the model of run {run.id} is not on this machine any more: there is no {source}. Put "
            "the file back there, or collect it anew from where it is now."
        )
    check_model(source)
