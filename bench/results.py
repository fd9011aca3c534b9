"""How fast a log is summarised, beside `grep -c -i accuracy` on the same file, and how much memory an endless one takes.

    python -m bench.results [--megabytes 64] [--gib 0.25] [--kind KIND]

`--gib 10` feeds ten GiB through a pipe; nothing of them is stored.

`ratio` is summary time over grep's time on the same file (grep reads every byte once and understands none of them).
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

_SEED = 7
_COMMAND = [sys.executable, "-c", "import sys; from bot.results.cli import main; sys.exit(main(sys.argv[1:]))"]

Line = Callable[[random.Random, int], str]


def _step(rng: random.Random, i: int) -> str:
    head = f"2026-01-01 12:00:{i % 60:02d},{i % 1000:03d} INFO Epoch {i // 1000} step {i % 1000}/1000"
    return f"{head} loss: {rng.random():.4f} lr: {rng.random():.2e} accuracy: {rng.random():.4f}"


def _bar(rng: random.Random, i: int) -> str:
    head = f"\rEpoch {i // 1000}:  {i % 100}%|██████    | {i % 1000}/1000 [00:{i % 60:02d}<00:10"
    return f"{head}, {rng.random() * 9:.2f}it/s, loss={rng.random():.3f}, v_num=0]"


def _shard(rng: random.Random, i: int) -> str:
    head = f"2026-01-01T12:00:{i % 60:02d}.{i % 1000:03d}Z INFO worker-{i % 8} dataloader fetched"
    return f"{head} shard {i} of 100000 in {rng.random() * 9:.3f} s queue depth {i % 99}"


def _channel(rng: random.Random, i: int) -> str:
    return f"node-0:12:34 [{i % 8}] NCCL INFO Channel {i % 32:02d}/32 : {i % 8}[0] -> {(i + 1) % 8}[{i % 64:x}] via P2P/IPC"


def _evaluated(rng: random.Random, i: int) -> str:
    loss, accuracy, seconds = rng.random(), rng.random(), rng.random() * 9
    return f"{{'eval_loss': {loss:.4f}, 'eval_accuracy': {accuracy:.4f}, 'eval_runtime': {seconds:.3f}, 'epoch': {i / 1000:.2f}}}"


def _layer(rng: random.Random, i: int) -> str:
    return f"2026-01-01T12:00:{i % 60:02d}Z INFO registry pulled layer sha256:{rng.getrandbits(256):064x} in {rng.random() * 9:.3f} s"


def _request(rng: random.Random, i: int) -> str:
    trace = f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4{rng.getrandbits(12):03x}-{rng.getrandbits(16):04x}-{rng.getrandbits(48):012x}"
    return f'{{"ts":{i},"level":"info","msg":"train step","trace":"{trace}","step":{i},"loss":{rng.random():.4f}}}'


def _word(rng: random.Random) -> str:
    return "".join(rng.choices("etaoinshrdlcumwfgypb", k=rng.randint(3, 9)))


def _picture(rng: random.Random, i: int) -> str:
    """A metric line with the name of a file that no other line has."""
    return f"2026-01-01 12:00:{i % 60:02d} INFO step {i} loss {rng.random():.4f} acc {rng.random():.4f} file {_word(rng)}_{_word(rng)}.jpg"


def _text(rng: random.Random, i: int) -> str:
    """Free text with ever new words."""
    return f"2026-01-01 12:00:{i % 60:02d} INFO {' '.join(_word(rng) for _ in range(12))}"


def _payload(rng: random.Random, _: int) -> str:
    return f"payload {base64.b64encode(rng.randbytes(45)).decode()} accepted"


def _commit(rng: random.Random, i: int) -> str:
    return f"2026-01-01T12:00:{i % 60:02d}Z step={i} loss={rng.random():.4f} acc={rng.random():.4f} commit {rng.getrandbits(160):040x}"


_KINDS: dict[str, tuple[tuple[Line, int], ...]] = {
    "mixed": ((_step, 40), (_bar, 40), (_shard, 15), (_channel, 15), (_evaluated, 1)),
    "dense": ((_step, 200), (_evaluated, 1)),
    "hashes": ((_layer, 20), (_request, 20), (_evaluated, 1)),
    "commits": ((_commit, 40), (_payload, 40), (_evaluated, 1)),
    "files": ((_picture, 200), (_evaluated, 1)),
    "text": ((_text, 200), (_evaluated, 1)),
    "noise": ((_shard, 1), (_channel, 1), (_shard, 1), (_evaluated, 0)),
}


def lines(kind: str) -> Iterator[str]:
    """An endless log: runs of alike lines, as loops print them."""
    rng, i = random.Random(_SEED), 0
    while True:
        for line, times in _KINDS[kind]:
            for _ in range(times):
                i += 1
                yield line(rng, i)
        if kind == "noise" and i % 300 == 0:
            yield _evaluated(rng, i)


def _sample(kind: str, size: int) -> bytes:
    parts, total = [], 0
    for line in lines(kind):
        part = (line + "\n").encode()
        parts.append(part)
        total += len(part)
        if total >= size:
            break
    return b"".join(parts)


def _seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.PIPE, check=False)  # grep stops at the first match where nobody reads it
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def speed(kind: str, megabytes: int) -> dict[str, object]:
    """Processor seconds for one file: ours, grep's, and the ratio."""
    sample = _sample(kind, 4 << 20)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        with path.open("wb") as file:
            for _ in range(max(1, megabytes // 4)):
                file.write(sample)
        size = path.stat().st_size / 1e6
        start = _seconds([*_COMMAND, os.devnull])
        ours = min(_seconds([*_COMMAND, str(path)]) for _ in range(2)) - start
        grep = min(_seconds(["grep", "-c", "-i", "accuracy", str(path)]) for _ in range(2))
    grep = max(grep, 1e-3)
    return {
        "kind": kind,
        "megabytes": round(size),
        "mb_per_s": round(size / ours, 1),
        "grep_mb_per_s": round(size / grep, 1),
        "ratio": round(ours / grep, 1),
    }


def memory(kind: str, gib: float) -> dict[str, object]:
    """Peak memory (MiB) and speed of the command fed through a pipe."""
    sample = _sample(kind, 4 << 20)
    child = subprocess.Popen([*_COMMAND, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert child.stdin is not None
    left = int(gib * (1 << 30))
    while left > 0:
        child.stdin.write(sample[:left])
        left -= len(sample)
    child.stdin.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = usage.ru_utime + usage.ru_stime
    return {"stream_gib": gib, "peak_mib": round(usage.ru_maxrss / 1024, 1), "mb_per_s": round(gib * 1073.7 / seconds, 1), "exit": child.returncode}


def main() -> int:
    """Prints one JSON line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--gib", type=float, default=0.25, help="size of the stream whose memory is measured")
    parser.add_argument("--kind", choices=sorted(_KINDS))
    options = parser.parse_args()
    for kind in [options.kind] if options.kind else sorted(_KINDS):
        print(json.dumps(speed(kind, options.megabytes)), flush=True)
    print(json.dumps(memory(options.kind or "mixed", options.gib)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
