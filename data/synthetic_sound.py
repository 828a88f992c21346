"""Sound of the demo corpus: music with a beat and, for a planted share, speech-like babble over it.

The babble is a source-filter model (Fant, "Acoustic Theory of Speech Production", 1960): glottal
pulses after Rosenberg (1971) through vowel formants (Peterson and Barney, 1952) with bursts of
fricative noise. It says nothing, yet a voice activity detector takes it for speech, which makes
the share of speech a property that can be measured and not only claimed.
"""

from dataclasses import dataclass

import numpy as np

from virality.data.clip import FloatArray, TimeArray

SOUND_RATE_HZ = 24_000
START_S = 1.0
"""Length of the start whose loudness is planted."""

SHORTEST_SPEECH_S = 0.1
"""Less than a syllable is left out."""

UNDER_SPEECH_DB = -9.0
"""Level of the music under speech, relative to the speech."""

# First three formants of a man's vowels in Hz, Peterson and Barney (1952): i, I, E, ae, A, O, U, u.
_VOWELS_HZ = np.array(
    [
        [270, 2290, 3010],
        [390, 1990, 2550],
        [530, 1840, 2480],
        [660, 1720, 2410],
        [730, 1090, 2440],
        [570, 840, 2410],
        [440, 1020, 2240],
        [300, 870, 2240],
    ],
    dtype=np.float64,
)
_UPPER_FORMANTS_HZ = (3500.0, 4500.0)
_BANDWIDTHS_HZ = (60.0, 90.0, 120.0, 175.0, 250.0)
_WINDOW = 600  # 25 ms: short enough to follow the mouth, long enough for two glottal periods
_HOP = _WINDOW // 2


@dataclass(frozen=True)
class SoundPlan:
    """What a clip shall sound like.

    Attributes:
        duration_s: length in seconds.
        speech_share: share of the time with babble over the music, 0 to 1, in one stretch.
        start_db: loudness (RMS) of the first second relative to the rest, in dB.
        level_db: RMS of the whole sound in dB of full scale.
    """

    duration_s: float
    speech_share: float
    start_db: float
    level_db: float


def synthesise(plan: SoundPlan, rng: np.random.Generator) -> FloatArray:
    """Return float32 samples, shape (n,), at SOUND_RATE_HZ within -1 to 1, as the plan says."""
    count = round(plan.duration_s * SOUND_RATE_HZ)
    music, spoken = _music(count, rng), round(plan.speech_share * count)
    samples = music / _rms(music)
    if spoken >= SHORTEST_SPEECH_S * SOUND_RATE_HZ:
        speech = _speech(spoken, rng)
        start = rng.integers(0, count - spoken + 1)
        samples[start : start + spoken] *= 10 ** (UNDER_SPEECH_DB / 20)
        samples[start : start + spoken] += speech / _rms(speech)
    return _levelled(samples, plan.start_db, plan.level_db)


def start_loudness_db(samples: FloatArray) -> float:
    """Return the RMS of the first second over the RMS of the rest, in dB."""
    cut = round(START_S * SOUND_RATE_HZ)
    return float(20 * np.log10(_rms(samples[:cut]) / _rms(samples[cut:])))


def _rms(samples: FloatArray | TimeArray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _levelled(samples: TimeArray, start_db: float, level_db: float) -> FloatArray:
    """Set the start against the rest and the whole to its level; loud peaks are bent, not cut."""
    cut = round(START_S * SOUND_RATE_HZ)
    start, rest = samples[:cut], samples[cut:]
    steps = (10 ** (start_db / 20) / _rms(start), 1 / _rms(rest))
    # 20 ms of fade between the two gains, or the step would click.
    gain = np.interp(np.arange(len(samples)), (cut - 240, cut + 240), steps)
    scaled = samples * gain
    scaled *= 10 ** (level_db / 20) / _rms(scaled)
    return np.asarray(0.98 * np.tanh(scaled / 0.98), dtype=np.float32)


def _speech(count: int, rng: np.random.Generator) -> TimeArray:
    """Return babble: phrases of syllables, each a consonant and a vowel, with short pauses."""
    seconds = count / SOUND_RATE_HZ
    times, openness, hiss, vowels = _syllables(seconds, rng)
    clock = np.arange(count) / SOUND_RATE_HZ
    loudness = np.interp(clock, times, openness)
    source = _glottis(clock, times, rng) * loudness
    noise = rng.standard_normal(count) * np.interp(clock, times, hiss)
    breath = 0.01 * rng.standard_normal(count) * loudness
    formants = np.stack([np.interp(clock[::_HOP], times, row) for row in vowels.T], axis=1)
    voiced = _through_formants(source + breath, formants * rng.uniform(0.95, 1.2))
    return voiced / _rms(voiced) + 0.25 * _brightened(noise) + 1e-3 * rng.standard_normal(count)


def _syllables(
    seconds: float, rng: np.random.Generator
) -> tuple[TimeArray, TimeArray, TimeArray, TimeArray]:
    """Return key points of a babble: times (k,), voicing (k,), hiss (k,), formants (k, 3) in Hz."""
    times, openness, hiss, vowels = [0.0], [0.0], [0.0], [_VOWELS_HZ[0]]
    now = 0.03
    while now < seconds:
        for _ in range(rng.integers(5, 12)):
            length = rng.uniform(0.14, 0.26)
            vowel = _VOWELS_HZ[rng.integers(len(_VOWELS_HZ))]
            glide = 0.7 * vowel + 0.3 * _VOWELS_HZ[rng.integers(len(_VOWELS_HZ))]
            fricative = rng.random() < 0.35
            stress = rng.uniform(0.7, 1.0)
            times += [now, now + 0.25 * length, now + 0.4 * length, now + 0.8 * length]
            openness += [0.12, 0.05 if fricative else 0.3, stress, 0.8 * stress]
            hiss += [0.0, 1.0 if fricative else 0.05, 0.0, 0.0]
            vowels += [glide, vowel, vowel, glide]
            now += length
        times += [now, now + 0.04]
        openness += [0.1, 0.0]
        hiss += [0.0, 0.0]
        vowels += [vowels[-1], vowels[-1]]
        now += rng.uniform(0.12, 0.25)
    return np.array(times), np.array(openness), np.array(hiss), np.array(vowels)


def _glottis(clock: TimeArray, times: TimeArray, rng: np.random.Generator) -> TimeArray:
    """Return the derivative of Rosenberg's glottal pulses with a wandering pitch."""
    base = rng.uniform(95, 210)
    melody = base * np.exp(0.12 * rng.standard_normal(len(times)))
    jitter = 1 + 0.01 * np.interp(clock, clock[::200], rng.standard_normal(len(clock[::200])))
    pitch = np.interp(clock, times, melody) * jitter
    phase = np.cumsum(pitch / SOUND_RATE_HZ) % 1.0
    opening = 0.5 * (1 - np.cos(np.pi * phase / 0.4))
    closing = np.cos(0.5 * np.pi * (phase - 0.4) / 0.16)
    pulse = np.where(phase < 0.4, opening, np.where(phase < 0.56, closing, 0.0))
    return np.diff(pulse, prepend=0.0)


def _through_formants(source: TimeArray, formants: TimeArray) -> TimeArray:
    """Filter by resonances that move from window to window (overlap and add)."""
    window = np.hanning(_WINDOW + 1)[:-1]
    padded = np.pad(source, _WINDOW)
    starts = np.arange(0, len(padded) - _WINDOW, _HOP)
    frames = padded[starts[:, None] + np.arange(_WINDOW)] * window
    size = 2 * _WINDOW  # room for the ringing of the filters
    spectrum = np.fft.rfft(frames, size)
    spot = np.clip((starts - _WINDOW // 2) // _HOP, 0, len(formants) - 1)
    spectrum *= _response(formants[spot], size)
    out = np.zeros(len(padded) + size)
    for start, frame in zip(starts, np.fft.irfft(spectrum, size), strict=True):
        out[start : start + size] += frame
    return out[_WINDOW : _WINDOW + len(source)]


def _response(formants: TimeArray, size: int) -> TimeArray:
    """Return the gain, shape (windows, size // 2 + 1), of resonances in a row, each 1 at 0 Hz."""
    frequencies = np.fft.rfftfreq(size, 1 / SOUND_RATE_HZ)
    upper = np.broadcast_to(_UPPER_FORMANTS_HZ, (len(formants), len(_UPPER_FORMANTS_HZ)))
    centres = np.concatenate([formants, upper], axis=1)
    loss = np.ones((len(formants), len(frequencies)))
    square = (frequencies / 1000)[None, :] ** 2
    for centre, width in zip(centres.T, _BANDWIDTHS_HZ, strict=True):
        middle = (centre[:, None] / 1000) ** 2
        loss *= ((middle - square) ** 2 + (width / 1000) ** 2 * square) / middle**2
    return np.asarray(1 / np.sqrt(loss))


def _brightened(noise: TimeArray) -> TimeArray:
    """Return noise with the middle of a fricative's spectrum: 3 to 9 kHz."""
    size = 1 << (len(noise) - 1).bit_length()  # a prime length would take many times longer
    spectrum = np.fft.rfft(noise, size)
    frequencies = np.fft.rfftfreq(size, 1 / SOUND_RATE_HZ)
    spectrum *= np.exp(-0.5 * ((frequencies - 5500) / 1800) ** 2)
    return np.fft.irfft(spectrum, size)[: len(noise)]


def _music(count: int, rng: np.random.Generator) -> TimeArray:
    """Return chords, a bass and drums at a steady tempo."""
    beat_s = 60 / rng.uniform(84, 150)
    root = 110 * 2 ** (rng.integers(0, 12) / 12)
    chords = [_chord(root, int(step), beat_s) for step in rng.permutation([0, 5, 7, 9])]
    drums = (0.9 * _kick(), 0.4 * _snare(rng))
    out = np.zeros(count)
    for beat in range(int(count / SOUND_RATE_HZ / beat_s) + 1):
        start = round(beat * beat_s * SOUND_RATE_HZ)
        _add(out, start, chords[(beat // 4) % 4])
        _add(out, start, drums[beat % 2])
        _add(out, start + round(beat_s / 2 * SOUND_RATE_HZ), 0.12 * _hat(rng))
    return out + 1e-4 * rng.standard_normal(count)


def _add(out: TimeArray, start: int, sound: TimeArray) -> None:
    """Mix a sound into `out` from `start` on, as far as it fits."""
    room = max(0, min(len(sound), len(out) - start))
    out[start : start + room] += sound[:room]


def _chord(root_hz: float, step: int, beat_s: float) -> TimeArray:
    """Return a triad `step` half tones above the root (minor on the sixth) over its bass."""
    triad = root_hz * 2 ** ((step + np.array([0, 3 if step == 9 else 4, 7])) / 12)
    chord = 0.25 * _plucked(2 * triad, 1.4 * beat_s)
    _add(chord, 0, 0.5 * _plucked(triad[:1] / 2, beat_s))
    return chord


def _plucked(pitches_hz: TimeArray, seconds: float) -> TimeArray:
    """Return a chord of decaying notes with six falling harmonics each."""
    clock = np.arange(round(seconds * SOUND_RATE_HZ)) / SOUND_RATE_HZ
    sound = np.zeros(len(clock))
    for pitch in pitches_hz:
        # Harmonics are powers of one turning pointer: six products instead of six sines.
        pointer = np.exp(2j * np.pi * pitch * clock)
        power = pointer
        for harmonic in range(1, 7):
            sound += power.imag / harmonic**1.5
            power = power * pointer
    attack = np.minimum(1, clock / 0.005)
    return np.asarray(sound * attack * np.exp(-3 * clock / seconds))


def _kick() -> TimeArray:
    clock = np.arange(round(0.18 * SOUND_RATE_HZ)) / SOUND_RATE_HZ
    turns = 50 * clock + 3 * (1 - np.exp(-30 * clock))  # the pitch falls towards 50 Hz
    return np.asarray(np.sin(2 * np.pi * turns) * np.exp(-18 * clock))


def _snare(rng: np.random.Generator) -> TimeArray:
    clock = np.arange(round(0.15 * SOUND_RATE_HZ)) / SOUND_RATE_HZ
    return np.asarray(rng.standard_normal(len(clock)) * np.exp(-28 * clock))


def _hat(rng: np.random.Generator) -> TimeArray:
    clock = np.arange(round(0.05 * SOUND_RATE_HZ)) / SOUND_RATE_HZ
    return np.asarray(np.diff(rng.standard_normal(len(clock)), prepend=0.0) * np.exp(-90 * clock))
