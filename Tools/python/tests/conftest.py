import signal

import numpy
import pytest


@pytest.fixture(autouse=True)
def interruptible():
    """Runs in the background inherit an interrupt that is ignored."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.fixture
def picture():
    """A grating and a gradient with noise, uint8 HWC."""
    rows, columns = numpy.mgrid[0:96, 0:120]
    clean = numpy.stack([128 + 60 * numpy.sin(rows / 5), 255 * columns / 120, 80 + 0 * rows], -1)
    noise = numpy.random.default_rng(1).normal(0, 25, clean.shape)
    return numpy.clip(clean + noise, 0, 255).astype(numpy.uint8)
