"""Which device the run used, as far as the log tells."""

from __future__ import annotations

import re
from typing import Final

_NAMED: Final = [
    re.compile(
        r"(?:GPU \d+|name|Name|Device ?\d*|device_name|Device name|GPU(?: name| model| type)?|CUDA:\d+|cuda:\d+)\s*[:=(]+\s*[\"']?((?:NVIDIA"
        r"|Tesla|GeForce|Quadro|TITAN|AMD Instinct)[\w \-]*?[\w])(?= major|\s*(?:$|[,;()\[\]'\"|]|\s\s))"
    ),
    re.compile(
        r"(?<![\w/\-.])((?:NVIDIA|Tesla|GeForce|Quadro|AMD Instinct) (?:Tesla |GeForce |RTX |GTX |TITAN |Graphics )*(?:[A-Z]+\d+\w*"
        r"|\d{3,4})(?:[ \-](?:SXM\d?|PCIe|PCIE|NVL|HBM\w*|Ti|SUPER|RTX|80GB|40GB|32GB|16GB|24GB|\d+GB|MIG|\dg\.\d+gb))*(?:-\w+)*)"
    ),
    re.compile(r"(?:GPU|gpu|device|Device)\b.{0,30}?(?<![\w/\-.])((?:A10G?|A100|A30|A40|H100|H200|L40S?|L4|T4|V100|P100|K80)(?:-[\w\-]+)?)(?![\w.])"),
]
_USES_CPU: Final = re.compile(
    r"(?:using|use|running on|training on|device(?: type| is| set to)?|accelerator|platform"
    r"|backend)\s*(?:[:=]\s*)?[\"']?(?:torch\.)?(?:device\(type=)?[\"']?cpu\b(?![-_ ](?:count|cores|usage|util|mem|threads|instr|offload))"
    r"|\(type='cpu'\)|falling back to (?:the )?cpu|fall(?:s)? back to cpu|running on (?:the )?cpu|\bcpu only\b|will (?:run|train"
    r"|use)(?: on)? (?:the )?cpu"
    r"|ds_accelerator to cpu|torch-[\w.+]+ cpu\b|\[(?:cpudevice|tfrt_cpu)"
)
_NO_GPU: Final = re.compile(
    r"could not select device|no gpu/tpu found|no cuda-capable device is detected|failed call to cuinit|cannot dlopen some gpu libraries"
    r"|skipping registering gpu devices"
    r"|kernel driver does not appear to be running|cuda(?: is)?(?:_is)?[ _]?(?:available|enabled)?\s*[:=]\s*[\"']?false"
    r"|cuda\.is_available\(\)[:=\->\s]*false|cuda(?: is)? (?:not available|unavailable)"
    r"|gpu available: false|gpus? (?:is |are )?not (?:found|available|detected|visible)|no gpus? (?:found|available|detected|devices?"
    r"|is available|will be used)|found no nvidia driver"
    r"|use_(?:cuda|gpu)[\"']?\s*[:=]\s*[\"']?false|no_cuda[\"']?\s*[:=]\s*[\"']?true|you have a cuda device, so you should probably run with"
    r"|could not find cuda drivers"
    r"|num gpus available:?\s*0\b|gpus?[\"']?\s*[:=]\s*(?:\[\]|none\b)|physical_devices\(.?gpu.?\)\s*(?:[:=]\s*)?\[\]"
    r"|available devices: \[(?:'[^']*device:cpu:\d+'(?:, )?)+\]|gpu available: true.*used: false|gpus? available but not used"
    r"|no visible gpus?|device count: 0\b"
)
_USES_GPU: Final = re.compile(
    r"(?:using|use|running on|training on|device(?: type| is| set to)?|accelerator"
    r"|platform)\s*(?:[:=]\s*)?[\"']?(?:torch\.)?(?:device\(type=)?[\"']?((?:cuda|gpu)(?::\d+)?)\b(?!_|\.|[- ](?:driver|version|toolkit|mem|util"
    r"|usage))"
    r"|used: true|created tensorflow device \(.*device:gpu|\[(?:cuda|gpu|streamexecutorgpu)device\("
    r"|cuda(?: is)?[ _]available\s*[:=]\s*[\"']?true|cuda\.is_available\(\)[:=\->\s]*true|use_cuda[\"']?\s*[:=]\s*true"
    r"|\bcuda:\d+ \((?:nvidia|tesla|geforce|quadro)|/gpu:\d+'|torch_device: ?cuda|gpus available:?\s*[1-9]|ds_accelerator to cuda"
    r"|moved? to (?:device )?cuda"
)
_STEM: Final = re.compile(r"gpu|cuda|cpu|nvidia|tesla|geforce|quadro|dlopen|cuinit|could not select|instinct")  # matched against lower case
_LONGEST: Final = 4_000


class Devices:
    """Collects what the log says of devices; statements of use weigh more than lists of hardware."""

    def __init__(self) -> None:
        self._model: str | None = None
        self._gpu: str | None = None
        self._cpu = self._missing = False
        self._said_gpu_last = False

    def read(self, text: str, low: str) -> bool:
        """Takes one line (and the same in lower case); True if it told something."""
        if len(text) > _LONGEST or _STEM.search(low) is None:
            return False
        before = (self._model, self._gpu, self._cpu, self._missing, self._said_gpu_last)
        if self._model is None:
            self._model = next((" ".join(found[1].split()) for pattern in _NAMED if (found := pattern.search(text))), None)
        cpu, missing, gpu = _USES_CPU.search(low), _NO_GPU.search(low), _USES_GPU.search(low)
        if missing:
            self._missing, self._said_gpu_last = True, False
        elif cpu and not gpu:
            self._cpu, self._said_gpu_last = True, False
        elif gpu:
            self._gpu = self._gpu or (gpu[1] if gpu[1] else "cuda")
            self._said_gpu_last = True
        return before != (self._model, self._gpu, self._cpu, self._missing, self._said_gpu_last) or bool(cpu or missing or gpu)

    def verdict(self) -> tuple[str | None, bool | None]:
        """`(device, ran_on_cpu)`; None where the log does not tell."""
        if self._said_gpu_last:
            return self._model or self._gpu, False
        if self._cpu or self._missing:
            return "cpu", True
        return self._model, (False if self._model else None)
