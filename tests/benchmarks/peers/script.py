"""The script people write today: read a table, fit it, write labels, probabilities, parameters.

    python -m tests.benchmarks.peers.script DATA.csv K PARAMS.json COLOURS.csv
"""

from __future__ import annotations

import json
import sys

import pandas as pd
from sklearn.mixture import GaussianMixture

data, k, params, colours = sys.argv[1:]
table = pd.read_csv(data)
model = GaussianMixture(n_components=int(k), random_state=0).fit(table)
probabilities = model.predict_proba(table)
found = pd.DataFrame(probabilities, columns=[f"p_{j}" for j in range(int(k))])
found.insert(0, "colour", probabilities.argmax(axis=1))
found.to_csv(colours, index_label="row")
with open(params, "w") as file:
    json.dump({
        "log_likelihood": model.score(table) * len(table),
        "weights": model.weights_.tolist(),
        "means": model.means_.tolist(),
        "covariances": model.covariances_.tolist(),
    }, file)  # fmt: skip
