"""What the filter page says about itself: the figures, their formulas and the keys."""

from __future__ import annotations

from typing import Final

from reactcnn_dash.pages.help import Help
from reactcnn_dash.results.filters.facts import POINTS
from reactcnn_dash.results.filters.sample import SAMPLE

SHORTCUTS: Final = (
    ("← →", "previous and next filter of the layer"),
    ("L", "this filter on the live page, pinned"),
    ("C", "copy the filter's address"),
    ("O", "images with or without the feature map"),
    ("Tab, then Enter", "walk through images, neighbours and runs, and open one"),
)

CONCEPTS: Final = (
    (
        "What drives it",
        "The images of the run on which the filter's GAP is highest, over all stored images and "
        "by class. An image keeps its light where the feature map is high; an image whose map "
        "is not stored stands alone. Images that leave the filter at its lowest value are not "
        "shown: they do not drive it.",
    ),
    (
        "Where it looks",
        "The same images, each cut to the receptive field of the place where the filter's map is "
        "largest: all that this place can see.",
    ),
    (
        "Class of an image",
        "Its label; what the network predicted, where it has none.",
    ),
    (
        "Values by class",
        "A histogram of the filter's GAP for each class, over a fixed sample of at most "
        f"{SAMPLE:,} images of the run, and a mark at the mean. All classes share the axis; each "
        "has its own height.",
    ),
    (
        "Selectivity",
        "(μ_max − μ_rest) / (|μ_max| + |μ_rest|): the mean of the favourite class against the "
        "mean of the other classes' means (Morcos et al. 2018). 0 is a filter that does not "
        "care, 1 one that answers to a single class.",
    ),
    (
        "Nearest filters",
        "Pearson's r of GAP with the other filters of the layer over all images, with Fisher's "
        "95 % interval tanh(artanh r ± 1.96 / √(n − 3)). The most opposite are those with the "
        f"lowest r below 0. The scatter shows both filters on up to {POINTS} images.",
    ),
    (
        "Kernel",
        "With up to four input channels the weights themselves: as a colour picture in which "
        "grey is 0, and channel by channel. Otherwise the root of the sum of squares over the "
        "channels, and the channels with the largest norm. They are linked to the layer before "
        "where that has as many filters as there are channels: between them there may still be "
        "a pooling, or the addition of a shortcut.",
    ),
    (
        "Across checkpoints",
        "Mean GAP ± its standard deviation, and the lowest and highest value, in each run of the "
        "experiment, or else in the runs of this model over the same images. An open circle is "
        "a filter that is dead (always 0) or constant there.",
    ),
)

HELP: Final = Help(CONCEPTS, SHORTCUTS)
