"""Every law is looked at on one BLAS thread, as the program runs."""

import pytest

from emcli.sources.memory import one_blas_thread


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread():
    with one_blas_thread():
        yield
