"""What the runs page says about itself: the words and the keys."""

from __future__ import annotations

from typing import Final

from reactcnn_dash.db.records import STALL_SECONDS
from reactcnn_dash.pages.help import Help
from reactcnn_dash.pages.runs.layout import UNDO_SECONDS

CONCEPTS: Final = (
    (
        "Run",
        "One pass of the collector with one checkpoint over one image source. Its name is a link "
        "to the live page, at its newest image.",
    ),
    (
        "Checkpoint",
        "The model, the first digits of the SHA-256 of its weights, and where the weights came "
        "from. Runs with the same digits saw the same weights. Experiment and epoch stand there "
        "where a training collected the run.",
    ),
    (
        "Accuracy",
        "Images whose largest probability is that of their label, of those that have a label; "
        "where they may have several, images with every label right. ± is the mean absolute error "
        "of a network that answers with values.",
    ),
    (
        "State",
        "Collecting, finished or interrupted; stalled when a collecting run has not been heard of "
        f"for {STALL_SECONDS:g} seconds. Deleting, with the images left; half deleted when that "
        "was cut short: delete the run again to go on.",
    ),
    (
        "Size",
        "Bytes of the run's images, GAP rows, feature maps and correlation states in the store.",
    ),
    (
        "Find and filter",
        "The box above the table looks in every column; the row under the headings in its own. "
        "Click a heading to sort, with Shift to sort by several. What you filter, find and sort "
        "by stands in the address: copy it to come back to the same list.",
    ),
    (
        "Name, tags and note",
        "Double-click one, or choose a run and press the button, to write; Enter keeps it. Tags "
        "stand with commas between; Shift and Enter begin a new line of a note. A run may be "
        "collected meanwhile.",
    ),
    (
        "Delete",
        "Deletes the runs that are chosen, with their images, and a checkpoint that no other run "
        "uses; the store's file becomes smaller. It happens beside collectors, in small steps. A "
        "run that is being collected cannot be deleted; a stalled one can, and should its "
        f"collector wake up, it is told to stop. For {UNDO_SECONDS} seconds it can be undone, and "
        "nothing is deleted before: closing the page, or the end of the server, keeps the runs.",
    ),
)

SHORTCUTS: Final = (
    ("Tab", "from the buttons to the headings, the filters and the rows"),
    ("Arrows", "walk through the table"),
    ("Space", "choose the run, or let go of it"),
    ("Enter F2", "write in a name, in tags or in a note; Escape leaves it as it was"),
    ("Enter", "on a heading: sort; on a name, with Ctrl: open the run"),
    ("Delete", "delete the runs that are chosen, after a question"),
    ("Ctrl Z", "undo what was written or deleted last, the latest first"),
    ("/", "find"),
)

HELP: Final = Help(CONCEPTS, SHORTCUTS)
