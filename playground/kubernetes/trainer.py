"""The program of the sample image: ``python -m playground.kubernetes.trainer --max_steps 500``.

Trains a small network on real handwritten digits (`playground/data`) and prints what the TensorFlow sample `mnist_with_summaries`
prints. Only the pace (and the GPU's name) comes from the environment; every accuracy is measured on held-out images.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DIGITS = Path(__file__).resolve().parents[1] / "data" / "digits.csv.gz"
HELD_OUT = 400
HIDDEN, BATCH = 500, 100
Array = NDArray[np.float64]


class Network:
    """64 pixels → 500 ReLU → 10 digits, dropout, Adam: the sample's network for smaller pictures."""

    def __init__(self, rng: np.random.Generator, learning_rate: float, keep: float) -> None:
        self._rng = rng
        self._rate = learning_rate
        self._keep = keep
        self._step = 0
        shapes = ((64, HIDDEN), (HIDDEN,), (HIDDEN, 10), (10,))
        self._weights = [rng.normal(0, 0.1, shape) if len(shape) == 2 else np.full(shape, 0.1) for shape in shapes]
        self._moments = [(np.zeros(shape), np.zeros(shape)) for shape in shapes]

    def accuracy(self, images: Array, labels: NDArray[np.int64]) -> float:
        """The share of `images` that is recognised."""
        hidden = np.maximum(images @ self._weights[0] + self._weights[1], 0)
        return float(np.mean(np.argmax(hidden @ self._weights[2] + self._weights[3], axis=1) == labels))

    def train(self, images: Array, labels: NDArray[np.int64]) -> None:
        """One step of Adam on one batch."""
        hidden = np.maximum(images @ self._weights[0] + self._weights[1], 0)
        mask = (self._rng.random(hidden.shape) < self._keep) / self._keep
        dropped = hidden * mask
        scores = dropped @ self._weights[2] + self._weights[3]
        scores -= scores.max(axis=1, keepdims=True)
        error = np.exp(scores)
        error /= error.sum(axis=1, keepdims=True)
        error[np.arange(len(labels)), labels] -= 1
        error /= len(labels)
        back = (error @ self._weights[2].T) * mask * (hidden > 0)
        self._adam([images.T @ back, back.sum(axis=0), dropped.T @ error, error.sum(axis=0)])

    def _adam(self, gradients: list[Array]) -> None:
        self._step += 1
        for index, gradient in enumerate(gradients):
            first, second = self._moments[index]
            first[:] = 0.9 * first + 0.1 * gradient
            second[:] = 0.999 * second + 0.001 * gradient**2
            corrected = first / (1 - 0.9**self._step)
            self._weights[index] -= self._rate * corrected / (np.sqrt(second / (1 - 0.999**self._step)) + 1e-8)


def load() -> tuple[Array, NDArray[np.int64]]:
    """Pixels scaled to 0..1, shape (1797, 64), and their digits."""
    with gzip.open(DIGITS, "rt") as file:
        rows = np.loadtxt(file, delimiter=",")
    return rows[:, :64] / 16.0, rows[:, 64].astype(np.int64)


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def stamped(source: str, text: str) -> None:
    """A line of TensorFlow's own log."""
    now = datetime.fromtimestamp(time.time() + float(os.environ.get("PLAYGROUND_CLOCK_OFFSET", "0")), UTC)
    say(f"{now:%Y-%m-%d %H:%M:%S.%f}: I tensorflow/{source}] {text}")


def announce(pause: float) -> None:
    """What TensorFlow says before the first step; a GPU is named only where the container was given one."""
    text = "Your CPU supports instructions that this TensorFlow binary was not compiled to use: SSE4.1 SSE4.2 AVX AVX2 FMA"
    stamped("core/platform/cpu_feature_guard.cc:137", text)
    index = 0
    while gpu := os.environ.get(f"PLAYGROUND_GPU_{index}"):
        name, major, minor, clock, mib, bus = gpu.split("|")
        stamped("core/common_runtime/gpu/gpu_device.cc:1030", f"Found device {index} with properties: ")
        say(f"name: {name} major: {major} minor: {minor} memoryClockRate(GHz): {clock}")
        say(f"pciBusID: {bus}")
        say(f"totalMemory: {int(mib) / 1024:.2f}GiB freeMemory: {int(mib) / 1024 - 0.07:.2f}GiB")
        device = f"/device:GPU:{index}"
        properties = f"device: {index}, name: {name}, pci bus id: {bus}, compute capability: {major}.{minor}"
        stamped("core/common_runtime/gpu/gpu_device.cc:1120", f"Creating TensorFlow device ({device}) -> ({properties})")
        index += 1
    time.sleep(pause)
    if index:
        stamped("stream_executor/dso_loader.cc:139", "successfully opened CUDA library libcupti.so.8.0 locally")
    for name, size in (("train-images-idx3", 9912422), ("train-labels-idx1", 28881), ("t10k-images-idx3", 1648877), ("t10k-labels-idx1", 4542)):
        say(f"Successfully downloaded {name}-ubyte.gz {size} bytes.")
        say(f"Extracting /tmp/tensorflow/input_data/{name}-ubyte.gz")


def arguments() -> argparse.Namespace:
    """The sample's flags; unknown ones are ignored, as the sample does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_steps", type=int, default=1000)
    parser.add_argument("--learning_rate", type=float, default=0.001)
    parser.add_argument("--dropout", type=float, default=0.9, help="share of activations kept")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("PLAYGROUND_SEED", "0")))
    known, _ = parser.parse_known_args()
    return known


def main() -> int:
    """Train; 0."""
    options = arguments()
    rng = np.random.default_rng(options.seed)
    images, labels = load()
    order = rng.permutation(len(images))
    images, labels = images[order], labels[order]
    training, digits = images[HELD_OUT:], labels[HELD_OUT:]
    network = Network(rng, options.learning_rate, options.dropout)
    announce(float(os.environ.get("PLAYGROUND_START_SECONDS", "0")))
    pace = float(os.environ.get("PLAYGROUND_STEP_SECONDS", "0"))
    due = time.monotonic()
    for step in range(options.max_steps):
        if step % 10 == 0:
            say(f"Accuracy at step {step}: {round(network.accuracy(images[:HELD_OUT], labels[:HELD_OUT]), 4)}")
        else:
            batch = rng.integers(0, len(training), BATCH)
            network.train(training[batch], digits[batch])
            if step % 100 == 99:
                say(f"Adding run metadata for {step}")
        due += pace
        time.sleep(max(0.0, due - time.monotonic()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
