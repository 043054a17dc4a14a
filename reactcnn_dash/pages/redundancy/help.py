"""What the redundancy page says about itself: the figures, their formulas and the keys."""

from __future__ import annotations

from typing import Final

from reactcnn_dash.analysis.explained import FEW
from reactcnn_dash.analysis.redundancy import LEAST_IMAGES
from reactcnn_dash.analysis.stability import DRAWS, TARGET
from reactcnn_dash.pages.help import Help
from reactcnn_dash.results.redundancy.maps import MAP_IMAGES

SHORTCUTS: Final = (
    ("↑ ↓", "walk through the layers, or the clusters, with one in focus"),
    ("Enter", "open the layer or cluster in focus"),
    ("Escape", "close the cluster, then the layer"),
    ("Ctrl P", "print the whole report, or save it as PDF"),
)

CONCEPTS: Final = (
    (
        "Which filters could go",
        "Filters of one layer whose GAP values correlate above the threshold τ on average make a "
        "cluster (Leiden with the constant Potts model). If one of each cluster stayed, and no "
        "filter that never varies, the others could go. Dead filters are 0 on every image.",
    ),
    (
        "Candidate or confirmed",
        "GAP forgets where in the image a filter answers, and one that looks like no other may "
        "still be a sum of several. So a filter counts as confirmed when the filters of its layer "
        "that stay explain its feature map: R² = 1 − Σ (a − â)² / Σ (a − ā)² ≥ τ, over images and "
        "positions, where â is the least squares fit by those that stay, with a constant, made "
        "from one half of the stored maps and judged on the other. Those that stay are chosen "
        "greedily, each time the one that explains most of what is left (pivoted Cholesky). A "
        "cluster is confirmed when all its filters but one at most are. Fewer than "
        f"{LEAST_IMAGES} images with maps give no verdict.",
    ),
    (
        "By which few",
        f"At most {FEW} of those that stay, found greedily (orthogonal matching pursuit), with "
        "what these alone explain.",
    ),
    (
        "Spatial r",
        "The correlation of two filters' maps place by place, each map centred on its own mean, "
        f"over up to {MAP_IMAGES} stored images: whether they look alike, which is more than they "
        "need.",
    ),
    (
        "Filter to keep",
        "The one with the highest mean r to the others: it stands for its cluster best.",
    ),
    (
        "Effective rank",
        "How many dimensions a layer's filters really span: exp(−Σ pᵢ ln pᵢ), where pᵢ are the "
        "eigenvalues of its correlation matrix as shares of their sum (Roy & Vetterli 2007). "
        "F for F filters that have nothing in common, 1 for F copies of one.",
    ),
    (
        "Interval of r",
        "Fisher's 95 % interval, tanh(artanh r ± 1.96 / √(n − 3)) over n images. It takes values "
        "as roughly normal; GAP values are skewed, so that it errs a little on the narrow side.",
    ),
    (
        "Does it hold?",
        "Two samples of images that share none are clustered apart; the adjusted Rand index (ARI) "
        "says how far they agree: 1 is the same, 0 is chance. The curve shows its mean over "
        f"{DRAWS} draws and, as a band, its range. From {TARGET} on the images are enough; before, "
        "the curve is continued as 1 − ARI = c · n^−β to say how many more to collect. Bootstrap "
        "agreement is the ARI of the clusters with those of samples drawn with replacement (Efron "
        "1979).",
    ),
)

HELP: Final = Help(CONCEPTS, SHORTCUTS)
