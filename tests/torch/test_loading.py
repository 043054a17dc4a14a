"""The command line: a factory, its weights, and what is wrong with them in one line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from collector.cli import main
from collector.errors import ModelError
from collector.frameworks.protocol import Asked
from collector.frameworks.torch.loading import load_module
from collector.frameworks.torch.network import understand
from reactcnn_dash.db import StoreReader
from tests.torch.networks import trained, vgg

if TYPE_CHECKING:
    from numpy.typing import NDArray

FACTORIES = """
import torch
from tests.torch import networks

def build():
    return networks.vgg()

def wide():
    return networks.vgg(9)

def wrapped():
    return torch.nn.DataParallel(networks.vgg())

def needy(classes, *, width):
    return networks.vgg(classes)

def broken():
    raise ValueError("no such thing")

def nothing():
    return {"a": 1}

def lazy():
    conv, fc = torch.nn.LazyConv2d(4, 3), torch.nn.LazyLinear(4)
    return torch.nn.Sequential(conv, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), fc)

def elsewhere():
    return networks.vgg().to("cuda:7")

number = 3
"""


@pytest.fixture
def factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Python module of factories in the folder where the collector runs."""
    (tmp_path / "factories.py").write_text(FACTORIES)
    (tmp_path / "faulty.py").write_text("import nothing_like_it\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("factories", None)
    return "factories"


def test_weights_make_layers_that_no_batch_has_made(factories: str, tmp_path: Path) -> None:
    parts = nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4)
    whole = trained(nn.Sequential(*parts))
    torch.save(whole.state_dict(), tmp_path / "whole.pt")
    module = load_module(f"{factories}:lazy", str(tmp_path / "whole.pt"), trusted=False)
    network = understand(module, Asked(native_shape=(8, 8)), source="test")
    assert [(tap.filters, tap.height) for tap in network.taps] == [(4, 6)]
    with torch.no_grad():
        images = torch.rand(2, 3, 8, 8)
        torch.testing.assert_close(module(images), whole(images))


@pytest.mark.parametrize("kind", ["safetensors", "state_dict.pt", "checkpoint.pth"])
def test_a_run_of_a_factory_and_weights(
    kind: str, factories: str, pixels: NDArray[np.uint8], tmp_path: Path
) -> None:
    module = trained(vgg())
    path = tmp_path / f"weights.{kind}"
    if kind == "safetensors":
        save_file(module.state_dict(), path)
    else:
        state = module.state_dict()
        torch.save({"state_dict": state, "epoch": 3} if "check" in kind else state, path)
    np.savez(tmp_path / "images.npz", images=pixels)
    call = ["--model", f"{factories}:build", "--weights", str(path), "--images", "images.npz"]
    call += ["--pixel-range", "0-1", "--quiet", "--no-scores", "--batch-size", "4"]
    assert main(call) == 0
    reader = StoreReader("reactcnn.db")
    run = reader.run(1)
    assert run.checkpoint.source == f"{factories}:build"
    assert run.options["weights"] == str(path)
    images = torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    with torch.no_grad():
        expected = module(images).softmax(1).numpy()
    for place, probabilities in enumerate(expected):
        np.testing.assert_allclose(reader.image(1, place).probabilities, probabilities, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("factories:needy", r"needs arguments \(classes, width\)"),
        ("factories:broken", "raised ValueError: no such thing"),
        ("factories:nothing", "returned a dict, not a torch.nn.Module"),
        ("factories:elsewhere", "a device that is not there"),
        ("factories:missing", "has no missing"),
        ("factories:number", "is a int, not a function"),
        ("nowhere.at_all:build", "no Python module nowhere"),
        ("faulty:build", "faulty cannot be imported: No module named 'nothing_like_it'"),
    ],
)
def test_factories_that_make_no_model(model: str, says: str, factories: str) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        load_module(model, None, trusted=False)
    assert "\n" not in str(caught.value)


class Payload:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return Path("ran").touch, ()


def _misfit(state: dict[str, Any], how: str) -> Any:
    if how == "prefixed":
        return {f"module.{name}": one for name, one in state.items()}
    if how == "wide":
        return vgg(9).state_dict()
    if how == "others":
        return {f"x{place}": one for place, one in enumerate(state.values())}
    if how == "empty":
        return {"epoch": 1}
    return {**state, "payload": Payload()}


@pytest.mark.parametrize(
    ("model", "how", "says"),
    [
        ("build", "prefixed", "12 keys do not fit .* All begin with 'module.', which DataParallel"),
        ("wrapped", "plain", "12 keys do not fit .* Only 'module.' before them is missing"),
        ("build", "wide", "2 keys do not fit the model: 3.weight is 9 × 48 instead of 4 × 48"),
        ("build", "others", r"12 keys do not fit the model: 0.0.weight is missing; .* and 9 more"),
        ("build", "empty", "holds no state_dict"),
        ("build", "code", "could run code"),
    ],
)
def test_weights_that_do_not_fit(model: str, how: str, says: str, factories: str) -> None:
    state = vgg().state_dict()
    torch.save(state if how == "plain" else _misfit(state, how), "weights.pt")
    with pytest.raises(ModelError, match=says) as caught:
        load_module(f"factories:{model}", "weights.pt", trusted=False)
    assert "\n" not in str(caught.value)
    assert not Path("ran").exists()


def test_whole_models_are_opened_only_where_they_are_trusted(factories: str) -> None:
    module = trained(vgg())
    torch.save(module, "whole.pt")
    program = torch.export.export(module, (torch.rand(2, 3, 16, 16),))
    torch.export.save(program, "whole.pt2")
    for name in ("whole.pt", "whole.pt2"):
        with pytest.raises(ModelError, match=r"can run code when it is opened.*--trusted"):
            load_module(name, None, trusted=False)
        assert isinstance(load_module(name, None, trusted=True), torch.nn.Module)
    Path("text.pt").write_text("nothing")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_module("text.pt", None, trusted=True)
    with pytest.raises(ModelError, match=r"cannot be read|could run code"):
        load_module("factories:build", "text.pt", trusted=False)
    with pytest.raises(ModelError, match="no file"):
        load_module("factories:build", "nowhere.pt", trusted=False)


def test_weights_go_with_a_factory(factories: str, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(vgg().state_dict(), "weights.pt")
    assert main(["--model", "weights.pt", "--images", "sample"]) != 0
    assert "--model package.module:factory" in capsys.readouterr().err
