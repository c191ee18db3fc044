"""What the clips of a run contribute to a metric of whole sets: found among the kept features, or computed again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from vid_diffusion_bench.comparison.subjects import Subject
from vid_diffusion_bench.exceptions import InvalidVideoError, MetricComputationError
from vid_diffusion_bench.features import FeatureStore
from vid_diffusion_bench.metrics import Metric, Row
from vid_diffusion_bench.results import SampleRecord
from vid_diffusion_bench.scoring import Reference, ScoringClip, feature_store
from vid_diffusion_bench.scoring.reference import NO_REFERENCE, find_reference
from vid_diffusion_bench.storage import ClipStore
from vid_diffusion_bench.video import Video

Rows = dict[str, Row]
NOT_KEPT = "its features are not kept here"
GET_THEM = (
    "`vid-bench score RUN` keeps them (the setting keep_features must be on); `vid-bench compare --runs … "
    "--compute-features` computes them from the stored clips"
)


class SetFeatures:
    """Rows of every subject and of the real clips, by metric; each read once.

    Features come from the user's store by the content of the clip's file. Without ``compute`` nothing is decoded.
    ``pairs`` is how many pairs of subjects will be tested.
    """

    def __init__(self, *, compute: bool = False, store: FeatureStore | None = None, pairs: int = 1) -> None:
        self.compute, self.pairs = compute, pairs
        self._store = store or feature_store()
        self._rows: dict[tuple[str, str], Rows] = {}
        self._references: dict[str, Reference | None] = {}

    def generated(self, metric: Metric, name: str, subject: Subject) -> Rows:
        """Rows of the subject's clips by the samples' keys.

        Raises:
            MetricComputationError: They are not at hand; the message says how to get them.
        """
        clips = ClipStore(subject.folder)
        made = [record for record in subject.result.records if record.status == "completed" and record.clip]
        return self._once(name, subject.name, lambda: self._measured(metric, [_clip(one, clips) for one in made]))

    def real(self, metric: Metric, name: str, subject: Subject) -> tuple[Rows, Reference]:
        """Rows of the real clips that the subject's run was compared with, and the set they are.

        Raises:
            MetricComputationError: There are none, they are other ones than at the time of the run, or they are not at
                hand.
        """
        reference = self._reference(subject)
        if reference is None:
            raise MetricComputationError(NO_REFERENCE)
        known = subject.result.metric_results[name].protocol.get("reference")
        if known is not None and known != reference.fingerprint:
            raise MetricComputationError("the real clips are not those that the run was scored with; score it again")
        read = partial(self._measured, metric, reference.clips, reference=True)
        return self._once(name, f"real {reference.fingerprint}", read), reference

    def _reference(self, subject: Subject) -> Reference | None:
        key = subject.run.benchmark_id + str(subject.folder)
        if key not in self._references:
            records = [record for model in subject.run.models for record in model.records]
            try:
                self._references[key] = find_reference(subject.run.config.reference, records)[0]
            except InvalidVideoError as error:
                raise MetricComputationError(f"the real clips cannot be read: {error.message}") from error
        return self._references[key]

    def _once(self, name: str, whose: str, read: Callable[[], Rows]) -> Rows:
        if (name, whose) not in self._rows:
            self._rows[name, whose] = read()
        return self._rows[name, whose]

    def _measured(self, metric: Metric, clips: Sequence[ScoringClip], *, reference: bool = False) -> Rows:
        if self._store is None and not self.compute:
            raise MetricComputationError(f"features are not kept (setting keep_features); {GET_THEM}")
        rows: Rows = {}
        for entry in clips:
            clip = (entry if self.compute else _unread(entry)).open(self._store)
            try:
                seen = metric.measure_real(clip) if reference else metric.measure(clip)
                rows[entry.key] = Row(entry.cluster, seen.value)
            except InvalidVideoError as error:
                raise MetricComputationError(f"a clip is not at hand: {error.message}; {GET_THEM}") from error
            except MetricComputationError as error:
                rows[entry.key] = Row(entry.cluster, None, error.message)
        return rows


def _clip(record: SampleRecord, clips: ClipStore) -> ScoringClip:
    assert record.clip is not None, "a completed sample has a clip"
    load, content = partial(clips.read, record.clip), partial(clips.content, record.clip)
    return ScoringClip(record.key, record.prompt_id, record.prompt, load, content=content)


def _unread(entry: ScoringClip) -> ScoringClip:
    """The clip, to be looked up among kept features only."""

    def refuse() -> Video:
        raise InvalidVideoError(NOT_KEPT)

    return ScoringClip(entry.key, entry.cluster, entry.prompt, refuse, content=entry.content)
