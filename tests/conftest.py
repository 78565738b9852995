"""What all tests share: Hypothesis draws the same examples every time, and signals do arrive."""

import signal

from hypothesis import HealthCheck, settings

settings.register_profile(
    "same", derandomize=True, deadline=None, max_examples=10, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same")

# Under nohup or in the background of a script they are ignored, and emcli would rightly go on.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
