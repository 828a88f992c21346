"""openSMILE's eGeMAPS, set up once and run on many sounds.

The package's own `Smile.process_signal` reads 1,500 lines of configuration, builds 74 components
and a data frame for every sound: 12 ms a clip, more than half a second of sound takes to measure.
Its C interface can go back to the start instead, and gives the same values to the bit.
"""

from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from virality.data.clip import FloatArray

SAMPLE_BITS = 16


class Engine:
    """One openSMILE that measures one sound after another; threads take turns.

    Args:
        rate_hz: of every sound it will be given.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._ready: Any = None
        self._turn = Lock()

    def measure(self, samples: npt.NDArray[np.int16]) -> FloatArray:
        """Return the 88 functionals of a sound in openSMILE's order, shape (0,) if too short.

        Args:
            samples: one channel, shape (n,).

        Raises:
            OpenSmileException: if openSMILE fails; the next sound gets a fresh one.
        """
        with self._turn:
            smile, self._ready = self._ready or _set_up(self._rate_hz), None
            try:
                values = _run(smile, samples)
                smile.reset()
            except BaseException:
                smile.free()
                raise
            self._ready = smile
        return values


@cache
def load_engine(rate_hz: int) -> Engine:
    """Return this process's engine for sounds of that rate."""
    return Engine(rate_hz)


def _set_up(rate_hz: int) -> Any:
    from opensmile import FeatureLevel, FeatureSet
    from opensmile.core import lib
    from opensmile.core.config import config

    root = Path(lib.root) / config.CONFIG_ROOT
    smile = lib.OpenSMILE()
    smile.initialize(
        str(root / (FeatureSet.eGeMAPSv02.value + config.CONFIG_EXT)),
        {
            "source": root / config.EXTERNAL_INPUT_CONFIG,
            "sampleRate": rate_hz,
            "nBits": SAMPLE_BITS,
            "sink": root / config.EXTERNAL_OUTPUT_SINGLE_CONFIG,
            "sinkLevel": FeatureLevel.Functionals.value,
            "bufferModeRbConf": root / "shared/BufferModeRb.conf.inc",
            "frameModeFunctionalsConf": root / "shared/FrameModeFunctionals.conf.inc",
        },
    )
    return smile


def _run(smile: Any, samples: npt.NDArray[np.int16]) -> FloatArray:
    from opensmile.core.config import config

    found = [np.zeros(0, np.float32)]
    smile.external_sink_set_callback_ex(
        config.EXTERNAL_OUTPUT_COMPONENT,
        lambda values, _: found.append(values.reshape(-1).copy()),
    )
    smile.external_audio_source_write_data(config.EXTERNAL_SOURCE_COMPONENT, samples.tobytes())
    smile.external_audio_source_set_eoi(config.EXTERNAL_SOURCE_COMPONENT)
    smile.run()
    smile._callbacks.clear()  # the wrapper would keep one a sound for ever
    return np.concatenate(found)
