"""What all tests share: Hypothesis draws the same examples every time."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "same", derandomize=True, deadline=None, max_examples=10, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same")
