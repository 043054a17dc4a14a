"""The process that holds a run's model: it reads questions and writes answers until its input ends.

It says ``{"status": "ready"}`` once the model is loaded, or ``{"status": "lost"}`` with why it is
not. Each question has an ``id``, which its answers name: ``running`` with ``done`` and ``total``,
then ``done`` or ``refused``. A question about all images is worked on between the others, so that
a click never waits for it, until ``cancel`` names it.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from typing import IO, TYPE_CHECKING, Any

from collector.at_hand.finding import require_file
from collector.frameworks.keras.runtime import start_tensorflow
from reactcnn_dash.db import StoreReader
from reactcnn_dash.db.writing import GATE, end_by_sigterm
from reactcnn_dash.errors import DONE, UserError
from reactcnn_dash.jobs.messages import Message, read_message, write_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.at_hand.questions import Answers, Step


def serve() -> int:
    """Serve on this process' own input and output; return its exit code."""
    # What native code prints is not to stand between two messages.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Ctrl-C is for the server; this process ends with its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_by_sigterm()
    questions = _listen(os.fdopen(os.dup(0), "rb"))
    first = questions.get().head
    try:
        answers = _load(str(first["store"]), str(first["run"]))
    except UserError as error:
        write_message(output, {"status": "lost", "message": str(error)})
        return error.exit_code
    write_message(output, {"status": "ready"})
    _Desk(answers, output).work(questions)
    return DONE


def _load(url: str, uuid: str) -> Answers:
    reader = StoreReader(url)
    # What can be told without TensorFlow is told at once.
    require_file(reader.run(uuid))
    start_tensorflow()
    from collector.at_hand.loading import bring  # noqa: PLC0415 - they import TensorFlow
    from collector.at_hand.questions import Answers  # noqa: PLC0415

    return Answers(url, reader, bring(reader, uuid))


def _listen(stream: IO[bytes]) -> queue.SimpleQueue[Message]:
    """Read messages in a thread of its own; where they end, so does this process."""
    waiting: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def read() -> None:
        while (message := read_message(stream)) is not None:
            waiting.put(message)
        GATE.leave(DONE)

    threading.Thread(target=read, daemon=True).start()
    return waiting


class _Desk:
    """Takes questions one by one, and goes on with long ones while there are no others."""

    def __init__(self, answers: Answers, output: IO[bytes]) -> None:
        self._answers = answers
        self._output = output
        self._long: dict[int, Iterator[Step]] = {}

    def work(self, questions: queue.SimpleQueue[Message]) -> None:
        while True:
            try:
                head = questions.get(block=not self._long).head
            except queue.Empty:
                self._go_on()
                continue
            if head["ask"] == "cancel":
                self._long.pop(int(head["id"]), None)
            else:
                self._begin(int(head["id"]), head)

    def _begin(self, number: int, head: dict[str, Any]) -> None:
        try:
            found = self._answers.answer(head)
        except UserError as error:
            self._refuse(number, error)
            return
        if isinstance(found, tuple):
            words, arrays = found
            write_message(self._output, {"id": number, "status": "done", **words}, arrays)
        else:
            self._long[number] = found

    def _go_on(self) -> None:
        """Take a step of the question that came first."""
        number, steps = next(iter(self._long.items()))
        try:
            step = next(steps)
        except UserError as error:
            del self._long[number]
            self._refuse(number, error)
            return
        said: dict[str, Any] = {"id": number, "status": "running"}
        if step.counts is None:
            said |= {"done": step.done, "total": step.total}
        else:
            del self._long[number]
            said |= {"status": "done", **step.counts}
        write_message(self._output, said)

    def _refuse(self, number: int, error: UserError) -> None:
        said = {"id": number, "status": "refused", "message": str(error)}
        write_message(self._output, said)
