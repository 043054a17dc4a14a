"""A module as a graph, by ``torch.export``, with what is stored of its taps appended."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx import GraphModule

from collector.frameworks.torch.reducing import reduced
from collector.frameworks.torch.taps import (
    CONVOLUTIONS,
    find_places,
    is_constant,
    mark_constants,
    operation,
    plain_path,
    unwatched,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn
    from torch.fx import Node

    from collector.frameworks.torch.taps import StoreAddress, Tap


_DENSE = frozenset({"linear", "addmm"})
_BRIEF = CONVOLUTIONS | _DENSE


class NotExported(Exception):
    """A module cannot be exported; the text says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """A module's program.

    Attributes:
        program: the program, functional: nothing in it is computed in place.
        places: where its taps are.
        output: which of its results is the classes'.
        entering: the nodes that the first convolutions take, the image itself left out.
    """

    program: torch.export.ExportedProgram
    places: tuple[StoreAddress, ...]
    output: int
    entering: tuple[Node, ...]

    @property
    def taps(self) -> tuple[Tap, ...]:
        """What is watched."""
        return tuple(place.tap for place in self.places)

    @property
    def unwatched(self) -> int:
        """Number of calls of convolutions that are not watched."""
        return unwatched(self.program.graph, self.places)

    def with_reduced(self, *, maps: bool, brief: bool = False) -> GraphModule:
        """Return a graph that gives the output and, for each tap, what is stored of it.

        Args:
            maps: whether feature maps are wanted.
            brief: whether what :meth:`in_bfloat16` names multiplies in bfloat16.
        """
        graph, nodes = self._copied()
        for node in self.in_bfloat16() if brief else ():
            copied = nodes[node]
            copied.args = (copied.target, *copied.args)
            copied.target = _briefly
        results = []
        for place in self.places:
            last = nodes[place.last]
            with graph.inserting_after(last):
                tap = place.tap
                given = (last, tap.channels_last, tap.never_negative, maps)
                results.append(graph.call_function(reduced, given))
        return self._ending_in(graph, nodes, results)

    def with_values(self, wanted: Sequence[Node]) -> GraphModule:
        """Return a graph that gives the output and the values of some nodes."""
        graph, nodes = self._copied()
        return self._ending_in(graph, nodes, [nodes[node] for node in wanted])

    def in_bfloat16(self) -> list[Node]:
        """Return the nodes that can be computed in bfloat16.

        Convolutions and dense layers but for those of the image itself, whose rounding would be in
        all that follows, and the last dense one, whose results are not averaged over anything.
        """
        convolutions = {place.convolution for place in self.places}
        first = {place.convolution for place in self.places if not _before(place, convolutions)}
        last = _results(self.program)[self.output]
        while operation(last) not in _BRIEF and len(last.all_input_nodes) == 1:
            last = last.all_input_nodes[0]
        ends = first | ({last} if operation(last) in _DENSE else set())
        return [
            node
            for node in self.program.graph.nodes
            if operation(node) in _BRIEF
            and node not in ends
            and node.meta["val"].dtype == torch.float32
        ]

    def bound(self, module: nn.Module) -> list[Any]:
        """Return what its graphs take before the images: the weights that the module has now.

        Raises:
            NotExported: the module no longer has one of them.
        """
        values: list[Any] = []
        for spec in self.program.graph_signature.input_specs:
            target = spec.target or ""
            if spec.kind is InputKind.USER_INPUT:
                continue
            try:
                if spec.kind is InputKind.PARAMETER:
                    values.append(module.get_parameter(target))
                elif spec.kind is InputKind.BUFFER:
                    values.append(module.get_buffer(target))
                else:
                    values.append(self.program.constants[target])
            except (AttributeError, KeyError) as error:
                raise NotExported(f"{target} is gone") from error
        return values

    def kernels(self, module: nn.Module) -> list[torch.Tensor | None]:
        """Return the kernel of each tap's convolution as it is now, as the convolution takes it.

        ``None`` where it depends on the image.
        """
        graph, nodes = self._copied()
        wanted = [place.convolution.args[1] for place in self.places]
        known = [one for one in wanted if isinstance(one, torch.fx.Node) and is_constant(one)]
        graph.output(tuple(nodes[one] for one in known))
        # Also what torch keeps for its chance: there are no images that it could be given.
        for node in reversed(graph.nodes):
            if node.op == "call_function" and not node.users:
                graph.erase_node(node)
        made = GraphModule(self.program.graph_module, graph)
        with torch.no_grad():
            values = dict(zip(known, made(*self.bound(module), None), strict=True))
        return [values.get(one) if isinstance(one, torch.fx.Node) else None for one in wanted]

    def last_operation(self) -> str:
        """Return what the output went through last, shapes apart."""
        node = _results(self.program)[self.output]
        while operation(node) in {"_to_copy", "clone", "flatten", "reshape", "squeeze", "view"}:
            node = node.all_input_nodes[0]
        return operation(node)

    def _copied(self) -> tuple[torch.fx.Graph, dict[Node, Node]]:
        graph, nodes = torch.fx.Graph(), dict[Any, Any]()
        graph.graph_copy(self.program.graph, nodes)
        return graph, nodes

    def _ending_in(
        self, graph: torch.fx.Graph, nodes: dict[Node, Node], results: Sequence[Node]
    ) -> GraphModule:
        graph.output((nodes[_results(self.program)[self.output]], tuple(results)))
        graph.eliminate_dead_code()
        return GraphModule(self.program.graph_module, graph)


def _briefly(target: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Carry out an operation with bfloat16 for float32; its result is float32 again."""
    brief = [one.bfloat16() if isinstance(one, torch.Tensor) else one for one in args]
    result: torch.Tensor = target(*brief, **kwargs)
    return result.float()


def exported(module: nn.Module, images: torch.Tensor, output: int) -> Exported:
    """Export a module that is in inference mode, for any number of images.

    Args:
        module: the module.
        images: (B, C, H, W), B ≥ 2, as it takes them.
        output: which of what it returns is the classes'.

    Raises:
        NotExported: it cannot be.
    """
    try:
        with _silent():
            batch = torch.export.Dim("batch")
            program = torch.export.export(
                module, (images,), dynamic_shapes=({0: batch},), strict=False
            )
            program = program.run_decompositions({})
    except Exception as error:
        # Whatever the module's own code, and what follows it through that code, may raise.
        raise NotExported(_why(error)) from error
    given = [spec.kind for spec in program.graph_signature.input_specs]
    known = {
        InputKind.USER_INPUT,
        InputKind.PARAMETER,
        InputKind.BUFFER,
        InputKind.CONSTANT_TENSOR,
    }
    if given.count(InputKind.USER_INPUT) != 1 or not known.issuperset(given):
        raise NotExported("its program takes more than weights and images")
    weights = _weights(program)
    mark_constants(program.graph, weights)
    leaves = frozenset(
        plain_path(path)
        for path, one in module.named_modules()
        if next(one.children(), None) is None
    )
    (images_of,) = (
        node for node in program.graph.find_nodes(op="placeholder") if node not in weights
    )
    places = tuple(find_places(program.graph, leaves, weights, images_of))
    if not _results(program)[output : output + 1]:
        raise NotExported("its program gives something else than the module")
    return Exported(program, places, output, _entering(places))


@contextmanager
def _silent() -> Iterator[None]:
    """Without what torch logs of programs that it cannot export: the one line says it."""
    known = logging.root.manager.loggerDict.items()
    loggers = [one for name, one in known if name.split(".")[0] == "torch"]
    heard = [one for one in loggers if isinstance(one, logging.Logger) and not one.disabled]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for one in heard:
                one.disabled = True
            yield
        finally:
            for one in heard:
                one.disabled = False


def _weights(program: torch.export.ExportedProgram) -> dict[Node, str]:
    """Return the nodes that bring weights in, and the paths of those weights."""
    weights = {}
    specs = program.graph_signature.input_specs
    nodes = program.graph.find_nodes(op="placeholder")
    for node, spec in zip(nodes, specs, strict=True):
        if spec.kind is not InputKind.USER_INPUT:
            weights[node] = spec.target or ""
    return weights


def _results(program: torch.export.ExportedProgram) -> list[Any]:
    """Return the nodes of what the module returns; what it writes into its buffers is left out."""
    (returned,) = program.graph.output_node().args
    specs = program.graph_signature.output_specs
    assert isinstance(returned, tuple | list)
    return [
        node
        for node, spec in zip(returned, specs, strict=True)
        if spec.kind is OutputKind.USER_OUTPUT
    ]


def _entering(places: Sequence[StoreAddress]) -> tuple[Node, ...]:
    convolutions = {place.convolution for place in places}
    first = [place.convolution for place in places if not _before(place, convolutions)]
    nodes = [one.all_input_nodes[0] for one in first]
    return tuple(dict.fromkeys(node for node in nodes if node.op != "placeholder"))


def _before(place: StoreAddress, convolutions: set[Node]) -> bool:
    """Return whether a convolution comes before this one."""
    seen, waiting = set[Any](), list(place.convolution.all_input_nodes)
    while waiting:
        node = waiting.pop()
        if node in convolutions:
            return True
        if node not in seen:
            seen.add(node)
            waiting.extend(node.all_input_nodes)
    return False


def _why(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 160 else f"{text[:160]}…"
