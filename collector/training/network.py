"""The network that is trained, and one step of its training."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from collector.frameworks.keras import vgg16
from collector.frameworks.keras.capture import scaled
from collector.frameworks.keras.convolution import worthwhile
from collector.frameworks.keras.flatten import layers_within
from collector.frameworks.keras.models import load_model
from collector.frameworks.keras.network import understand
from collector.frameworks.precision import decide, processor_flags, rates_in_turn, units
from collector.frameworks.reading import Reading
from collector.frameworks.scaling import SCALINGS
from collector.packaged import CLASSES
from collector.request import DEFAULT_PIXEL_RANGE
from collector.training.checkpoints import TrainingError
from collector.training.quicker import quicker
from reactcnn_dash.db import BFLOAT16, FLOAT32

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from collector.frameworks.keras.network import Network
    from collector.frameworks.precision import Choice
    from collector.images import Shape

MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
TEMPERATURE = 4.0
"""By which answers are softened, so that a teacher says how alike the other classes are."""
TAUGHT = 0.9
"""Share of the loss that a teacher's answers have; labels have the rest."""
_LEAST_PROBABILITY = 1e-7
_REWRITING = "auto_mixed_precision_onednn_bfloat16"


def untrained(classes: int) -> Any:
    """Return the VGG-16 of the package with new weights and so many outputs."""
    model = vgg16.architecture()
    if classes == len(CLASSES):
        return model
    output = keras.layers.Dense(classes, activation="softmax", name="predictions")(
        model.get_layer("dropout").output
    )
    return keras.Model(model.inputs, output, name="vgg16")


def loaded(spec: str, size: tuple[int, int] | None) -> Network:
    """Return a model to go on from.

    Args:
        spec: what ``load_model`` takes.
        size: (height, width) of the images, for a model that takes any; ``None`` where they vary.

    Raises:
        ModelError: it cannot be loaded or watched.
        TrainingError: it cannot be trained here.
    """
    network = understand(load_model(spec), size)
    if network.channels_first or network.reading is not Reading.AS_IS:
        raise TrainingError(f"{spec}: only models that end in a softmax, channels last, train.")
    return network


def check_trainable(model: Any) -> None:
    """Refuse a model of which nothing would be trained.

    Raises:
        TrainingError: all of its layers are frozen.
    """
    if not model.trainable_variables:
        raise TrainingError(
            f"all layers of {model.name} are frozen; set trainable = True for those to train, and "
            "save it again."
        )


def with_optimizer(model: Any) -> Any:
    """Return a model what :meth:`keras.Model.save` keeps of its training."""
    optimizer = keras.optimizers.SGD(0.0, momentum=MOMENTUM, nesterov=True)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    optimizer.build(model.trainable_variables)
    return model


def restored(path: Path) -> Any:
    """Return a model with the state of its optimizer.

    Raises:
        TrainingError: the file is damaged.
    """
    try:
        model = keras.saving.load_model(path, compile=True, safe_mode=True)
        iterations = int(model.optimizer.iterations)
    except Exception as error:
        # Keras raises whatever a damaged file makes Python raise.
        raise TrainingError(
            f"{path} cannot be loaded; delete it, and --resume goes on from the one before."
        ) from error
    if not iterations:
        raise TrainingError(f"{path} has no state of an optimizer; begin anew with --from {path}.")
    return model


def teacher(spec: str | None, model: Any, shape: Shape) -> Network | None:
    """Return the network that a model learns from, None for none.

    Args:
        spec: what ``load_model`` takes.
        model: what learns.
        shape: (H, W, C) of the images that it is given.

    Raises:
        ModelError: it cannot be loaded or watched.
        TrainingError: it does not take the same images and answer with as many classes.
    """
    if spec is None:
        return None
    found = loaded(spec, shape[:2])
    outputs = found.loaded.model.output_shape
    if found.image_shape != shape or outputs != model.output_shape:
        raise TrainingError(
            f"{spec} cannot teach {model.name}: it takes other images or has other classes."
        )
    return found


class Step:
    """One step of SGD with Nesterov's momentum and L2 decay of the kernels, compiled.

    With a teacher the loss is mostly the divergence of the model's softened answers from the
    teacher's to the very same images, and the cross-entropy of the labels has the rest (Hinton,
    Vinyals & Dean 2015, "Distilling the knowledge in a neural network"; Beyer et al. 2022,
    "Knowledge distillation: a good teacher is patient and consistent").

    Args:
        model: ends in a softmax, compiled.
        teacher: likewise; it is not changed.
        scaling: key of ``SCALINGS``, what both want of pixel values.
        precision: what is multiplied in both directions, ``float32`` or ``bfloat16``; weights,
            their changes, the loss and the settling of running statistics are float32 in any case
            (Kalamkar et al. 2019, "A study of BFLOAT16 for deep learning training").
    """

    def __init__(
        self,
        model: Any,
        teacher: Any = None,
        precision: str = FLOAT32,
        scaling: str = DEFAULT_PIXEL_RANGE,
    ) -> None:
        self._model, self._teacher, self._precision = model, teacher, precision
        self._scaling = SCALINGS[scaling]
        # Of separable convolutions, too: depthwise_kernel, pointwise_kernel.
        self._kernels = [v for v in model.trainable_variables if v.path.endswith("kernel")]
        self._chances = [v for v in model.variables if v.path.endswith("seed_generator_state")]
        self._function = tf.function(self._step, autograph=False, reduce_retracing=True)
        # A layer whose momentum is 1 keeps its statistics.
        self._norms = [
            layer
            for layer in layers_within(model)
            if isinstance(layer, keras.layers.BatchNormalization)
            and layer.momentum < 1.0
            # It has running statistics of its own, from which it makes these.
            and not getattr(layer, "renorm", False)
        ]
        self._look = tf.function(self._forward, autograph=False, reduce_retracing=True)

    def seed(self, seed: int, epoch: int) -> None:
        """Settle an epoch's dropout; Keras does not save where its chance stands."""
        for index, state in enumerate(self._chances):
            state.assign(np.random.SeedSequence([seed, epoch, index]).generate_state(2))

    def __call__(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64], rate: float
    ) -> tuple[float, int]:
        """Train on (B, H, W, C) images; returns their mean cross-entropy and how many were right.

        Raises:
            TrainingError: the loss is no longer finite.
        """
        self._model.optimizer.learning_rate.assign(rate)
        with _multiplying(self._precision):
            loss, right = self._function(tf.constant(images), tf.constant(labels))
        value = float(loss)
        if value - value != 0:
            raise TrainingError("the loss is not finite any more; use a lower --learning-rate.")
        return value, int(right)

    def settle(self, batches: Iterable[NDArray[np.uint8]]) -> None:
        """Bring the running statistics of batch normalisation up to the weights as they are.

        Between steps they are those of other weights, and while the rate is high a checkpoint would
        look far worse than it is: 44 % right instead of 57 % after the first epoch of the VGG-16.
        Weights stay as they are. The statistics become the plain mean of those of the batches,
        whatever a layer's momentum (Wu & Johnson 2021, "Rethinking 'Batch' in BatchNorm",
        section 3): of few batches a running mean would still be mostly what it was before.

        Args:
            batches: (B, H, W, C) images each.
        """
        statistics = [
            (one, layer.momentum)
            for layer in self._norms
            for one in (layer.moving_mean, layer.moving_variance)
        ]
        if not statistics:
            return
        means = [np.zeros(one.shape) for one, _ in statistics]
        for number, images in enumerate(batches, start=1):
            before = [one.numpy().astype(np.float64) for one, _ in statistics]
            self._look(tf.constant(images))
            for index, (one, momentum) in enumerate(statistics):
                # What a batch has is told from what it moved; a layer that is frozen moved nothing.
                has = (one.numpy() - momentum * before[index]) / (1.0 - momentum)
                means[index] += (has - means[index]) / number
                one.assign(means[index])

    def _forward(self, images: Any) -> Any:
        return self._model(scaled(images, self._scaling), training=True)

    def _step(self, images: Any, labels: Any) -> tuple[Any, Any]:
        model, teacher = self._model, self._teacher
        with tf.GradientTape() as tape, ExitStack() as stack:
            for one in filter(None, (model, teacher)):
                fewer = self._precision == FLOAT32 and worthwhile(one.count_params())
                stack.enter_context(quicker(one, convolutions=fewer))
            given = scaled(images, self._scaling)
            # A model of mixed precision may end in fewer digits.
            outputs = tf.cast(model(given, training=True), tf.float32)
            losses = keras.losses.sparse_categorical_crossentropy(labels, outputs)
            loss = aim = tf.reduce_mean(losses)
            if teacher is not None:
                said = tf.cast(teacher(given, training=False), tf.float32)
                aim = (1 - TAUGHT) * loss + TAUGHT * _divergence(said, outputs)
            shares = [tf.nn.l2_loss(kernel.value) for kernel in self._kernels]
            total = tf.add_n([aim, *(WEIGHT_DECAY * one for one in shares)])
        weights = model.trainable_variables
        gradients = tape.gradient(total, [weight.value for weight in weights])
        model.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        right = tf.reduce_sum(tf.cast(tf.argmax(outputs, 1) == labels, tf.int32))
        return loss, right


def choose_precision(
    model: Any, teacher: Any, scaling: str, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> Choice:
    """Choose the precision of a training by some steps in each, in turn, of a copy of the model.

    Args:
        model: ends in a softmax; it is not changed.
        teacher: what it learns from, if any.
        scaling: see :class:`Step`.
        images: (B, H, W, C) of a batch.
        labels: (B,) theirs.

    Raises:
        TrainingError: the loss is not finite.
    """
    flags = processor_flags()
    if not units(flags):
        return decide(flags, None, len(images))
    single, brief = (_trial(model, teacher, one, scaling) for one in (FLOAT32, BFLOAT16))
    rates = rates_in_turn(
        lambda: single(images, labels, 0.0), lambda: brief(images, labels, 0.0), len(images)
    )
    return decide(flags, rates, len(images))


def _trial(model: Any, teacher: Any, precision: str, scaling: str) -> Step:
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return Step(with_optimizer(copy), teacher, precision, scaling)


@contextmanager
def _multiplying(precision: str) -> Iterator[None]:
    """Compute what is called meanwhile in a precision, by TensorFlow's own rewriting of graphs.

    It asks what it shall rewrite at each call, so that nothing else is touched, such as the runs
    that are collected between epochs.
    """
    if precision != BFLOAT16:
        yield
        return
    tf.config.optimizer.set_experimental_options({_REWRITING: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_REWRITING: False})


def _divergence(said: Any, outputs: Any) -> Any:
    """Mean divergence of softened probabilities from those that were said, (B, K) each.

    The square of the temperature keeps gradients as large as those of hard labels.
    """
    softened = [
        tf.nn.log_softmax(tf.math.log(tf.maximum(one, _LEAST_PROBABILITY)) / TEMPERATURE)
        for one in (said, outputs)
    ]
    each = tf.reduce_sum(tf.exp(softened[0]) * (softened[0] - softened[1]), axis=1)
    return TEMPERATURE**2 * tf.reduce_mean(each)
