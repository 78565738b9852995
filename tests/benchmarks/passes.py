"""How many passes over the rows acceleration saves on the way to the optimum."""

from __future__ import annotations

from statistics import mean

from .contest import contest
from .problems import TITLES, Problem
from .report import Table, number
from .stage import Stage

PROBLEMS = (
    Problem(2_000, 2, 3, "full", apart=2.0),
    Problem(2_000, 1, 3, "diag", apart=3.0),
    Problem(2_000, 5, 5, "full", apart=2.0),
)
STARTS = 20
SAME = 1e-3  # nats within which two ends are one optimum


def passes(stage: Stage) -> None:
    """Plain EM against the default, from the same starts to the same optimum."""
    table = Table(
        "Passes over the rows until the log-likelihood is within 1e-6 of the optimum; the ratios "
        "are of starts\nthat end at the same one",
        TITLES, "starts", "   plain", "accelerated", "average ×", "wanted", "smallest", "worse end",
        "better end",
    )  # fmt: skip
    with stage.cast("emcli") as cast:
        for problem in PROBLEMS[:1] if stage.quick else PROBLEMS:
            with stage.room() as folder:
                words = problem.write(folder)
                starts = 1 if stage.quick else STARTS
                found = contest(cast, "passes", starts, warm=False, **words)["emcli"]
            short = found.all("short")
            ends = list(zip(found.all("plain"), found.all("fast"), short, strict=True))
            same = [(plain, fast) for plain, fast, less in ends if abs(less) < SAME]
            ratios = [plain / fast for plain, fast in same]
            table.row(
                problem.title, str(starts), number(mean(plain for plain, _ in same)),
                number(mean(fast for _, fast in same)), f"{mean(ratios):.2f}", "≥ 5",
                f"{min(ratios):.2f}", str(sum(less >= SAME for less in short)),
                str(sum(less <= -SAME for less in short)),
            )  # fmt: skip
