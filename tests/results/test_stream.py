"""Size and shape of the input: long lines, progress bars without line ends, files, pipes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from bot.results import Summariser, summarise
from bot.results.cli import main
from bot.results.stream import LINE_LIMIT

_COMMAND = [sys.executable, "-c", "import sys; from bot.results.cli import main; sys.exit(main(sys.argv[1:]))"]


def test_memory_does_not_grow_with_the_log() -> None:
    summariser = Summariser()
    block = "".join(f"Epoch {i} step {i} loss: 0.{i:04d} val_acc: 0.{i:04d}\n" for i in range(4000)).encode()
    for _ in range(10):
        summariser.feed(block)
    tracemalloc.start()
    for _ in range(100):
        summariser.feed(block)
    grown, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 2 << 20
    assert peak < 16 << 20


def test_a_line_without_end_is_read_at_its_head_only() -> None:
    summariser = Summariser()
    summariser.feed(b"val_acc: 0.5 ")
    for _ in range(200):
        summariser.feed(b"x" * 100_000)
    summariser.feed(b" val_acc: 0.9\nval_acc: 0.6\n")
    summary = summariser.summary()
    assert (summary.final, summary.steps_seen) == (0.6, 2)


def test_a_long_line_is_cut_at_the_same_place_however_it_comes() -> None:
    text = "acc 0.5 " + "y" * LINE_LIMIT + " acc 0.9\nacc 0.7\n"
    assert summarise(text) == summarise([text[at : at + 1000] for at in range(0, len(text), 1000)])


def test_bars_that_overwrite_their_line_count_once_an_epoch() -> None:
    text = "".join(f"\rEpoch {e}: {i}%|██ | {i}/100 [00:01<00:02, 9.5it/s, loss={1 / (e + i + 1):.3f}]" for e in range(3) for i in range(101))
    summary = summarise(text)
    assert (summary.metric, summary.split, summary.steps_seen, summary.final) == ("loss", "train", 3, 0.01)


def test_the_curve_has_at_most_a_hundred_points_with_both_ends() -> None:
    summary = summarise("".join(f"step {i} loss {1000 - i}.5\n" for i in range(12_345)))
    assert len(summary.points) <= 100
    assert summary.points[0] == (0.0, 1000.5)
    assert summary.points[-1] == (12_344.0, -11_344.5)
    assert summary.steps_seen == 12_345


def test_a_tail_gives_what_the_tail_says() -> None:
    log = "".join(f"step {i} loss {1 / (i + 1):.4f}\n" for i in range(1000))
    assert summarise(log[-300:]).final == summarise(log).final


def test_the_command_prints_json_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"epoch 1 test_acc 0.91\r\nepoch 2 test_acc 0.93\r\n")
    assert main([str(log)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["metric"], told["split"], told["final"]) == ("accuracy", "test", 0.93)


def test_the_command_says_when_a_file_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_the_command_reads_a_pipe() -> None:
    done = subprocess.run([*_COMMAND, "-"], input=b"epoch 1 val_acc 0.5\n\xff\xfe\n", capture_output=True, check=True)
    assert json.loads(done.stdout)["final"] == 0.5


_HOSTILE = ["a.", "--a ", " -a 1", "acc: 0.5 ", "epoch 1 50% ", "9", " ", "1/", "accuracy of ", "NVIDIA A1-", "validation score of 1 % ", "Error: "]


@pytest.mark.parametrize("unit", _HOSTILE)
def test_a_hostile_line_takes_no_longer_than_a_long_one(unit: str) -> None:
    started = time.process_time()
    summarise((unit * (LINE_LIMIT // len(unit)) + " acc 0.5\n") * 2)
    assert time.process_time() - started < 3


_PUMPED = {  # each line is of another shape, or a reading of the first would serve for all
    "digits where a progress bar may stand": ([f"loss {{}} {'1' * 16_000}"], 400),
    "blanks behind a name": ([f"acc {{}}:{chr(160) * 490}x 0.5"], 3_000),
    "a bar that is never closed": ([f"{{}} [{'=' * 16_000}"], 2_000),
    "blanks behind what tells of a device": ([f"{{}} cuda.is_available(){' ' * 3_900}!"], 100),
    "blanks behind a name that follows its value": ([f"1 = a{{}}{' ' * 3_900}!"], 100),
    "a cell full of digits": (["epoch | loss | acc", *[f"1 | {'1' * 16_000}{{}} | 0.5"] * 10], 100),
    "a list without blanks, of one shape": ([f"loss {','.join(['0.5'] * 60)}"], 10),
    "a checkpoint without a number": ([f"load {{}} {'.pt ' * 4_000}loss"], 2_000),
}


def _word(i: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in str(i))


@pytest.mark.parametrize("lines", _PUMPED.values(), ids=_PUMPED)
def test_a_log_of_lines_that_defeat_backtracking_is_read_to_its_end(lines: tuple[list[str], int]) -> None:
    pattern, times = lines
    summary = summarise("\n".join([line.format(_word(i)) for i in range(times) for line in pattern] + ["test_acc: 0.75"]))
    assert (summary.metric, summary.final) == ("accuracy", 0.75)


def test_a_line_of_hashes_that_is_of_a_known_shape_but_for_its_end_is_read_to_its_end() -> None:
    hashes = [" ".join(hashlib.sha256(f"{i} {k}".encode()).hexdigest() for k in range(12)) for i in range(60)]
    lines = [f"loss 0.5 {text} x{1 if i < 40 else 2}" for i, text in enumerate(hashes)]
    assert summarise("\n".join([*lines, "test_acc: 0.75"])).final == 0.75
