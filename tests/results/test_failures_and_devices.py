# ruff: noqa: E501 - logs as they are printed
"""Single failures and devices: which line explains an end, which trouble was survived, which device was used."""

from __future__ import annotations

import pytest

from bot.results import summarise

ENDED = [
    ("RuntimeError: CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported", "device-side assert"),
    ("Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\n    main()\nAssertionError", "AssertionError"),
    ("Traceback (most recent call last):\n  File \"x.py\", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax", "SyntaxError: invalid syntax"),
    ("  File \"x.py\", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax", "SyntaxError"),
    ("Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\n    import torch\nImportError: libcudnn.so.8: cannot open shared object file: No such file or directory", "ImportError: libcudnn"),
    ("python3: can't open file 'x.py': [Errno 2] No such file or directory", "can't open file"),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/data/train.csv'", "FileNotFoundError"),
    ("/bin/sh: 1: nvidia-smi: not found", "nvidia-smi: not found"),
    ("bash: train.py: command not found", "command not found"),
    ("exec /usr/bin/python: exec format error", "exec format error"),
    ("Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"python\": executable file not found in $PATH: unknown", "executable file not found"),
    ("Fatal Python error: Segmentation fault", "Segmentation fault"),
    ("*** Error in `python': double free or corruption (!prev): 0x0000 ***\nAborted (core dumped)", "Aborted"),
    ("2021-01-01 10:00:00.000: F tensorflow/stream_executor/cuda/cuda_driver.cc:175] Check failed: err == cudaSuccess || err == cudaErrorInvalidValue Unexpected CUDA error: out of memory", "out of memory"),
    ("F1210 10:00:00.0 12 math_functions.cu:79] Check failed: error == cudaSuccess (2 vs. 0)  out of memory\n*** Check failure stack trace: ***\n    @ 0x7f google::LogMessage::Fail()\nAborted", "out of memory"),
    ("E1210 10:00:00.0 12 executor.py:1] torch.cuda.OutOfMemoryError: CUDA out of memory.", "OutOfMemoryError"),
    ("[rank0]: Traceback (most recent call last):\n[rank0]:   File \"a.py\", line 1, in f\n[rank0]: RuntimeError: CUDA error: no kernel image is available for execution on the device", "no kernel image"),
    ("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x\nKeyboardInterrupt", "KeyboardInterrupt"),
    ("Epoch 1 loss 0.5\n^CTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x\nKeyboardInterrupt", "KeyboardInterrupt"),
    ("torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n==\ntrain.py FAILED\n  exitcode  : -9 (pid: 12)\n  traceback : Signal 9 (SIGKILL) received by PID 12", "Signal 9 (SIGKILL)"),
    ("ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: -9) local_rank: 0 (pid: 7) of binary: /opt/conda/bin/python", "exitcode: -9"),
    ("mpirun noticed that process rank 1 with PID 12 on node n1 exited on signal 9 (Killed).", "signal 9"),
    ("[1,1]<stderr>:Traceback (most recent call last):\n[1,1]<stderr>:  File \"a.py\", line 3, in <module>\n[1,1]<stderr>:ValueError: bad shape\n[1,0]<stdout>:step 5 loss 0.5", "ValueError: bad shape"),
    ("jax.errors.JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 12884901888 bytes.", "RESOURCE_EXHAUSTED"),
    ("jaxlib.xla_extension.XlaRuntimeError: INTERNAL: no supported devices found for platform CUDA", "XlaRuntimeError"),
    ("RuntimeError: No CUDA GPUs are available", "No CUDA GPUs are available"),
    ("AssertionError: Torch not compiled with CUDA enabled", "Torch not compiled"),
    ("command terminated with exit code 137", "exit code 137"),
    ("Last State:     Terminated\n  Reason:       Error\n  Exit Code:    1", "Error"),
    ("  Warning  FailedMount  3s  kubelet  MountVolume.SetUp failed for volume \"data\" : secret \"x\" not found", "MountVolume.SetUp failed"),
    ("  Warning  Evicted  3s  kubelet  The node was low on resource: ephemeral-storage.", "low on resource"),
    ("  Warning  BackOff  3s  kubelet  Back-off restarting failed container", "Back-off restarting failed container"),
    ("Error response from daemon: could not select device driver \"\" with capabilities: [[gpu]].", "could not select device driver"),
    ("nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown", "nvml error"),
    ("NVRM: Xid (PCI:0000:00:1e): 79, pid=12, GPU has fallen off the bus.", "fallen off the bus"),
    ("kernel: Out of memory: Killed process 123 (python) total-vm:1kB", "Out of memory"),
    ("cudaGetDeviceCount returned 100\n-> no CUDA-capable device is detected\nResult = FAIL", "no CUDA-capable device"),
    ("CUDA error at vectorAdd.cu:83 code=35(cudaErrorInsufficientDriver) \"cudaMalloc\"", "cudaErrorInsufficientDriver"),
    ("ncclSystemError: System call (e.g. socket, malloc) or external library call failed or device error.", "ncclSystemError"),
    ("n1:12:34 [0] include/shm.h:28 NCCL WARN Call to shm_open failed : No space left on device", "No space left on device"),
    ("RuntimeError: DataLoader worker (pid(s) 12, 13) exited unexpectedly", "DataLoader worker"),
    ("OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root.", "CUDA_HOME"),
    ("RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!", "same device"),
    ("ValueError: Unable to find a valid checkpoint\nTraceback (most recent call last):\n  File \"b.py\", line 1\nSystemExit: 1", "ValueError"),
    ("E0101 10:00:00.000 12 api.py:826] failed (exitcode: 1) local_rank: 0 (pid: 12) of binary: /usr/bin/python3", "exitcode: 1"),
    ("lightning_fabric.utilities.exceptions.MisconfigurationException: No supported gpu backend found!", "MisconfigurationException"),
    ("urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>", "URLError"),
    ("xgboost.core.XGBoostError: [10:00:00] /ws/src/x.cc:1: Check failed: valid", "XGBoostError"),
    ("raise ValueError('x')\nValueError: x", "ValueError: x"),
    ("java.lang.OutOfMemoryError: Java heap space", "OutOfMemoryError"),
    ("thread 'main' panicked at src/main.rs:3:5:\nindex out of bounds", "panicked"),
    ("Job has reached the specified backoff limit", "backoff limit"),
    ("DeadlineExceeded: Job was active longer than specified deadline", "DeadlineExceeded"),
    ("slurmstepd: error: Detected 1 oom-kill event(s) in StepId=1.0. Some of your processes may have been killed by the cgroup out-of-memory handler.", "oom-kill"),
]

SURVIVED = [
    "WARNING:torch.distributed.elastic.multiprocessing.api:Sending process 12 closing signal SIGTERM\nEpoch 1 acc 0.5\nTraining complete",
    "Primary job  terminated normally, but 1 process returned\na non-zero exit code.",
    "UserWarning: CUDA initialization: The NVIDIA driver on your system is too old (found version 10010). Please update your GPU driver (Triggered internally at ../c10/cuda/CUDAFunctions.cpp:108.)\n  return torch._C._cuda_getDeviceCount() > 0\nEpoch 1 acc 0.5",
    "/usr/lib/python3.8/site-packages/torch/cuda/__init__.py:52: UserWarning: CUDA initialization: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU\n  return torch._C._cuda_getDeviceCount() > 0",
    "Failed to import transformers.models.bert because of the following error: No module named 'x'\nEpoch 1 acc 0.5",
    "wandb: ERROR Error while calling W&B API: permission denied\nepoch 1 val_acc 0.5\nepoch 2 val_acc 0.6",
    "Warning: could not load libfoo.so: No such file or directory",
    "ERROR: pip's dependency resolver does not currently take into account all the packages that are installed. This behaviour is the source of the following dependency conflicts.",
    "0 errors, 3 warnings",
    "Error rate: 0.05",
    "Exit Code:    0",
    "process exited with code 0",
    "Process finished with exit code 0",
    "Last State: Terminated\n  Reason: Completed\n  Exit Code: 0",
    "  Normal   Scheduled  3s  default-scheduler  Successfully assigned default/x to y",
    "n1:12:34 [0] NCCL INFO Call to connect returned Connection refused, retrying\nepoch 1 acc 0.5",
    "   ERROR: could not find cudart\nepoch 1 val_acc 0.91\nDone",
    "The node was preempted: Spot eviction notice received",
    "Caught signal 15, saving checkpoint",
    "error: the server doesn't have a resource type",
]

DEVICES = [
    ("Using device: cuda", False, "cuda"),
    ("Using device: cpu", True, "cpu"),
    ("device: cuda:0", False, "cuda:0"),
    ("Device: cpu", True, "cpu"),
    ("device = cpu", True, "cpu"),
    ("CUDA available: False", True, "cpu"),
    ("torch.cuda.is_available(): False", True, "cpu"),
    ("cuda available? True\nGPU: Tesla T4", False, "Tesla T4"),
    ("Tesla V100-SXM2-16GB", False, "Tesla V100-SXM2-16GB"),
    ("GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-1)", False, "NVIDIA A100-SXM4-80GB"),
    ("Found device 0 with properties: \nname: Tesla K80 major: 3 minor: 7 memoryClockRate(GHz): 0.8235", False, "Tesla K80"),
    ("GPU available: False, used: False", True, "cpu"),
    ("GPU available: True (cuda), used: False", True, "cpu"),
    ("Num GPUs Available:  0", True, "cpu"),
    ("Num GPUs Available:  1", False, None),
    ("JAX devices: [CudaDevice(id=0)]", False, None),
    ("[CpuDevice(id=0)]", True, "cpu"),
    ("Running on NVIDIA H100 80GB HBM3", False, "NVIDIA H100 80GB HBM3"),
    ("No GPU found, using CPU", True, "cpu"),
    ("The device is: cuda", False, "cuda"),
    ("Training on cpu", True, "cpu"),
    ("Model moved to cuda:1", False, None),
    ("CPU count: 8", None, None),
    ("Using 4 CPU cores", None, None),
    ("Ultralytics YOLOv8.0.0 Python-3.8 torch-2.0.1+cpu CPU (Intel Xeon)", True, "cpu"),
    ("Your CPU supports instructions that this TensorFlow binary was not compiled to use: AVX2", None, None),
    ("nothing", None, None),
    ("use_cuda: True", False, None),
    ("Using backend: cpu", True, "cpu"),
    ("cuda: False", True, "cpu"),
    ("WARNING: CUDA is not available, falling back to CPU", True, "cpu"),
    ("|   0  Tesla T4            Off  | 00000001:00:00.0 Off |                    0 |", False, "Tesla T4"),
    ("device_name: NVIDIA GeForce RTX 3090", False, "NVIDIA GeForce RTX 3090"),
    ("accelerator: gpu", False, None),
    ("[INFO] [real_accelerator.py:158:get_accelerator] Setting ds_accelerator to cuda (auto detect)", False, None),
    ("[INFO] [real_accelerator.py:158:get_accelerator] Setting ds_accelerator to cpu (auto detect)", True, "cpu"),
    ("CUDA_VISIBLE_DEVICES: ''", None, None),
    ("WARNING: no CUDA runtime is found, using CUDA_HOME='/usr/local/cuda'", None, None),
]


@pytest.mark.parametrize(("log", "words"), ENDED)
def test_the_line_that_explains_the_end_is_found(log: str, words: str) -> None:
    failure = summarise(log).failure
    assert failure is not None
    assert words in failure


@pytest.mark.parametrize("log", SURVIVED)
def test_trouble_that_ended_nothing_is_no_failure(log: str) -> None:
    assert summarise(log).failure is None


@pytest.mark.parametrize(("log", "on_cpu", "device"), DEVICES)
def test_the_device_is_read(log: str, on_cpu: bool | None, device: str | None) -> None:
    summary = summarise(log)
    assert summary.ran_on_cpu is on_cpu
    assert device in (None, summary.device)
