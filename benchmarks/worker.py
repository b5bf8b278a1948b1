"""One engine, one task, alone in its process: load, ask every question several times, write times and answers.

``python -m benchmarks.worker SPEC`` is called by `benchmarks.runner`; SPEC is a JSON file.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.answers import canonical
from benchmarks.data import read
from benchmarks.engines import ENGINES
from benchmarks.questions import QUESTIONS
from benchmarks.timing import repeated


def main(spec_file: str) -> None:
    spec = json.loads(Path(spec_file).read_text())
    engine = ENGINES[spec["engine"]](spec["threads"])
    report: dict[str, Any] = {"engine": engine.name, "version": engine.version(), "questions": {}}
    start = time.perf_counter()
    for name, path in spec["tables"].items():
        engine.load(name, read(Path(path)))
    report["load"] = time.perf_counter() - start
    out = Path(spec["out"])
    for key in spec["questions"]:
        question = QUESTIONS[key]
        try:
            timing = repeated(partial(engine.ask, question), spec["repeat"], spec["budget"])
            answer = canonical(engine.answer(timing.pop("result")), question)
        except Exception as error:
            report["questions"][key] = {"error": f"{type(error).__name__}: {error}"}
            continue
        np.savez(out / f"{engine.name}-{key}.npz", **answer.pop("floats"))
        report["questions"][key] = timing | {"answer": answer}
    report["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    (out / f"{engine.name}-{spec['task']}.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
