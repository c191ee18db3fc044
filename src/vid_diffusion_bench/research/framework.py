"""The face of experiments: :class:`ExperimentalFramework`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vid_diffusion_bench import events
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.research.analysis import ExperimentAnalysis
from vid_diffusion_bench.research.analyze import INTERACTIONS, analyze
from vid_diffusion_bench.research.design import Wish, lay_out
from vid_diffusion_bench.research.execute import execute
from vid_diffusion_bench.research.experiment import Experiment
from vid_diffusion_bench.research.factors import Binding
from vid_diffusion_bench.research.outcome import ExperimentResults
from vid_diffusion_bench.research.planning import STANDARDISED_EFFECT
from vid_diffusion_bench.settings import load_settings


class ExperimentalFramework:
    """Designs experiments, executes them through the engine and analyses what comes out.

    Args:
        factors: Bindings by variable: from a level to fields of a configuration; see :meth:`bind`.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; default: the setting ``device``.
        output_dir: Folder of the experiments' folders; default: the setting ``output_dir``.
    """

    def __init__(
        self,
        *,
        factors: Mapping[str, Binding] | None = None,
        device: str | None = None,
        output_dir: Path | str | None = None,
    ) -> None:
        settings = load_settings()
        self.device = device or settings.device
        self.output_dir = Path(output_dir or settings.output_dir)
        self._bindings: dict[str, Binding] = {}
        for name, binding in (factors or {}).items():
            self.bind(name, binding)

    def bind(self, name: str, binding: Binding) -> None:
        """Say what a variable means that is no parameter of the generation.

        ``binding`` gets a level and returns the fields of :class:`BenchmarkConfig` it stands for, ``model`` and
        ``extra`` (arguments of the pipeline's own call) among them. To change a pipeline itself, register a model for
        each level and return its name. It is called when an experiment is designed, so that the design says it all.

        Raises:
            ValidationError: ``binding`` cannot be called.
        """
        if not callable(binding):
            raise ValidationError(f"the binding of {name!r} is no function of a level: {binding!r}")
        self._bindings[name] = binding

    def design_experiment(
        self,
        research_question: str,
        variables: Mapping[str, Sequence[Any]],
        metrics: Sequence[str],
        sample_size: int,
        *,
        design: str = "full_factorial",
        seed: int = 0,
        prompts: Sequence[str] | None = None,
        seeds_per_prompt: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        points: int | None = None,
        runs: int | None = None,
        generators: Sequence[str] | None = None,
        fully_randomised: bool = False,
        effect: float = STANDARDISED_EFFECT,
        pilot: ExperimentResults | None = None,
        alpha: float = 0.05,
    ) -> Experiment:
        """Lay out an experiment: its conditions, its prompts as blocks, a random order of its clips, its power.

        Every condition is run on the same prompts and seeds. Where ``sample_size`` is smaller than the number of
        prompts, each condition gets as many of them as it says, so that pairs of conditions meet as evenly as can be.

        Args:
            research_question: What it is to answer, in a sentence.
            variables: Name to levels. A name is ``model``, a generation parameter or other field of
                :class:`BenchmarkConfig`, a switch of :class:`OptimizationProfile`, a variable bound by :meth:`bind`, or
                else an argument of the pipeline's own call (``extra:NAME`` says so). A variable of one level is held.
            metrics: By name. Costs of a clip (``avg_latency_ms``, ``peak_ram_gb``, ``peak_vram_gb``,
                ``energy_per_clip_joules``) are metrics too. One that is not known stays absent, with the reason.
            sample_size: Clips of each condition.
            design: ``full_factorial``, ``fractional_factorial`` of two-level variables, or ``latin_hypercube``, where
                two numbers are the ends of a range.
            seed: Of all that is drawn, and the base of the clips' seeds.
            prompts: The blocks; default: prompts of the built-in world for its models, else of ``diverse-v2``.
            seeds_per_prompt: Clips of each prompt in a condition; default: what ``sample_size`` needs.
            parameters: Fields of :class:`BenchmarkConfig` that all conditions share, such as ``num_frames``.
            points: Conditions of a Latin hypercube; default: ten a variable.
            runs: Conditions of a fractional factorial; default: half of all.
            generators: Of a fractional factorial, such as ``["D=ABC"]``; default: of the highest resolution.
            fully_randomised: Draw the order over all clips, though models are loaded again and again; otherwise it is
                drawn within blocks that one loaded model makes, and the order of the blocks is drawn.
            effect: The difference that the power is stated for: standardised, or with ``pilot`` in a metric's units.
            pilot: Results of an earlier experiment, for the variance.
            alpha: Level of the tests that the power is stated for.

        Raises:
            ValidationError: Something is missing, contradictory or impossible.
        """
        if pilot is not None:
            _expect(
                pilot, ExperimentResults, "results of an earlier experiment; ExperimentResults.load(FOLDER) reads them"
            )
        wish = Wish(
            design=design,
            seed=seed,
            prompts=prompts,
            seeds_per_prompt=seeds_per_prompt,
            parameters=parameters or {},
            points=points,
            runs=runs,
            generators=generators,
            fully_randomised=fully_randomised,
            effect=effect,
            pilot=pilot,
            alpha=alpha,
        )
        return lay_out(research_question, variables, metrics, sample_size, wish, self._bindings)

    def execute_experiment(
        self,
        experiment: Experiment,
        *,
        output_dir: Path | str | None = None,
        listener: events.Listener = events.ignore,
        stop: threading.Event | None = None,
        retry_failed: bool = False,
        reference: str | None = None,
        save_videos: bool = True,
    ) -> ExperimentResults:
        """Make and score the clips in the order of the design. Called again after a kill, it goes on.

        A clip that fails, also because its condition cannot be set (an argument that the pipeline does not take), is a
        record with the reason.

        Args:
            experiment: The design.
            output_dir: Its folder; default: one named by its fingerprint in the framework's.
            listener: Called with every event of the run.
            stop: Set it to end after the denoising step that is running; what was measured is kept.
            retry_failed: Try clips again that failed in an earlier call.
            reference: Folder of real videos for set metrics.
            save_videos: Write a preview of each clip beside the lossless one.

        Raises:
            ValidationError: The folder holds another experiment, or ``experiment`` is none.
            ModelNotFoundError: A model is not known; nothing was done.
            ModelLoadingError: None of the models can be opened here; nothing was done.
            StorageError: The folder cannot be written.
        """
        _expect(experiment, Experiment, "an experiment of design_experiment")
        folder = Path(output_dir) if output_dir else self.output_dir / f"experiment-{experiment.fingerprint[:12]}"
        return execute(
            experiment,
            folder,
            self.device,
            listener=listener,
            stop=stop,
            retry_failed=retry_failed,
            reference=reference,
            save_videos=save_videos,
        )

    def analyze_results(
        self, results: ExperimentResults, significance_level: float = 0.05, *, interactions: int = INTERACTIONS
    ) -> ExperimentAnalysis:
        """Test main effects and interactions of every metric, by a rule that ``docs/experiments.md`` states.

        Args:
            results: Of :meth:`execute_experiment`.
            significance_level: What a corrected p-value is held against, 0..1.
            interactions: The most factors whose interaction is tested; 1 tests none.

        Raises:
            ValidationError: The level is outside 0..1, ``interactions`` below 1, or ``results`` are none.
        """
        _expect(results, ExperimentResults, "results of execute_experiment; ExperimentResults.load(FOLDER) reads them")
        return analyze(results, significance_level, interactions=interactions)


def _expect(given: object, kind: type, what: str) -> None:
    if not isinstance(given, kind):
        raise ValidationError(f"{type(given).__name__} is given where {kind.__name__} is needed", remedy=f"give {what}")
