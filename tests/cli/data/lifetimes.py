import numpy as np


class Gompertz:
    """Lifetimes whose risk grows exponentially with age."""

    parameters = {"rate": (0, None), "ageing": (0, None)}
    support = (0, None)

    def log_density(self, x, rate, ageing):
        return np.log(rate) + ageing * x - rate / ageing * np.expm1(ageing * x)
