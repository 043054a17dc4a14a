"""The Lightning callback, told of a training as Lightning's Trainer tells it."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from collector.torch import lightning_callback
from reactcnn_dash.db import StoreReader
from tests.torch.networks import trained, vgg

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Callback:
    """Lightning's class, which is not needed for anything but being known."""


@pytest.fixture(params=["lightning.pytorch", "pytorch_lightning"])
def package(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of that name, as far as the callback needs it."""
    for name in ("lightning.pytorch", "pytorch_lightning"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    made: Any = types.ModuleType(request.param)
    made.Callback = Callback
    monkeypatch.setitem(sys.modules, request.param, made)
    return str(request.param)


class Whole(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """A module that holds the network, as LightningModules do."""

    def __init__(self) -> None:
        super().__init__()
        self.model = trained(vgg())


def test_runs_of_a_training(package: str, pixels: NDArray[Any], store: str) -> None:
    callback: Any = lightning_callback(
        store, pixels, member="model", every=2, pixel_range="0-1", experiment="mine",
        checkpoint="{epoch}-{loss:.1f}.ckpt",
    )  # fmt: skip
    assert issubclass(type(callback), Callback)
    module = Whole().train()
    trainer = types.SimpleNamespace(is_global_zero=True, current_epoch=0, callback_metrics={})
    callback.on_fit_start(trainer, module)
    for epoch in range(3):
        trainer.current_epoch = epoch
        trainer.callback_metrics = {"loss": torch.tensor(0.5)}
        with torch.no_grad():
            next(module.parameters()).add_(0.01)
        callback.on_train_epoch_end(trainer, module)
        assert module.model.training
    callback.on_fit_end(trainer, module)
    reader = StoreReader(store)
    runs = [reader.run(run) for run in callback.watched.runs]
    assert [run.name for run in runs] == ["mine · epoch 2", "mine · final"]
    assert runs[0].checkpoint.source == "2-0.5.ckpt"


def test_other_processes_collect_nothing(package: str, pixels: NDArray[Any], store: str) -> None:
    callback = lightning_callback(store, pixels, member="model", pixel_range="0-1")
    trainer = types.SimpleNamespace(is_global_zero=False, current_epoch=0, callback_metrics={})
    module = Whole()
    callback.on_fit_start(trainer, module)
    callback.on_train_epoch_end(trainer, module)
    callback.on_fit_end(trainer, module)
    assert callback.watched.runs == []


def test_without_lightning(
    pixels: NDArray[Any], store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match="pip install lightning"):
        lightning_callback(store, pixels)
