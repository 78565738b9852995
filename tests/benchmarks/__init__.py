"""How fast: `python -m tests.benchmarks` prints the table (needs scikit-learn)."""
