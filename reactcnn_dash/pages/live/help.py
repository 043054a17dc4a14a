"""What the live page says about itself: the words, the formulas and the keys."""

from __future__ import annotations

from typing import Final

from reactcnn_dash.analysis import METHODS
from reactcnn_dash.pages.help import Help

METHODS_IN_WORDS: Final = " ".join(f"{one.label}: {one.help}" for one in METHODS.values())

SHORTCUTS: Final = (
    ("Space", "follow live, or pause"),
    ("← →", "previous and next image"),
    ("Home End", "first and newest image"),
    ("M", "next misclassified image"),
    ("O", "next odd image"),
    ("D", "colours by deviation, or by GAP again"),
    ("J", "go to a layer by its name"),
    ("+ - 0", "zoom in and out, and back to what suits the window"),
    ("/", "search in the run"),
    ("B", "what was taken for what, by class"),
    ("N P", "next and previous result of the search"),
    ("Tab, then arrows", "walk through the filters of a layer"),
    ("Enter", "pin the filter's feature map"),
    ("V", "compute the pinned filter's map again, where the image has none"),
    ("W", "what if filters are switched off; close it, and all are on again"),
    ("X", "switch the filter in hand, or the pinned one, off or on again"),
    ("G", "Grad-CAM over the image, or take it off"),
    ("Tab to a pinned map, then arrows", "walk through its cells: what each sees of the image"),
    ("F", "the page of the filter in hand, or of the pinned one"),
    ("A", "all maps of the open layer, or put them away"),
    ("C", "clusters of the layer in focus"),
    ("R", "turn the cluster of the filter in focus red"),
    ("Escape", "clear the red cluster, the pinned filter; close the panel, the search"),
)

CONCEPTS: Final = (
    (
        "Filter and layer",
        "Each column is one convolution layer, each small square one of its filters. "
        "The network runs from left to right. Below a network with branches a line of dots, one a "
        "layer, says what takes what: arcs are skips, and + a sum, × a product, ∪ maps side by "
        "side. Where a network is wider than the window, the whole of it stands in small below.",
    ),
    (
        "GAP",
        "The colour of a square: the spatial mean of what the filter answers to the current "
        "image, after normalisation and activation. More colour is a larger value. "
        "The scale spans all images of the run so far, of the layer or of the whole network.",
    ),
    (
        "Feature map",
        "Where in the image the filter answers. Point at a filter: its map appears above the "
        "layer, and the image on the left keeps its light only where the filter responds.",
    ),
    (
        "Correlation",
        "Pearson's r between the GAP values of two filters over the images of the run. "
        "It settles as more images come. A filter that never varies has none: it is constant, "
        "or dead when it is always 0.",
    ),
    (
        "Cluster",
        "Filters that a method puts together because their r is high. "
        f"{METHODS_IN_WORDS} Read the mean and the lowest r before you call a cluster redundant.",
    ),
    (
        "Deviation",
        "How unusual a filter's GAP is for this image: its rank among the images of the run, or "
        "among those predicted as the same class, written in normal scores. 0 is the median; "
        "beyond ±2 lie 5 % of the images, beyond ±3 0.3 %.",
    ),
    (
        "Strangeness, and odd images",
        "How far a whole layer is off: the distance of what the layer before does not explain of "
        "its filters, with their covariance, so that filters that move together count once. "
        "0 is usual, 1 a standard deviation above. The score of an image is made of its layers. "
        "An image is odd when its score lies above what usual images reach at the rate of false "
        "alarms that you choose: at 1 %, one usual image in a hundred is called odd. Every image "
        "is scored by a profile that was fitted to other images. While a run is collected its "
        "scores are provisional, and its marks paler: the last are given when it is over.",
    ),
    (
        "Filters that stand out, or left their cluster",
        "Those that neither the layer before nor their own layer explains, in standard deviations "
        "of what usually stays unexplained. A filter left its cluster when it usually moves with "
        "its mates (they explain half of its variance or more) and here does not.",
    ),
    (
        "Labels and values",
        "Where an image may have several labels, each has a probability and a threshold (the line "
        "in its bar) from which on it is given. Where it is known which are right, ✓ marks these, "
        "and each says whether it was a hit, missed (right, not given) or false (given, not "
        "right); an image is right when every label is. A network that answers with values shows "
        "each beside its target and how far it is off; the error of an image, and of the run, is "
        "the mean absolute one.",
    ),
    (
        "What if filters are switched off",
        "The run's own model, in a process beside the page, goes on as if the output of these "
        "filters were 0, or the mean of their GAP over the run, everywhere: for all layers that "
        "take it. The grid shows how far each GAP moves, as sign(d) √(|d| / span) of its layer's "
        "scale. Measured over the run, it says how the accuracy changes, or how many predictions "
        "stay.",
    ),
    (
        "Grad-CAM",
        "Where a layer speaks for a class (Selvaraju et al. 2017): its feature maps weighted by "
        "the mean gradient of the class' score, before the softmax, and what of their sum is "
        "above 0. The layer is the last with at least 4 × 4 cells unless you choose another.",
    ),
    (
        "What a cell sees",
        "The receptive field of a cell of the pinned filter's map: all pixels that can change it, "
        "by the kernels, strides and padding on the way. Behind global pooling, as in "
        "squeeze-and-excite blocks, it is the whole image.",
    ),
    (
        "Search, and clusters of some images",
        "Images of the run by class, predicted class, misclassified, range or confidence (the "
        "probability of the prediction); of networks of labels or values, by their error, "
        'largest first. "Clusters of these images" correlates and clusters '
        "over them alone, with the whole run's parameter. Agreement is the adjusted Rand index "
        'of the two clusterings: 1 is the same, 0 is chance. "Together" counts the filters of '
        "a cluster that are in one cluster of the whole run, too. Few images give noisy r.",
    ),
)

HELP: Final = Help(CONCEPTS, SHORTCUTS)
