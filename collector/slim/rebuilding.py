"""The slimmed network as a Keras model of its own, of the same kind and layers as the whole one.

The model's configuration is taken, numbers of filters and units are changed in it, and Keras makes
a model of it again. So what is written needs nothing but Keras, and nested and shared models stay
what they are.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import keras

from collector.frameworks.keras.flatten import flatten, is_graph
from collector.slim.channels import is_maker, operations_of
from collector.slim.executing import prove_same, whole_outputs
from collector.slim.layers import narrow_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.frameworks.keras.flatten import Call
    from collector.slim.slimmed import Slimmed


def rebuild(model: Any, slimmed: Slimmed, name: str) -> Any:
    """Make a model.

    Args:
        model: the whole network; it is not changed.
        slimmed: its narrower layers.
        name: the new model's name.

    Returns:
        A built and uncompiled ``keras.Model`` with the input and output shapes of ``model``.
    """
    config = copy.deepcopy(model.get_config())
    _Config(slimmed).narrow(model, config, ())
    config["name"] = name
    result = type(model).from_config(config)
    _set_weights(model, result, slimmed)
    return result


def prove(model: Any, slimmed: Slimmed, value: Any) -> None:
    """Make sure that a model gives what the slimmed network gives.

    Args:
        model: what :func:`rebuild` made, or a file of it loaded again.
        slimmed: the slimmed network.
        value: some images as the network's input.

    Raises:
        ModelError: it does not; nothing should be written.
    """
    graph = flatten(model, slimmed.graph.input.shape[1:])
    expected = whole_outputs(slimmed.graph, value, slimmed.substitutes())
    what = "the narrower model does not give what was measured"
    for one, other in zip(graph.evaluate(value, graph.outputs), expected, strict=True):
        prove_same(one, other, what)


class _Config:
    """Narrows the configuration of a model and of all that is nested in it."""

    def __init__(self, slimmed: Slimmed) -> None:
        self._slimmed = slimmed
        self._calls: dict[tuple[tuple[str, ...], str], Call] = {}
        for call in slimmed.graph.calls:
            name = getattr(call.operation, "name", "")
            self._calls.setdefault((call.path, name), call)

    def narrow(self, model: Any, config: dict[str, Any], path: tuple[str, ...]) -> None:
        config.pop("build_input_shape", None)
        inside = operations_of(model)
        for entry in config["layers"]:
            # Shapes that layers were built with are those of the whole network.
            entry.pop("build_config", None)
            entry.pop("compile_config", None)
            name = _name_of(entry)
            operation = inside[name]
            if is_graph(operation):
                self.narrow(operation, entry["config"], (*path, name))
            elif isinstance(operation, keras.layers.InputLayer):
                if path:
                    self._narrow_input(config, entry["config"], path)
            elif (call := self._calls.get((path, name))) is not None:
                self._narrow_layer(call, entry["config"])

    def _narrow_layer(self, call: Call, config: dict[str, Any]) -> None:
        layer = call.operation
        if is_maker(layer):
            _, made = self._slimmed.masks(call)
            changed = narrow_config(layer, int(made.sum()))
            name = "units" if "units" in changed else "filters"
            config[name] = changed[name]
        elif isinstance(layer, keras.layers.Reshape) and self._slimmed.touched(call.outputs[0]):
            config["target_shape"] = list(self._slimmed.shape(call.outputs[0])[1:])

    def _narrow_input(
        self, model: dict[str, Any], config: dict[str, Any], path: tuple[str, ...]
    ) -> None:
        """Return a nested model's input the width of what it is called with."""
        tensor = self._outer(model, config["name"], path)
        if tensor is None:
            return
        axis = self._slimmed.channels.of(tensor).position
        shape = list(config["batch_shape"])
        # What the model says of other axes stays: it may take maps of any size.
        if shape[axis] is not None:
            shape[axis] = self._slimmed.shape(tensor)[axis]
        config["batch_shape"] = shape

    def _outer(self, model: dict[str, Any], name: str, path: tuple[str, ...]) -> Any:
        """Return the tensor of the flat graph that stands for a nested model's input."""
        for entry, position in _users(model, name):
            own = _name_of(entry)
            call = self._calls.get((path, own))
            if call is not None:
                return call.inputs[position]
            nested = entry["config"]
            if "layers" in nested:
                found = self._outer(nested, _input_names(nested)[position], (*path, own))
                if found is not None:
                    return found
        return None


def _name_of(entry: dict[str, Any]) -> str:
    """Name of a layer by its entry in a model's configuration."""
    return str(entry.get("name") or entry["config"]["name"])


def _users(model: dict[str, Any], name: str) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield what takes a model's input by its configuration, and as which of its tensors."""
    layers = model["layers"]
    if "input_layers" not in model:
        names = [_name_of(entry) for entry in layers]
        following = layers[names.index(name) + 1 :]
        if following:
            yield following[0], 0
        return
    for entry in layers:
        for node in entry["inbound_nodes"]:
            for position, source in enumerate(_sources((node["args"], node["kwargs"]))):
                if source == name:
                    yield entry, position


def _sources(part: Any) -> Iterator[str]:
    """Yield the names of the layers whose tensors a serialised call takes, in their order."""
    if isinstance(part, dict):
        if part.get("class_name") == "__keras_tensor__":
            yield part["config"]["keras_history"][0]
            return
        part = [part[key] for key in sorted(part)]
    if isinstance(part, (list, tuple)):
        for one in part:
            yield from _sources(one)


def _input_names(model: dict[str, Any]) -> list[str]:
    if "input_layers" not in model:
        return [_name_of(model["layers"][0])]
    found = model["input_layers"]
    return [found[0]] if isinstance(found[0], str) else [one[0] for one in found]


def _set_weights(model: Any, result: Any, slimmed: Slimmed) -> None:
    narrower = {layer.name: layer for layer in result.layers}
    for layer in model.layers:
        copy_ = narrower[layer.name]
        if is_graph(layer):
            _set_weights(layer, copy_, slimmed)
        elif id(layer) in slimmed.weights:
            copy_.set_weights(slimmed.weights[id(layer)])
        elif layer.weights:
            copy_.set_weights(layer.get_weights())
