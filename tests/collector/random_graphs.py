"""Random networks made of parts, in which some filters repeat others, are dead, or are sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.collector.planted import copy_filter, kill_filter, mix_filter, with_seeded_weights

if TYPE_CHECKING:
    from collections.abc import Callable


class Growing:
    """A network that grows part by part, for images of 8 × 8.

    Attributes:
        planted: names of the layers in which one filter is to be a copy of another.
        after: what else is to be done to the weights, once there are any.
    """

    def __init__(self) -> None:
        self.planted: list[str] = []
        self.after: list[Callable[[Any, np.random.Generator], None]] = []

    def conv(
        self, x: Any, width: int, name: str, size: int | tuple[int, int] = 3, **options: Any
    ) -> Any:
        """Add a convolution in which a copy is planted."""
        import keras

        options = {"padding": "same", **options}
        self.planted.append(name)
        return keras.layers.Conv2D(width, size, name=name, **options)(x)

    def chain(self, x: Any, width: int, name: str) -> Any:
        import keras

        layers = keras.layers
        x = self.conv(x, width, name, use_bias=False)
        return layers.LeakyReLU()(layers.BatchNormalization(name=f"{name}_bn")(x))

    def residual(self, x: Any, width: int, name: str) -> Any:
        import keras

        y = self.conv(x, width, name, activation="elu")
        y = keras.layers.Conv2D(x.shape[-1], 1, name=f"{name}_out")(y)
        return keras.layers.Add()([x, y])

    def concatenate(self, x: Any, width: int, name: str) -> Any:
        import keras

        y = self.conv(x, width, name, activation="tanh")
        return keras.layers.Concatenate()([y, x])

    def depthwise(self, x: Any, width: int, name: str) -> Any:
        import keras

        x = keras.layers.DepthwiseConv2D(3, padding="same", name=name)(x)
        return self.conv(x, width, f"{name}_point", 1, activation="elu")

    def excite(self, x: Any, width: int, name: str) -> Any:
        import keras

        layers = keras.layers
        y = layers.GlobalAveragePooling2D(keepdims=True)(x)
        y = layers.Dense(width, activation="tanh", name=name)(y)
        self.planted.append(name)
        y = layers.Dense(x.shape[-1], activation="sigmoid", name=f"{name}_gate")(y)
        return layers.Multiply()([x, y])

    def pool(self, x: Any, _width: int, _name: str) -> Any:
        import keras

        layers = keras.layers
        if min(x.shape[1:3]) < 4:
            return x
        return layers.AveragePooling2D(2)(layers.ZeroPadding2D(1)(x))

    def strided(self, x: Any, width: int, name: str) -> Any:
        strides = 2 if min(x.shape[1:3]) > 3 else 1
        return self.conv(x, width, name, strides=strides, activation="relu")

    def dilated(self, x: Any, width: int, name: str) -> Any:
        fits = "valid" if min(x.shape[1:3]) > 5 else "same"
        return self.conv(x, width, name, dilation_rate=2, padding=fits, activation="silu")

    def valid(self, x: Any, width: int, name: str) -> Any:
        size = (3, 2) if min(x.shape[1:3]) > 3 else 1
        return self.conv(x, width, name, size, padding="valid", activation="selu")

    def upsampled(self, x: Any, width: int, name: str) -> Any:
        import keras

        x = keras.layers.UpSampling2D(2, interpolation="bilinear")(x)
        return self.conv(x, width, name, strides=2, activation="softplus")

    def transposed(self, x: Any, width: int, name: str) -> Any:
        import keras

        layers = keras.layers
        x = layers.Conv2DTranspose(width, 3, strides=2, padding="same", name=name)(x)
        self.after.append(lambda model, _: _copy_transposed(model.get_layer(name)))
        return layers.MaxPooling2D(2)(layers.ELU()(x))

    def separable(self, x: Any, width: int, name: str) -> Any:
        import keras

        self.planted.append(name)
        options: dict[str, Any] = {"padding": "same", "depth_multiplier": 2, "activation": "gelu"}
        return keras.layers.SeparableConv2D(width, 3, name=name, **options)(x)

    def bent(self, x: Any, width: int, name: str) -> Any:
        """PReLU with a slope a channel, the copy's slope being that of what it copies."""
        import keras

        x = keras.layers.Conv2D(width, 3, padding="same", name=name)(x)
        x = keras.layers.PReLU(shared_axes=(1, 2), name=f"{name}_bent")(x)

        def plant(model: Any, _: np.random.Generator) -> None:
            for layer in (name, f"{name}_bent"):
                copy_filter(model.get_layer(layer), 0, width - 1)

        self.after.append(plant)
        return x

    def normalised(self, x: Any, width: int, name: str) -> Any:
        """What is before a normalisation over channels has to stay."""
        import keras

        x = keras.layers.LayerNormalization(name=f"{name}_norm")(self.conv(x, width, name))
        return self.conv(x, width, f"{name}_then", 1, activation="elu")

    def grouped(self, x: Any, width: int, name: str) -> Any:
        import keras

        layers = keras.layers
        x = layers.GroupNormalization(2)(self.conv(x, 4, name, activation="elu"))
        x = layers.Conv2D(4, 3, groups=2, padding="same", name=f"{name}_grouped")(x)
        return self.conv(x, width, f"{name}_then", 1, activation="elu")

    def shared(self, x: Any, width: int, name: str) -> Any:
        import keras

        layers = keras.layers
        inner = layers.Conv2D(width, 3, padding="same", activation="tanh", name=name)
        outer = layers.Conv2D(x.shape[-1], 1, name=f"{name}_out")
        self.planted.append(name)
        x = layers.Add()([x, outer(inner(x))])
        return layers.Add()([x, outer(inner(x))])

    def nested(self, x: Any, width: int, name: str) -> Any:
        """A model in the model that is called twice, and one without weights called on others."""
        import keras

        layers = keras.layers
        block = [keras.Input((None, None, x.shape[-1]))]
        block += [layers.Conv2D(width, 3, padding="same", name="in"), layers.ELU()]
        block += [layers.Conv2D(x.shape[-1], 1, name="out")]
        nested = keras.Sequential(block, name=name)
        bend = keras.Sequential([keras.Input((None, None, width)), layers.ReLU()])
        x = layers.Add()([x, nested(x), nested(layers.Activation("tanh")(x))])
        both = [bend(self.conv(x, width, f"{name}_{side}")) for side in ("left", "right")]

        def plant(model: Any, _: np.random.Generator) -> None:
            copy_filter(model.get_layer(name).get_layer("in"), 0, width - 1)

        self.after.append(plant)
        return layers.Concatenate()(both)

    def three(self, x: Any, width: int, name: str) -> Any:
        import keras

        sides = [self.conv(x, width, f"{name}_{side}", side) for side in (1, 2, 3)]
        total = keras.layers.Add()(sides)
        return keras.layers.Activation("elu")(total) if width % 2 else total

    def extremes(self, x: Any, width: int, name: str) -> Any:
        import keras

        layers = keras.layers
        a, b, c = (self.conv(x, width, f"{name}_{side}", side) for side in (1, 2, 3))
        x = layers.Maximum()([a, layers.Minimum()([b, c])])
        return layers.Average()([layers.Subtract()([x, b]), c])

    def doubled(self, x: Any, width: int, name: str) -> Any:
        import keras

        x = self.conv(x, width, name, activation="elu")
        return keras.layers.Concatenate()([x, keras.layers.ReLU()(-x), x])

    def gated(self, x: Any, width: int, name: str) -> Any:
        """One gate for all channels, and one number of an image for each."""
        import keras

        layers = keras.layers
        x = self.conv(x, width, name, activation="elu")
        x = layers.Multiply()([x, layers.Conv2D(1, 1, activation="sigmoid", name=f"{name}_g")(x)])
        vector = layers.Dense(width, name=f"{name}_v")(layers.GlobalMaxPooling2D()(x))
        return layers.Add()([x, layers.Reshape((1, 1, width))(vector)])

    def dense(self, x: Any, width: int, name: str) -> Any:
        import keras

        self.planted.append(name)
        return keras.layers.Dense(width, activation="mish", name=name)(x)

    def turned(self, x: Any, width: int, name: str) -> Any:
        import keras

        layers = keras.layers
        x = self.conv(x, width, name, activation="elu")
        y = layers.Reshape((x.shape[1] * x.shape[2], width))(x)
        y = layers.Permute((2, 1))(layers.Permute((2, 1))(y))
        return layers.Reshape(x.shape[1:])(y)

    def constant(self, x: Any, width: int, name: str) -> Any:
        """A filter that always says the same, and a dead one; the next convolution pads."""
        import keras

        x = keras.layers.Conv2D(width + 1, 3, padding="same", activation="elu", name=name)(x)
        x = self.conv(x, width, f"{name}_then", activation="elu")

        def plant(model: Any, _: np.random.Generator) -> None:
            layer = model.get_layer(name)
            kill_filter(layer, width)
            kernel, bias = layer.get_weights()
            kernel[..., 0], bias[0] = 0.0, 0.7
            layer.set_weights([kernel, bias])

        self.after.append(plant)
        return x

    def affine(self, x: Any, width: int, name: str) -> Any:
        """A filter that is another one's, twice, and a constant more; without any activation."""
        import keras

        fits = "valid" if width % 2 and min(x.shape[1:3]) > 3 else "same"
        x = keras.layers.Conv2D(width, 3, padding="same", name=name)(x)
        x = self.conv(x, width, f"{name}_then", padding=fits, activation="elu")

        def plant(model: Any, _: np.random.Generator) -> None:
            layer = model.get_layer(name)
            copy_filter(layer, 0, width - 1, 2.0)
            kernel, bias = layer.get_weights()
            bias[-1] += 0.5
            layer.set_weights([kernel, bias])

        self.after.append(plant)
        return x

    def mixed(self, x: Any, width: int, name: str) -> Any:
        """A filter that is a sum of all others, after a normalisation that has no scale."""
        import keras

        layers = keras.layers
        x = layers.Conv2D(width + 1, 3, padding="same", use_bias=False, name=name)(x)
        x = layers.BatchNormalization(scale=False, center=width % 2 > 0, name=f"{name}_bn")(x)

        def plant(model: Any, generator: np.random.Generator) -> None:
            shares = generator.uniform(-1, 1, width).tolist()
            mix_filter(model.get_layer(name), range(width), shares, width)

        self.after.append(plant)
        return self.conv(layers.AveragePooling2D(2, 1)(x), width, f"{name}_then", activation="elu")

    def softmaxed(self, x: Any, width: int, name: str) -> Any:
        return self.conv(self.conv(x, width, name, activation="softmax"), width, f"{name}_then")


EASY = ("chain", "residual", "concatenate", "depthwise", "excite", "pool")
PARTS = (
    *EASY, "strided", "dilated", "valid", "upsampled", "transposed", "separable", "bent",
    "normalised", "grouped", "shared", "nested", "three", "extremes", "doubled", "gated", "dense",
    "turned", "constant", "affine", "mixed", "softmaxed",
)  # fmt: skip


def random_model(parts: list[str], widths: list[int], seed: int, end: str = "flat") -> Any:
    """A network of some parts one after the other, each with a planted copy or a dead filter.

    Args:
        parts: of :data:`PARTS`.
        widths: of the stem, and of each part.
        seed: settles the weights, and which filters are copies.
        end: flat, mean or largest.
    """
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    growing = Growing()
    x = growing.conv(inputs, widths[0], "stem", activation="elu")
    for index, (part, width) in enumerate(zip(parts, widths[1:], strict=True)):
        x = getattr(growing, part)(x, width, f"p{index}")
    if end == "flat":
        x = layers.Flatten()(x)
    elif end == "mean":
        x = layers.GlobalAveragePooling2D()(x)
    else:
        x = layers.GlobalMaxPooling2D()(x)
    model = keras.Model(inputs, layers.Dense(3, name="end")(x), name="random")
    with_seeded_weights(model, seed)
    generator = np.random.default_rng(seed)
    for name in growing.planted:
        layer = model.get_layer(name)
        source, target = generator.choice(layer.weights[-1].shape[-1], 2, replace=False)
        copy_filter(layer, int(source), int(target))
        if f"{name}_bn" in [one.name for one in model.layers]:
            copy_filter(model.get_layer(f"{name}_bn"), int(source), int(target))
    for plant in growing.after:
        plant(model, generator)
    return model


def _copy_transposed(layer: Any) -> None:
    kernel, bias = layer.get_weights()
    kernel[:, :, -1], bias[-1] = kernel[:, :, 0], bias[0]
    layer.set_weights([kernel, bias])
