import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from virality.data.clip import AUDIO_RATE_HZ, Audio
from virality.data.errors import StorageError, UsageError
from virality.featurizers import FEATURIZERS, audio_stft
from virality.featurizers.audio_speech import speech_probabilities, speech_spans
from virality.featurizers.audio_stft import HOP_SAMPLES, WINDOW_SAMPLES, find_spectrum
from virality.featurizers.audio_voice import FUNCTIONALS, to_column_name
from virality.featurizers.librosa_loading import load_librosa
from virality.featurizers.opensmile_engine import Engine, load_engine
from virality.featurizers.spectral_shape import count_crossings, measure_shape
from virality.featurizers.weights import SPEECH, Weights, open_session

TWO_PI = 2 * np.pi


def measure(name, samples):
    featurizer = FEATURIZERS[name]
    row = featurizer.extract([Audio(np.asarray(samples, dtype=np.float32))])[0]
    return dict(zip((column.name for column in featurizer.columns), row.tolist(), strict=True))


def tone(hz, seconds=3.0, peak=0.5):
    return peak * np.sin(TWO_PI * hz * np.arange(round(seconds * AUDIO_RATE_HZ)) / AUDIO_RATE_HZ)


def noise(seconds=3.0, sd=0.1):
    return np.random.default_rng(0).normal(0, sd, round(seconds * AUDIO_RATE_HZ)).clip(-1, 1)


def clicks_at(starts_s, seconds):
    track = np.zeros(round(seconds * AUDIO_RATE_HZ))
    click = np.exp(-np.arange(800) / 120) * np.sin(TWO_PI * 1500 * np.arange(800) / AUDIO_RATE_HZ)
    for start in starts_s:
        place = round(start * AUDIO_RATE_HZ)
        track[place : place + len(click)] += 0.8 * click
    return track


def clicks(bpm, seconds=12.0):
    return clicks_at(np.arange(0.2, seconds - 0.1, 60 / bpm), seconds)


# Loudness


@pytest.mark.parametrize("level_db", [-10, -20, -40])
def test_a_sine_of_997_hz_is_as_loud_as_bs1770_says(level_db):
    # K-weighting adds 0.691 dB at 997 Hz, which the formula's constant takes away again: what is
    # left is the power of a sine, 3.01 dB under its peak. At 16 kHz the filter is off by 0.07 dB.
    measured = measure("audio_loudness", tone(997, 5, 10 ** (level_db / 20)))
    assert measured["integrated_lufs"] == pytest.approx(level_db - 3.01, abs=0.1)
    assert measured["peak_db"] == pytest.approx(level_db, abs=0.01)
    assert measured["rms_db"] == pytest.approx(level_db - 3.01, abs=0.01)
    assert measured["crest_db"] == pytest.approx(3.01, abs=0.01)
    assert measured["dynamics_db"] == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("level_db", [-6, -20, -68.5])
def test_several_channels_are_heard_from_two_loudspeakers(level_db):
    from pyloudnorm import Meter

    samples = tone(997, 5, 10 ** (level_db / 20)).astype(np.float32)
    featurizer = FEATURIZERS["audio_loudness"]
    one, two, six = featurizer.extract([Audio(samples, channels=n) for n in (1, 2, 6)])
    both = Meter(AUDIO_RATE_HZ).integrated_loudness(np.stack([samples, samples], axis=1))
    assert two[0] == six[0] == pytest.approx(both, abs=1e-3)
    # Under the gate one loudspeaker is not heard, where two just are.
    assert two[0] - one[0] == pytest.approx(3.01 if one[0] > -70 else both + 70, abs=0.01)
    np.testing.assert_array_equal(one[1:], two[1:])


def test_silence_share_is_the_silent_part():
    track = np.concatenate([np.zeros(AUDIO_RATE_HZ), tone(440, 3)])
    measured = measure("audio_loudness", track)
    assert measured["silence_share"] == pytest.approx(0.25, abs=0.01)
    assert measured["first_sound_s"] == pytest.approx(1, abs=0.051)


@pytest.mark.parametrize(("first", "rest", "expected_db"), [(0.5, 0.05, 20), (0.05, 0.5, -20)])
def test_a_loud_first_second_has_positive_decibels(first, rest, expected_db):
    measured = measure("audio_loudness", np.concatenate([tone(440, 1, first), tone(440, 4, rest)]))
    assert measured["start_db"] == pytest.approx(expected_db, abs=0.05)
    assert measured["loudest_share"] == pytest.approx(0 if first > rest else 0.25, abs=0.01)


def test_dynamics_is_the_distance_between_loud_and_quiet():
    track = np.concatenate([tone(440, 2, 0.5), tone(440, 2, 0.05)])
    assert measure("audio_loudness", track)["dynamics_db"] == pytest.approx(20, abs=0.2)


def test_sounds_too_short_for_a_gating_block_have_no_loudness():
    measured = measure("audio_loudness", tone(440, 0.3))
    assert np.isnan(measured["integrated_lufs"])
    assert np.isnan(measured["start_db"])
    assert measured["peak_db"] == pytest.approx(-6.02, abs=0.05)


def test_digital_silence_is_at_the_gate_and_not_at_minus_infinity():
    measured = measure("audio_loudness", np.zeros(2 * AUDIO_RATE_HZ))
    assert measured["integrated_lufs"] == -70
    assert measured["silence_share"] == 1
    assert np.isnan(measured["crest_db"])


# Spectrum


@pytest.mark.parametrize("hz", [440, 1000, 3000])
def test_the_centroid_of_a_tone_is_its_frequency(hz):
    measured = measure("audio_spectrum", tone(hz))
    assert measured["mean_centroid_hz"] == pytest.approx(hz, rel=0.02)
    assert measured["mean_crossings_ratio"] == pytest.approx(2 * hz / AUDIO_RATE_HZ, rel=0.05)
    assert measured["mean_flatness_ratio"] < 0.01


def test_white_noise_is_flat_up_to_half_the_rate():
    measured = measure("audio_spectrum", noise())
    assert measured["mean_centroid_hz"] == pytest.approx(AUDIO_RATE_HZ / 4, rel=0.02)
    # A flat spectrum: 85 % of it lies under 85 % of its range, which it fills evenly.
    assert measured["mean_rolloff_hz"] == pytest.approx(0.85 * AUDIO_RATE_HZ / 2, rel=0.02)
    assert measured["mean_bandwidth_hz"] == pytest.approx(AUDIO_RATE_HZ / 2 / 12**0.5, rel=0.02)
    assert measured["mean_flatness_ratio"] == pytest.approx(np.exp(-np.euler_gamma), abs=0.02)


def test_timbre_does_not_change_with_the_volume_or_with_silence_added():
    quiet, loud = measure("audio_spectrum", 0.1 * noise()), measure("audio_spectrum", noise())
    for name, value in loud.items():
        assert quiet[name] == pytest.approx(value, rel=1e-3, abs=1e-3), name
    padded = measure("audio_spectrum", np.concatenate([noise(), np.zeros(AUDIO_RATE_HZ)]))
    assert padded["mean_centroid_hz"] == pytest.approx(loud["mean_centroid_hz"], rel=0.01)


def test_the_features_are_librosas_own():
    librosa = load_librosa()
    samples = noise(1.0).astype(np.float32)
    alone = librosa.feature.spectral_centroid(
        y=samples, sr=AUDIO_RATE_HZ, n_fft=1024, hop_length=256
    )
    measured = measure("audio_spectrum", samples)
    assert measured["mean_centroid_hz"] == pytest.approx(float(alone.mean()), rel=1e-5)


def test_one_spectrum_serves_all_who_ask(monkeypatch):
    audio_stft._spectra.clear()
    made = []
    transform = audio_stft._transform
    monkeypatch.setattr(
        audio_stft, "_transform", lambda *given: made.append(1) or transform(*given)
    )
    audio = Audio(noise(2.5).astype(np.float32))
    FEATURIZERS["audio_spectrum"].extract([audio])
    FEATURIZERS["audio_rhythm"].extract([audio])
    assert made == [1]
    # An array that was written to is another sound, though it is the same object.
    before = find_spectrum(audio).magnitude.copy()
    audio.samples[:] *= 0.5
    assert find_spectrum(audio).magnitude.sum() == pytest.approx(before.sum() / 2, rel=1e-4)


# Rhythm


@pytest.mark.parametrize("bpm", [90, 100, 120, 140])
def test_a_click_track_has_its_tempo(bpm):
    measured = measure("audio_rhythm", clicks(bpm))
    assert measured["tempo_bpm"] == pytest.approx(bpm, rel=0.03)
    assert measured["pulse_ratio"] > 0.5
    assert measured["regularity_ratio"] > 0.9
    assert measured["onset_rate"] == pytest.approx(bpm / 60, rel=0.1)


@pytest.mark.parametrize("bpm", [90, 120, 128, 160, 174, 200])
@pytest.mark.parametrize("seconds", [10, 60])
def test_a_metronome_is_regular_however_fast_and_long(bpm, seconds):
    measured = measure("audio_rhythm", clicks(bpm, seconds))
    assert measured["regularity_ratio"] > 0.98
    octave = 2 ** np.round(np.log2(bpm / measured["tempo_bpm"]))
    assert octave * measured["tempo_bpm"] == pytest.approx(bpm, abs=0.05)


def test_beats_with_hits_between_them_are_regular():
    starts = np.arange(0.2, 29.8, 0.25)
    kept = starts[np.random.default_rng(0).random(len(starts)) < 0.8]
    measured = measure("audio_rhythm", clicks_at(kept, 30))
    assert measured["tempo_bpm"] == pytest.approx(120, abs=0.05)
    assert measured["regularity_ratio"] > 0.98


def test_a_hand_is_less_regular_than_a_machine_and_more_than_chance():
    # The mean of a phase that deviates normally by s turns is exp(-(2 pi s) ** 2 / 2).
    starts = np.arange(0.2, 29.8, 60 / 128)
    played = starts + np.random.default_rng(0).normal(0, 0.03, len(starts))
    measured = measure("audio_rhythm", clicks_at(played, 30))
    expected = np.exp(-((TWO_PI * 0.03 * 128 / 60) ** 2) / 2)
    assert measured["regularity_ratio"] == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("seconds", [10, 60, 240])
def test_chance_is_not_regular_however_short(seconds):
    found = []
    for seed in range(8 if seconds < 100 else 3):
        gaps_s = np.random.default_rng(seed).exponential(0.5, 4 * seconds)
        starts = np.cumsum(gaps_s)
        track = clicks_at(starts[starts < seconds - 0.1], seconds)
        found.append(measure("audio_rhythm", track)["regularity_ratio"])
    assert np.mean(found) < 0.25
    assert max(found) < 0.55


def test_three_onsets_tell_no_grid():
    measured = measure("audio_rhythm", clicks_at([1.0, 2.1, 3.3], 12))
    assert np.isnan(measured["regularity_ratio"])
    assert measured["tempo_bpm"] > 0
    four = measure("audio_rhythm", clicks_at([1.0, 2.0, 3.0, 4.0], 12))
    assert four["regularity_ratio"] > 0.98


def test_noise_has_no_clear_pulse():
    measured = measure("audio_rhythm", noise(12))
    assert measured["pulse_ratio"] < 0.25
    assert measured["regularity_ratio"] < 0.3


def test_silence_has_no_tempo():
    measured = measure("audio_rhythm", np.zeros(4 * AUDIO_RATE_HZ))
    assert measured["onset_rate"] == 0
    assert np.isnan(measured["tempo_bpm"])


# Spectrum against librosa


@given(st.integers(0, 2**32 - 1), st.integers(WINDOW_SAMPLES, 30_000), st.floats(1e-4, 0.9))
@settings(max_examples=25, deadline=None)
def test_the_shape_of_a_spectrum_is_librosas(seed, length, level):
    feature = load_librosa().feature
    noise = np.random.default_rng(seed).normal(0, level / 4, length)
    samples = (noise + level * np.sin(np.arange(length) * 0.17)).clip(-1, 1).astype(np.float32)
    magnitude = find_spectrum(Audio(samples)).magnitude
    ours = measure_shape(magnitude, AUDIO_RATE_HZ)
    theirs = {
        "centroid_hz": feature.spectral_centroid(S=magnitude, sr=AUDIO_RATE_HZ),
        "bandwidth_hz": feature.spectral_bandwidth(S=magnitude, sr=AUDIO_RATE_HZ),
        "rolloff_hz": feature.spectral_rolloff(S=magnitude, sr=AUDIO_RATE_HZ),
    }
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values[0], rtol=1e-6, atol=1e-3)
    crossings = feature.zero_crossing_rate(
        samples, frame_length=WINDOW_SAMPLES, hop_length=HOP_SAMPLES
    )
    assert np.array_equal(count_crossings(samples), crossings[0])


# Voice


def test_the_names_are_opensmiles_own_in_its_order():
    import opensmile

    smile = opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02)
    assert list(FUNCTIONALS) == smile.feature_names
    assert len({to_column_name(name) for name in FUNCTIONALS}) == 88


def test_the_pitch_of_440_hz_is_four_octaves_over_27_5():
    measured = measure("audio_voice", tone(440))
    assert measured["f0semitone_from27_5_hz_sma3nz_amean"] == pytest.approx(48, abs=0.1)


def test_samples_at_full_scale_do_not_wrap_around():
    # Multiplied by 32768 and cast to int16, a sample of 1 becomes -1: a click at every crest.
    full = measure("audio_voice", np.clip(tone(440, 2, 1.2), -1, 1))
    lower = measure("audio_voice", 0.999 * np.clip(tone(440, 2, 1.2), -1, 1))
    name = "hnrd_bacf_sma3nz_amean"
    assert full[name] == pytest.approx(lower[name], rel=0.02)


def test_one_engine_gives_every_sound_the_values_of_a_fresh_one():
    import opensmile

    smile = opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02)
    hiss = noise(1.0, 0.2).clip(-1, 0.99).astype(np.float32)
    voice = tone(220, 1.0).astype(np.float32)
    for samples in (hiss, voice, hiss[:2_400], np.zeros(AUDIO_RATE_HZ, np.float32), hiss):
        own = smile.process_signal(samples, AUDIO_RATE_HZ).to_numpy(np.float32)[0]
        ours = load_engine(AUDIO_RATE_HZ).measure((samples * np.float32(32768)).astype(np.int16))
        assert np.array_equal(ours, own, equal_nan=True)


def test_an_engine_that_failed_is_not_used_again(monkeypatch):
    from opensmile.core.lib import OpenSMILE

    engine, samples = Engine(AUDIO_RATE_HZ), (20_000 * tone(220, 1.0)).astype(np.int16)
    before = engine.measure(samples)
    with monkeypatch.context() as patch:
        patch.setattr(OpenSMILE, "run", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            engine.measure(samples)
    assert np.array_equal(engine.measure(samples), before)


def test_too_short_a_sound_has_no_voice():
    assert np.isnan(list(measure("audio_voice", tone(440, 0.05)).values())).all()


# Speech


@pytest.mark.parametrize("samples", [tone(440, 4), noise(4), clicks(120, 4), np.zeros(64_000)])
def test_what_is_no_speech_is_not_called_speech(samples):
    measured = measure("audio_speech", samples)
    assert measured["speech_share"] < 0.05
    assert measured["mean_probability"] < 0.2
    assert np.isnan(measured["first_speech_s"]) or measured["speech_share"] > 0


def test_many_chunks_a_call_give_what_the_streaming_model_gives():
    folder = SPEECH.find().parent
    stream = open_session((folder / "silero_vad.onnx").read_bytes())
    samples = (noise(20) * np.abs(tone(0.3, 20))).astype(np.float32)
    padded = np.concatenate([np.zeros(64, np.float32), samples])
    state, expected = np.zeros((2, 1, 128), np.float32), []
    for start in range(0, len(samples) - 511, 512):
        given = {"input": padded[None, start : start + 576], "state": state}
        value, state = stream.run(None, {**given, "sr": np.array(16_000)})
        expected.append(value[0, 0])
    found = speech_probabilities(Audio(samples))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), max_size=120))
def test_stretches_of_speech_are_silero_vads_own(probabilities):
    from silero_vad.utils_vad import get_speech_timestamps_from_probs

    expected = get_speech_timestamps_from_probs(
        probabilities, audio_length_samples=512 * len(probabilities), speech_pad_ms=0
    )
    spans = speech_spans(np.array(probabilities))
    rounded = [(round(start * 16_000), round(end * 16_000)) for start, end in spans]
    assert rounded == [(span["start"], span["end"]) for span in expected]


def test_speech_needs_the_rate_that_the_model_knows():
    with pytest.raises(UsageError, match="16000"):
        speech_probabilities(Audio(np.zeros(8000, np.float32), rate_hz=8000))


# Weights


def test_weights_that_changed_are_refused(tmp_path: Path):
    changed = Weights("test", "numpy", "numpy", "__init__.py", "0" * 64, "BSD")
    with pytest.raises(StorageError, match="not the file we know"):
        changed.read()
    with pytest.raises(StorageError, match="not installed"):
        Weights("test", "nothing==1", "no_such_module", "a", "0" * 64, "").read()
    assert hashlib.sha256(SPEECH.read()).hexdigest() == SPEECH.sha256


def test_the_shared_mel_bands_are_librosas_own():
    librosa = load_librosa()
    audio = Audio(noise(1.0).astype(np.float32))
    found = find_spectrum(audio)
    power = np.square(found.magnitude)
    mel = librosa.feature.melspectrogram(S=power, sr=AUDIO_RATE_HZ, n_mels=64)
    np.testing.assert_allclose(found.mel_db, librosa.power_to_db(mel, ref=np.max), atol=1e-3)


def test_the_number_of_threads_does_not_change_a_bit():
    script = (
        "import hashlib, numpy as np\n"
        "from virality.data.clip import Audio\n"
        "from virality.featurizers import FEATURIZERS as found\n"
        "sound = np.random.default_rng(0).normal(0, 0.1, 400_123).clip(-1, 1)\n"
        "sounds = [Audio(sound.astype(np.float32))]\n"
        "names = ('audio_loudness', 'audio_spectrum', 'audio_rhythm', 'audio_speech')\n"
        "rows = b''.join(found[name].extract(sounds).tobytes() for name in names)\n"
        "print(hashlib.sha256(rows).hexdigest())\n"
    )
    said = set()
    for threads in ("1", "2"):
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        command = [sys.executable, "-c", script]
        said.add(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert len(said) == 1
