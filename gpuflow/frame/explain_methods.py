"""What a frame will do, before it does it: its plans, and their text."""

from __future__ import annotations

from gpuflow import config
from gpuflow.errors import PlanError
from gpuflow.optimize import optimize
from gpuflow.plan.plan import Plan
from gpuflow.plan.printing import tree

from .other_names import hinted

STAGES = ("logical", "optimized", "physical", "kernel")


class ExplainMethods:
    """Methods that show the plan of a frame, from what was written to the generated code."""

    _plan: Plan

    @property
    def plan(self) -> Plan:
        """Return the logical plan, as written.

        Examples
        --------
        >>> import gpuflow as gf
        >>> type(gf.from_dict({"x": [1]}).head(1).plan).__name__
        'Limit'
        """
        return self._plan

    @property
    def optimized(self) -> Plan:
        """Return the plan after the optimiser's rules.

        The setting ``gpuflow.optimize.disable`` leaves some of them out.

        Examples
        --------
        >>> import gpuflow as gf
        >>> frame = gf.from_dict({"x": [2, 1]}).sort("x").head(1)
        >>> type(frame.plan).__name__, type(frame.optimized).__name__
        ('Limit', 'Sort')
        """
        return optimize(self._plan, config.get("optimize.disable"))

    @hinted
    def explain(self, stage: str = "optimized") -> str:
        """Describe what will run, as text.

        Parameters
        ----------
        stage : {"optimized", "logical", "physical", "kernel"}
            The plan after the optimiser, or as written; the operators that will run, with partitions, estimated rows and bytes,
            and the reason for each choice; or the generated code.

        Returns
        -------
        str

        Raises
        ------
        PlanError
            For a stage of another name.

        Examples
        --------
        >>> import numpy as np
        >>> import gpuflow as gf
        >>> frame = gf.from_numpy({"x": np.arange(3)}).filter(gf.col("x") > 0).select("x")
        >>> print(frame.explain("logical").splitlines()[1])
          FILTER x > 0
        """
        if stage not in STAGES:
            raise PlanError(f"explain: stage {stage!r} is not one of {', '.join(repr(s) for s in STAGES)}")
        if stage in ("logical", "optimized"):
            return tree(self._plan if stage == "logical" else self.optimized)
        from gpuflow import execute

        text = execute.explain_physical(self._plan) if stage == "physical" else execute.explain_kernel(self._plan)
        return str(text)
