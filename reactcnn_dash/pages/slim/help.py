"""What the slim page says about itself: what is measured, what is predicted, and the keys."""

from __future__ import annotations

from typing import Final

from reactcnn_dash.pages.help import Help

SHORTCUTS: Final = (
    ("↑ ↓", "walk through the networks of the table"),
    ("Enter", "open the network in focus"),
    ("Escape", "close it"),
)

CONCEPTS: Final = (
    (
        "A slim network",
        "The same network with fewer filters in its layers. Those that go are linear combinations "
        "of those that stay; the next layer gets new weights, fitted by least squares, so that it "
        "answers as before. Nothing is trained unless --fine-tune was given.",
    ),
    (
        "The curve",
        "Each point is a network that was really made and measured: its accuracy over images, or, "
        "without labels, the share of images that get the same class as before. The bar is the "
        "95 % interval (Wilson) for so many images. The diamond is the whole network.",
    ),
    (
        "The change",
        "Both networks saw the same images, so their difference is known better than either "
        "accuracy: its 95 % interval is Newcombe's for paired shares (1998).",
    ),
    (
        "Measured with",
        "A network measured with the images that it was slimmed with is hollow in the curve: "
        "its figure is a little too good. Take the images of another run to measure with.",
    ),
    (
        "Parameters and multiply-adds",
        "Shares of the whole network's that stay. Multiply-adds are those of convolutions and "
        "dense layers for one image. Late layers hold the parameters and early ones the "
        "multiply-adds, so the two budgets lead to different networks.",
    ),
    (
        "Images a second",
        "Of both networks in turn in the same process, 64 images at a time, the median of three "
        "rounds. What else the machine does changes it.",
    ),
    (
        "Predicted",
        "What the slider says before anything is cut, from the stored feature maps: for each layer "
        "the share of its variation, over images and positions, that the filters that would stay "
        "explain, fitted on one half of the images and judged on the other. Filters go one by one, "
        "each time the one with the least loss for what it saves. The budget counts what the slim "
        "network will: normalisation and dense layers too. (Of runs of former versions, and of "
        "other models than Keras', convolutions alone.) What a layer's answers matter to the next "
        "is not known, so the network that is made has other widths: the prediction says where "
        "there is room, the curve what it costs.",
    ),
    (
        "Channel map",
        "JSON: for each layer, which filter of the whole network each one of the slim network is.",
    ),
)

HELP: Final = Help(CONCEPTS, SHORTCUTS)
