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
        "Passes over the rows until the log-likelihood is within 1e-6 of the optimum, plain EM and "
        "the default;\nthe ratios are of starts that end at the same one. Ends: how many lie lower "
        "than plain EM's, how many\nhigher, the mean difference in nats, and that between the best "
        "of all starts",
        TITLES, "starts", "   plain", "default", "average ×", "wanted", "smallest", "lower",
        "higher", "  mean", "  best", "wanted",
    )  # fmt: skip
    with stage.cast("emcli") as cast:
        for problem in PROBLEMS[:1] if stage.quick else PROBLEMS:
            with stage.room() as folder:
                words = problem.write(folder)
                starts = 1 if stage.quick else STARTS
                found = contest(cast, "passes", starts, warm=False, **words)["emcli"]
            ends = found.all("plain end"), found.all("fast end")
            more = [fast - plain for plain, fast in zip(*ends, strict=True)]
            taken = zip(found.all("plain"), found.all("fast"), more, strict=True)
            same = [(plain, fast) for plain, fast, gap in taken if abs(gap) < SAME]
            ratios = [plain / fast for plain, fast in same]
            table.row(
                problem.title, str(len(more)), number(mean(plain for plain, _ in same)),
                number(mean(fast for _, fast in same)), f"{mean(ratios):.2f}", "≥ 5",
                f"{min(ratios):.2f}", str(sum(gap <= -SAME for gap in more)),
                str(sum(gap >= SAME for gap in more)), f"{mean(more):.3f}",
                f"{max(ends[1]) - max(ends[0]):.3f}", "≥ 0",
            )  # fmt: skip
