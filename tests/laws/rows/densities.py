"""Two classes as users write them: one with the least that is needed, one with all there can be."""

import numpy as np


class Gompertz:
    """Lifetimes whose risk grows exponentially with age."""

    parameters = {"rate": (0, None), "ageing": (0, None)}  # noqa: RUF012
    support = (0, None)

    def log_density(self, x, rate, ageing):
        return np.log(rate) + ageing * x - rate / ageing * np.expm1(ageing * x)


class Gumbel:
    """The largest of many."""

    parameters = {"location": (None, None), "scale": (0, None)}  # noqa: RUF012

    def log_density(self, x, location, scale):
        z = (x - location) / scale
        return -z - np.exp(-z) - np.log(scale)

    def gradient(self, x, location, scale):
        z = (x - location) / scale
        e = -np.expm1(-z)
        return e / scale, (z * e - 1) / scale

    def start(self, x, w):
        mean = (w * x).sum() / w.sum()
        scale = np.sqrt(6 * (w * (x - mean) ** 2).sum() / w.sum()) / np.pi
        return mean - 0.5772 * scale, max(scale, 1e-3 * abs(mean))

    def sample(self, rng, n, location, scale):
        return rng.gumbel(location, scale, n)
