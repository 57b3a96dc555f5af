"""Sentiment learnt from a shop's own stars: logistic regression over hashed n-grams of characters and words.

Of one to three neighbouring tokens (a Chinese character, or a Latin word) each n-gram that occurs is a feature, hashed
into one of 2^18 places (Weinberger et al., 2009), weighted alike and scaled by the root of their number; fitted by
AdaGrad (Duchi et al., 2011), with a seed: the same texts give the same model.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feedback.understanding.texts import normal

BITS = 18
PLACES = 1 << BITS
LONGEST = 3
"""Tokens of an n-gram."""
EPOCHS, RATE, DECAY, AT_A_TIME = 6, 0.5, 1e-7, 256
UNSURE = 0.2
"""Log-odds between which a text is taken as neutral."""
_TOKEN = re.compile(r"[a-z0-9']+|[^\W_]|[^\w\s]")
_MIX, _SPREAD = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77)
Features = npt.NDArray[np.uint32]
Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Model:
    """`weights` by place, and what stands for no feature at all."""

    weights: Weights
    bias: float

    def log_odds(self, text: str) -> float:
        """That a text in normal form is positive."""
        found = features(text)
        total = float(self.weights[found].sum())
        return float(self.bias + total / max(len(found), 1) ** 0.5)

    def judge(self, text: str) -> int:
        odds = self.log_odds(text)
        return 0 if abs(odds) < UNSURE else 1 if odds > 0 else -1

    def packed(self) -> bytes:
        """As it is stored: half precision, compressed."""
        return zlib.compress(np.append(self.weights, np.float32(self.bias)).astype("<f2").tobytes(), 6)


def unpacked(stored: bytes) -> Model:
    """What `packed` made. Raises ValueError."""
    try:
        found = np.frombuffer(zlib.decompress(stored), "<f2").astype(np.float32)
    except zlib.error:
        raise ValueError("no model") from None
    if len(found) != PLACES + 1:
        raise ValueError(f"a model has {PLACES} weights")
    return Model(found[:-1], float(found[-1]))


def features(text: str) -> Features:
    """The places of the n-grams of a text in normal form, each once, sorted."""
    tokens = [ord(t) if len(t) == 1 else zlib.crc32(t.encode()) | 0x20_0000 for t in _TOKEN.findall(text)]
    ids = np.array(tokens, dtype=np.uint32)
    found = []
    for length in range(1, min(LONGEST, len(ids)) + 1):
        count = len(ids) - length + 1
        mixed = np.full(count, length * 0x12345, dtype=np.uint32)
        for k in range(length):
            mixed = (mixed ^ ids[k : k + count]) * _MIX
            mixed ^= mixed >> np.uint32(15)
        found.append((mixed * _SPREAD) >> np.uint32(32 - BITS))
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint32)


def fit(texts: Sequence[str], positive: Sequence[bool], seed: int = 1) -> Model:
    """A model of these texts, which are as they were written."""
    return fit_features([features(normal(text)) for text in texts], np.array(positive, dtype=np.float64), seed)


def fit_features(found: Sequence[Features], positive: npt.NDArray[np.float64], seed: int) -> Model:
    """Batch by batch, each weight at a rate that falls with what it has moved."""
    weights, moved, bias = np.zeros(PLACES), np.full(PLACES, 1e-8), 0.0
    random = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        order = random.permutation(len(found))
        for start in range(0, len(order), AT_A_TIME):
            chosen = order[start : start + AT_A_TIME]
            lengths = np.array([len(found[i]) for i in chosen])
            places, which = np.unique(np.concatenate([found[i] for i in chosen]), return_inverse=True)
            row = np.repeat(np.arange(len(chosen)), lengths)
            value = (1 / np.sqrt(np.maximum(lengths, 1)))[row]
            odds = bias + np.bincount(row, weights=weights[places][which] * value, minlength=len(chosen))
            error = 1 / (1 + np.exp(-odds)) - positive[chosen]
            slope = np.bincount(which, weights=value * error[row], minlength=len(places)) / len(chosen)
            slope += DECAY * weights[places]
            moved[places] += slope * slope
            weights[places] -= RATE * slope / np.sqrt(moved[places])
            bias -= 0.1 * RATE * float(error.mean())
    return Model(weights.astype(np.float32), bias)
