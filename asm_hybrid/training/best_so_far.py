"""What a run has learnt so far, stage by stage, and the model that it makes."""

from __future__ import annotations

from dataclasses import dataclass, field

from asm_hybrid.training.fit import FitResult
from asm_hybrid.training.fitted import FittedModel
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.stages.calibrate_f import CalibratedF
from asm_hybrid.training.stages.check_step import StepCheck
from asm_hybrid.training.stages.fit_neural import NAME as NEURAL
from asm_hybrid.training.stages.fit_neural import LearntNeural
from asm_hybrid.training.stages.learnt_n import LearntN

__all__ = ["BestSoFar"]


@dataclass(slots=True)
class BestSoFar:
    """The best so far of every stage; a stage that has not begun has none.

    Attributes
    ----------
    f : CalibratedF
        f.
    step : StepCheck
        What the solver's step costs.
    n : LearntN or None
        n.
    neural : LearntNeural or None
        The pure neural ODE.
    said : list of str
        Warnings from before the stages.
    """

    f: CalibratedF
    step: StepCheck = field(default_factory=StepCheck)
    n: LearntN | None = None
    neural: LearntNeural | None = None
    said: list[str] = field(default_factory=list)

    def model(self, context: RunContext) -> FittedModel:
        """Return the fitted model."""
        alone = context.new_sensors()
        alone.begin_with(self.f.biases, self.f.delays)
        return FittedModel(
            config=context.config,
            plant=context.plant,
            grid=context.grid,
            targets=context.targets,
            labels=context.labels,
            defaults=context.defaults,
            parameters=self.f.parameters,
            start=self.f.start,
            sensors=self.n.sensors if self.n else alone,
            term=self.n.term if self.n else None,
            neural=self.neural.ode if self.neural else None,
            neural_start=self.neural.start if self.neural else None,
            best=self.n.best if self.n else 0,
            begin=context.dataset.to_stamp(context.dataset.times[0]),
        )

    @property
    def fits(self) -> dict[str, FitResult]:
        """Results of the fits by name."""
        found = {"n": self.n.fit if self.n else None, NEURAL: self.neural.result if self.neural else None}
        return {name: result for name, result in found.items() if result is not None}

    @property
    def warnings(self) -> list[str]:
        """What the user should know, in the order of the stages."""
        parts = [
            self.said,
            self.step.warnings,
            self.n.warnings if self.n else (),
            self.neural.warnings if self.neural else (),
        ]
        return [text for part in parts for text in part]

    @property
    def stopped(self) -> str:
        """``finished``, or ``early`` where n improved no more."""
        fit = self.n.fit if self.n else None
        return fit.stopped if fit else "finished"
