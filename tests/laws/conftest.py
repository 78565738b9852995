"""Every law is looked at on one BLAS thread, as the program runs; some with fifty digits."""

from decimal import localcontext

import pytest

from emcli.sources.memory import one_blas_thread


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread():
    with one_blas_thread():
        yield


@pytest.fixture
def fifty_digits():
    with localcontext(prec=50):
        yield
