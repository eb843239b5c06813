"""The beats of an audio file, for a camera that follows them. The one meeting with librosa."""

from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from zoomlib.errors import InvalidInputError
from zoomlib.film import ffmpeg

Sound = NDArray[np.float32]

RATE_HZ = 22050
HEARD_S = 60.0  # a tempo is found more surely in this much music, however short the film
LONGEST_S = 2 * 3600.0

PAD = 2 * RATE_HZ  # samples of silence at both ends: the tracker puts beats there, and an onset needs a before
COARSE, FINE = (512, 2048), (64, 512)  # samples from value to value of an onset curve, and in its windows
BANDS, HIGHEST_HZ = 40, 11025
BLOCK = 20_000  # values of an onset curve that are made at a time
LAG = 3  # values over which an onset is a rise in the fine curve; its top is as much later than the onset
REACH = 0.2  # of the time between beats: so far from where the tracker hears a beat, its onset is looked for
EARLY_S = 0.01  # a beat that comes out so little before the start is on it
FAINT = 0.25  # of the usual rise at a beat: what rises less is no onset


def find_beats(audio: Path, duration_s: float) -> tuple[float, ...]:
    """Times of the beats within the first `duration_s` seconds of an audio file, in seconds, growing.

    The tempo and its beats by dynamic programming (Ellis 2007, "Beat tracking by dynamic programming", as in librosa);
    each beat is then set on the steepest rise of the spectrum beside it, of which that method is 20 to 40 ms late.
    Where a beat is known by its regularity alone it stays, but not before the first onset or after the last. Any format
    that ffmpeg reads.

    Raises InvalidInputError where there is no such file, no sound or beat in it, or no librosa.
    """
    if not (0 < duration_s <= LONGEST_S):
        raise InvalidInputError(f"Beats are looked for in 0 to {LONGEST_S:g} seconds of audio, got {duration_s}.")
    librosa = _librosa()
    sound = np.pad(_decoded(audio, max(duration_s, HEARD_S)), PAD)
    coarse = _onsets(librosa, sound, *COARSE, lag=1)
    late = librosa.beat.beat_track(onset_envelope=coarse, sr=RATE_HZ, hop_length=COARSE[0], units="time", trim=False)[1]
    beats = _on_onsets(late, _onsets(librosa, sound, *FINE, lag=LAG)) - PAD / RATE_HZ if len(late) > 1 else late[:0]
    found = tuple(max(float(beat), 0.0) for beat in beats if -EARLY_S <= beat < duration_s)
    if not found:
        raise InvalidInputError(
            f"No beat is heard in the first {duration_s:.6g} s of {audio}; give another file, or none for even motion."
        )
    return found


def _librosa() -> ModuleType:
    try:
        import librosa
    except ImportError as error:
        raise InvalidInputError(
            f"To follow the beat of an audio file librosa is needed ({error}): pip install 'tenfold[beat]'."
        ) from error
    found: ModuleType = librosa
    return found


def _decoded(audio: Path, longest_s: float) -> Sound:
    """The first `longest_s` seconds as one channel at RATE_HZ."""
    if not audio.is_file():
        raise InvalidInputError(f"There is no audio file {audio}; give the path of one that exists.")
    ffmpeg.executable()  # where there is none the file is not to blame
    wanted = ["-t", f"{longest_s:.3f}", "-i", ffmpeg.url(audio), "-map", "0:a:0", "-ac", "1", "-ar", str(RATE_HZ)]
    try:
        sound = ffmpeg.output([*wanted, "-f", "f32le", "-"], f"To hear the beat of {audio}")
    except ffmpeg.VideoError as error:
        raise InvalidInputError(f"{audio} has no sound that can be read; give an audio file. {error}") from error
    return np.frombuffer(sound, "<f4")


def _onsets(librosa: ModuleType, sound: Sound, hop: int, window: int, lag: int) -> NDArray[np.float64]:
    """How much the amplitudes of the spectrum (mel bands) rise over `lag` values, every `hop` samples.

    Amplitudes, not decibels: in those every faint sound between the beats counts as much as they do. In blocks, as the
    spectra of an hour would fill the memory.
    """
    half = window // (2 * hop)  # a stroke shows first in the window that ends with it
    padded = np.pad(sound, window // 2)
    count = len(sound) // hop + 1
    rises = np.zeros(count)
    for first in range(0, count, BLOCK):
        last = min(first + BLOCK + lag, count)
        part = padded[first * hop : (last - 1) * hop + window]
        bands = {"hop_length": hop, "n_fft": window, "n_mels": BANDS, "fmax": HIGHEST_HZ, "center": False}
        amplitudes = np.sqrt(librosa.feature.melspectrogram(y=part, sr=RATE_HZ, **bands))
        rises[first + lag : last] = np.maximum(amplitudes[:, lag:] - amplitudes[:, :-lag], 0).mean(axis=0)
    return np.concatenate([np.zeros(half), rises[: count - half]])


def _on_onsets(beats: NDArray[np.float64], onsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each of `beats` (seconds) on its onset; one that has none is as much earlier as the others were late."""
    reach = max(round(REACH * float(np.median(np.diff(beats))) * RATE_HZ / FINE[0]), 1)
    nearness = 1 - (np.arange(-reach, reach + 1) / (reach + 1)) ** 2
    around = np.pad(onsets, reach)
    at = np.minimum(np.round(beats * RATE_HZ / FINE[0]).astype(int), len(onsets) - 1)
    near = np.stack([around[i : i + 2 * reach + 1] for i in at]) * nearness
    rises = near.max(axis=1)
    clear = (rises > 0) & (rises >= FAINT * np.median(rises))
    if not clear.any():
        return beats[:0]
    exact = (at + near.argmax(axis=1) - reach - LAG) * FINE[0] / RATE_HZ
    moved = np.where(clear, exact, beats + np.median((exact - beats)[clear]))
    first, last = np.flatnonzero(clear)[[0, -1]]
    return np.unique(moved[first : last + 1])
