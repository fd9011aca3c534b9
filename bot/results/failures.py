"""The one line that explains why a run ended badly; nothing for troubles that the run survived."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

ROOT, EXCEPTION, SIGNAL, CONSEQUENCE = 0, 1, 2, 3  # causes before their consequences

_LONGEST: Final = 500
_LONGEST_READ: Final = 2_000
_LONGEST_TRACEBACK: Final = 400
_MOST_SOURCES: Final = 64
_MOST_CAUSES: Final = 200

_ROOT: Final = re.compile(
    r"CUDA out of memory|CUDA error|cudaError\w+|CUDA_ERROR_\w+|OutOfMemoryError|out of memory|OOMKilled|OOM when allocating"
    r"|Out of memory: Kill|CUBLAS_STATUS_\w+|CUDNN_STATUS_\w+"
    r"|CUDA driver version is insufficient|[Dd]river/library version mismatch|couldn't communicate with the NVIDIA driver"
    r"|Found no NVIDIA driver|NVIDIA driver on your system is too old"
    r"|No CUDA GPUs are available|no CUDA-capable device is detected|Torch not compiled with CUDA|Failed to initialize NVML"
    r"|Unexpected bus error|[Bb]us error|insufficient shared memory|DataLoader worker .* (?:killed|exited)"
    r"|NCCL error|ncclUnhandledCudaError|ncclSystemError|ncclInternalError|ncclRemoteError|DistBackendError"
    r"|[Ww]atchdog caught collective operation timeout"
    r"|UnexpectedAdmissionError|Allocate failed due to|nvidia-container-cli:|Segmentation fault|SIGSEGV|[Nn]o space left on device"
    r"|std::bad_alloc|illegal memory access"
    r"|device-side assert|uncorrectable ECC|fallen off the bus|MemoryError|illegal instruction|Illegal instruction|exec format error"
    r"|executable file not found"
    r"|Xid \(.*\): \d+|ModuleNotFoundError|ImportError|FileNotFoundError|no kernel image is available"
)
_FATAL_LEAD: Final = re.compile(
    r"^(?:[\w.]+(?:Error|Exception|Exit|Interrupt|Killed)\b|RuntimeError|ERROR\b|Error\b|E\b|FATAL|Fatal|\[?rank\d|terminate called|what\(\)"
    r"|\*\*\*|!!|python3?:|\w+: error:|Failed|Could not|CUDA|cuda|GPUassert"
    r"|Segmentation|Bus error|NVIDIA-SMI has failed|Failed to|Killed|Aborted|F\d{4}|Check failed|slurmstepd|Warning\s+\w+|Reason:|\s*State:"
    r"|OOMKilled|Out of memory|UnexpectedAdmissionError|mpirun|srun: error|/\S+: line \d+|bash:|sh:|exec|nvidia-container-cli|NVRM"
    r"|\[ *\d+\.\d+\]|traps|CUDNN|CUBLAS|Error response|docker:|standard_init|container)"
)
_ALONE: Final = re.compile(
    r"^(?:.{0,80}?: line \d+: +\d+ )?(?:Killed|Segmentation fault|Bus error|Aborted|Illegal instruction|Floating point exception|Terminated"
    r"|Trace/breakpoint trap|Quit)\b(?: *\(core dumped\))?(?:[\s'\"].{0,200})?$"
    r"|^slurmstepd: error: .*(?:CANCELLED|OOM|oom|Exceeded|exceeded|Detected)|^srun: error: .*(?:Killed|Exited|Segmentation|Aborted|Out Of Memory)"
    r"|^Warning\s+(?:FailedScheduling|Failed|FailedMount|FailedCreate\w*|Evicted|UnexpectedAdmissionError|OOMKilling|FailedAttachVolume"
    r"|FailedCreatePodSandBox|Preempt\w*|BackOff)\s"
    r"|^(?:python3?|bash|sh|/bin/\w+|/usr/bin/\S+|\S+\.sh): .*(?:[Nn]o such file or directory|command not found|can't open file"
    r"|[Pp]ermission denied|not found)"
    r"|^[\w.\-/]+(?:\.py)?: error: |^NVIDIA-SMI has failed|^Failed to initialize NVML|^Failed to allocate device|^nvidia-container-cli:"
    r"|^terminate called after throwing"
    r"|^F\d{4} .*Check failed|^Check failed: .*cuda|^\s*(?:Reason:|reason:)\s+(?:OOMKilled|Evicted|Error|ContainerCannotRun|DeadlineExceeded"
    r"|UnexpectedAdmissionError|ErrImagePull|ImagePullBackOff|CreateContainer\w*Error)"
    r"|^Error: (?:failed to|ErrImagePull|ImagePullBackOff|cannot|could not|unable|container|context)"
    r"|^Error (?:response from daemon|from server)|^(?:CUDA"
    r"|cuda)\S* (?:error|failure)\b.{0,200}|^GPUassert:"
    r"|^MPI_ABORT was invoked|^OOM when allocating|^Fatal Python error: |(?:^|kernel: )Out of memory: Kill|^F (?:tensorflow|external|\.)\S*\] "
    r"|^Watchdog caught|^traceback +: Signal \d+ "
    r"|^mpirun noticed that process|^(?:Uncaught|Unhandled) exception|^thread '.*' panicked at|^panic: |^Exception in thread \"[^\"]*\" "
    r"|NCCL WARN .*(?:[Nn]o space left|unhandled|failed)|specified backoff limit|BackoffLimitExceeded|^DeadlineExceeded"
    r"|longer than specified deadline|DUE TO (?:TIME LIMIT|PREEMPTION)|^ERROR: Unexpected bus error|^.{0,60}: symbol lookup error:"
    r"|^.{0,80}error while loading shared libraries:|^.{0,40}cudaGetDeviceCount returned \d+|^-> (?:no CUDA-capable|CUDA driver version)"
    r"|^exec (?:user process caused|/\S+): |.*OCI runtime create failed"
)
_EXCEPTION: Final = re.compile(r"^((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?:: (.*)|:?)$")
_EXCEPTION_NAME: Final = re.compile(
    r"(?:Error|Exception|Interrupt|Exit|Timeout|Refused|NotFound|Killed|Failed|Failure|Expired|Aborted|Denied|Warning|Stop\w{0,60}"
    r"|Errors)$|^[a-z_]+(?:\.\w+)+$"
)
_BARE_EXCEPTION: Final = re.compile(r"^(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Interrupt)(?:: .+|:)?$")
_CONSEQUENCE: Final = re.compile(
    r"ChildFailedError|CalledProcessError|ProcessExitedException|ProcessRaisedException|SystemExit|returned non-zero exit"
    r"|exit(?:ed)? (?:with )?(?:code|status)|exitcode|SIGTERM|Process \d+ terminated|Back-off restarting|BrokenPipeError|ConnectionResetError"
    r"|TCPStore|Connection (?:reset|closed|refused)"
    r"|KeyboardInterrupt|Broken pipe|EOFError|Killing subprocess|The above exception|Terminated$|^Aborted|RayTaskError|Fatal Python error: Aborted"
)
_EXIT: Final = re.compile(
    r"(?i)^(?:.{0,160}\b(?:exit(?:ed)?|exits|return(?:ed)?|terminated) (?:with |non-zero )?(?:exit )?(?:code|status"
    r"|signal)?\s*(?:[:=]\s*)?\(?(?!0\b)-?[1-9]\d{0,2}\b|.{0,60}\bexitcode\s*:\s*-?[1-9]\d*\b)"
)
_SURVIVED: Final = re.compile(
    r"(?i)\b(?:retry(?:ing)?|skipping|skipped|ignored?|ignoring|fall(?:ing|s)? ?back|reducing|recover(?:ed|ing|y)|will be|non-fatal"
    r"|not a (?:failure|git)|warn(?:ing)?s?|deprecat\w*|continu(?:e|ing)|handled|trying again|attempt \d|resuming|caught)\b"
)
_NOISE: Final = re.compile(
    r"ran out of memory trying to allocate|Unable to register cu|ignore above|failed call to cuInit|tensorflow/(?:stream_executor|compiler"
    r"|core)/.*(?:dso_loader|cuda_driver|cuda_dnn|cuda_diagnostics|numa)|not a git repository"
)
_CHAIN: Final = re.compile(r"^(?:The above exception was the direct cause|During handling of the above exception)")
_IGNORED: Final = re.compile(r"^(?:Exception ignored in|--- Logging error ---|Error in atexit)")
_DONE: Final = re.compile(  # matched against lower case
    r"^\W*(?:training|train|run|job|fine-?tuning|fit|all) (?:is |has |was )?(?:successfully )?(?:completed?|finished|done|succeeded)\b"
    r"|\btraining (?:is |has )?(?:completed?|finished|done)\b|`?(?:trainer\.fit|fit)`? stopped|^\W*(?:done|finished|success(?:fully)?|completed)\W*$"
)
_STEM: Final = re.compile(  # matched against lower case
    r"error|exception|traceback|kill|fatal|abort|segment|signal|panic|backoff|deadline|dumped|cuda|nccl|nvml|nvidia|oom|memory|terminat|cancel"
    r"|evict|admission|fail|no such|not found|denied|interrupt"
    r"|exit|what\(\)|xid|assert|bus |slurmstepd|watchdog|no space|bad_alloc|illegal|floating point|due to|handling of|logging|reason:|complete"
    r"|finish|done|success|stopped|quit$|return"
)


class Effect(Enum):
    """What a line was to the failures: nothing, something, or part of one (so that it holds no result)."""

    NONE = 0
    SOME = 1
    PART = 2


@dataclass(slots=True)
class _Cause:
    line: str
    grade: int
    source: str
    chained: bool = False


class Failures:
    """Follows the log; :meth:`progress` and a word of completion clear what went before from the same source."""

    def __init__(self) -> None:
        self._causes: list[_Cause] = []
        self._inside: dict[str, int] = {}  # source -> lines left in which a traceback's last line is looked for
        self._ignore: set[str] = set()
        self._chained: set[str] = set()

    @property
    def watching(self) -> bool:
        """Whether the next lines matter although they hold no word of interest."""
        return bool(self._inside)

    def inside(self, source: str) -> bool:
        """Whether `source` is printing a traceback."""
        return source in self._inside

    def progress(self, source: str) -> None:
        """The run of `source` goes on: what it reported so far was survived."""
        if self._causes:
            self._causes = [cause for cause in self._causes if cause.source != source]
        self._chained.discard(source)

    def verdict(self) -> str | None:
        """The line that explains the end, or None."""
        if not self._causes:
            return None
        grade = min(cause.grade for cause in self._causes)
        best = [cause for cause in self._causes if cause.grade == grade]
        chained = [cause for cause in best if cause.chained and cause.source == best[0].source]
        return (chained[-1] if chained and grade == EXCEPTION else best[0]).line

    def read(self, source: str, text: str, low: str) -> Effect:
        """Takes one line (and the same in lower case)."""
        if source not in self._inside and _STEM.search(low) is None:
            return Effect.NONE
        if "Traceback (most recent call last)" in text:
            if len(self._inside) < _MOST_SOURCES:
                self._inside[source] = _LONGEST_TRACEBACK
            return Effect.PART
        if source in self._inside:
            return Effect.PART if self._in_traceback(source, text.rstrip()) else Effect.SOME
        stripped = text.strip()
        if _IGNORED.match(stripped):
            self._ignore.add(source)
            return Effect.PART
        if _CHAIN.match(stripped):
            self._chained.add(source)
            return Effect.PART
        if _DONE.search(low) and "fail" not in low and "error" not in low:
            self.progress(source)
            return Effect.SOME
        return Effect.PART if self._alone(source, stripped) else Effect.NONE

    def _in_traceback(self, source: str, line: str) -> bool:
        left = self._inside[source] - 1
        if left <= 0:
            del self._inside[source]
            return False
        self._inside[source] = left
        if not line.strip() or line[0] in " \t|+│╭╰" or line.startswith(("File ", ": Traceback")):
            return True
        stripped = line.strip()
        if _CHAIN.match(stripped):
            self._chained.add(source)
            return True
        found = _EXCEPTION.match(stripped)
        del self._inside[source]
        if found and (_EXCEPTION_NAME.search(found[1]) or found[1][0].isupper()):
            if source in self._ignore or found[1].endswith("Warning"):
                self._ignore.discard(source)
                return True
            self._note(source, stripped, EXCEPTION)
            return True
        return self._alone(source, stripped)

    def _alone(self, source: str, line: str) -> bool:
        if len(line) > _LONGEST_READ or (_NOISE.search(line) and not line.startswith("F ")):
            return False
        if _ALONE.search(line):
            self._note(source, line, SIGNAL)
            return True
        if _BARE_EXCEPTION.match(line) and not _SURVIVED.search(line):
            self._note(source, line, EXCEPTION)
            return True
        if _ROOT.search(line) and _FATAL_LEAD.search(line) and not _SURVIVED.search(line):
            self._note(source, line, EXCEPTION)
            return True
        if line.startswith("what():"):
            self._note(source, line, ROOT)
            return True
        if _EXIT.match(line):
            self._note(source, line, CONSEQUENCE)
            return True
        return False

    def _note(self, source: str, line: str, grade: int) -> None:
        if _CONSEQUENCE.search(line) and grade != ROOT and not re.search(r"out of memory|NCCL|Bus error|CANCELLED", line):
            grade = CONSEQUENCE
        elif _ROOT.search(line) and not line.startswith("Watchdog"):  # it tells that a rank waits, not why
            grade = ROOT
        chained = source in self._chained
        self._chained.discard(source)
        if len(self._causes) < _MOST_CAUSES:
            self._causes.append(_Cause(line[:_LONGEST], grade, source, chained))
