"""What the compare page says about itself: the figures, their formulas and the keys."""

from __future__ import annotations

from typing import Final

from reactcnn_dash.analysis.comparison import CONFIDENT_MARGIN, CONFIDENT_R
from reactcnn_dash.pages.help import Help

SHORTCUTS: Final = (
    ("S", "swap A and B"),
    ("↑ ↓", "walk through the layers, with the table in focus"),
    ("Tab, then Enter", "open a changed image, or light up a cluster"),
    ("← →", "previous and next changed image, while one is open"),
    ("Escape", "let go of the cluster, close the image"),
)

CONCEPTS: Final = (
    (
        "Images in common",
        "Two runs are compared over the images that both have, recognised by the hash of their "
        "pixels, whatever their order. Everything on this page is over these images.",
    ),
    (
        "CKA",
        "Linear centred kernel alignment of two layers' GAP values X and Y over the images: "
        "‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖), with centred columns and Frobenius norms (Kornblith et al. 2019). "
        "1 when one is a rotation of the other, 0 when they have nothing in common. The matrix "
        "compares every layer of A with every layer of B.",
    ),
    (
        "ARI and NMI",
        "How far the clusters of A and B agree. The adjusted Rand index counts pairs of filters "
        "that are together in both, and is 0 for chance. Normalised mutual information is "
        "2 I(A; B) / (H(A) + H(B)); many small clusters score high by themselves.",
    ),
    (
        "Same-index r and best match",
        "Pearson's r between filters of A and B over the images: of the same number, and of the "
        "partners that an assignment (Hungarian method) chooses so that the sum of r is largest. "
        "The margin is r less that of the best rival on either side: duplicates have one of "
        f"about 0. A match is sure from r ≥ {CONFIDENT_R} and a margin ≥ {CONFIDENT_MARGIN} on.",
    ),
    (
        "Cluster flow",
        "Each band is a number of filters that are in one cluster of A and in one of B. Clusters "
        "of B keep the number of the cluster of A that they continue.",
    ),
    (
        "By class",
        "What the labelled images of each class were taken for, and how many are right, with the "
        "95 % interval of Wilson's score. These are all labelled images of each run, so that each "
        "number is a search in it: those of A and B differ where the runs have other images.",
    ),
    (
        "Runs in bfloat16",
        "bfloat16 costs digits: what it cost was measured when the run began, as the root mean "
        "square difference of each filter's GAP from float32, in its standard deviations. Where "
        "one of the runs is of it, they part at a layer only by more than twice the largest that "
        "was measured there; smaller differences, B − A of an image included, may be rounding.",
    ),
    (
        "By label",
        "Where images may have several labels: of the images that were given a label, those of "
        "which it is right (precision); of those of which it is right, the ones that were given it "
        "(recall); and F1, their harmonic mean. Accuracy counts images with every label right. "
        "Of networks that answer with values the mean absolute error stands in its place.",
    ),
    (
        "Why Leiden (CPM) at first",
        "Its threshold τ is a correlation, so that a cluster means the same in both runs. "
        "Louvain's modularity asks for more where a whole layer correlates more, and that is what "
        "changes while a network is trained.",
    ),
)

HELP: Final = Help(CONCEPTS, SHORTCUTS)
