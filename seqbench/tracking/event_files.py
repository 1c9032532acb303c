"""TensorBoard: a folder of events a model and data set, with a curve a layer."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from seqbench.catalog.records import ProbeRecord
from seqbench.catalog.training_records import TrainingRecord
from seqbench.tracking.base import Labels, by_epoch, pair_of, scores


class TensorboardTracker:
    """Writes `<folder>/<model>/<data set>/<run>/`; final scores stand at the epoch that was chosen."""

    def __init__(self, folder: Path, labels: Labels, note: Callable[[str], None]) -> None:
        self._folder = folder
        self._labels = labels
        self._note = note
        self._writers: dict[tuple[str, str], EventFileWriter] = {}
        self._works = True

    def log(self, records: Sequence[ProbeRecord], trainings: Sequence[TrainingRecord] = ()) -> None:
        """See `Tracker.log`."""
        self._try(lambda: self._log(records))

    def finish(self, model: str, dataset: str) -> None:
        """See `Tracker.finish`."""
        self._try(lambda: self._finish((model, dataset)))

    def close(self) -> None:
        """See `Tracker.close`."""
        for pair in list(self._writers):
            self.finish(*pair)

    def _try(self, work: Callable[[], None]) -> None:
        """A full disk is no reason to lose a run of hours."""
        if not self._works:
            return
        try:
            work()
        except OSError as error:
            self._works = False
            self._note(f"warning: TensorBoard's files can't be written, going on without: {error}")

    def _log(self, records: Sequence[ProbeRecord]) -> None:
        for pair in dict.fromkeys(map(pair_of, records)):
            chosen = [record for record in records if pair_of(record) == pair]
            writer = self._writer(chosen[0])
            for epoch, row in by_epoch(chosen, self._labels).items():
                writer.add_event(_event(epoch, row))
            for record in chosen:
                label = self._labels.of(record)
                final = {f"{label}/{name}": value for name, value in scores(record).items()}
                if final:
                    writer.add_event(_event(record.chosen_epoch or 0, final))
            writer.flush()

    def _writer(self, record: ProbeRecord) -> EventFileWriter:
        """The open file of a pair; where workers share the probes, those of several pairs come in turns."""
        pair = pair_of(record)
        if pair not in self._writers:
            folder = self._folder / record.model / record.dataset / record.run_id
            self._writers[pair] = EventFileWriter(str(folder))
        return self._writers[pair]

    def _finish(self, pair: tuple[str, str]) -> None:
        writer = self._writers.pop(pair, None)
        if writer is not None:
            writer.close()


def _event(step: int, values: dict[str, float]) -> Event:
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
    return Event(wall_time=time.time(), step=step, summary=summary)
