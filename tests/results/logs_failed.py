# ruff: noqa: W291 - logs as they are printed
"""Runs that ended badly (and some that only looked like it)."""

from tests.results.case import Case, silent

_TORCH_OOM = """
    Epoch 1 train_loss 2.31
    Traceback (most recent call last):
      File "/app/train.py", line 90, in <module>
        main()
      File "/app/train.py", line 61, in main
        out = model(x)
    torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB of which 1.2 GiB is free.
    """

FAILED: list[Case] = [
    Case("torch out of memory", _TORCH_OOM, "loss", "train", 2.31, failure="torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."),
    Case("out of memory survived", """
        CUDA out of memory. Tried to allocate 2.00 GiB; retrying with batch size 16
        Epoch 1 val_acc 0.81
        Epoch 2 val_acc 0.85
        Training finished
        """, "accuracy", "val", 0.85),
    Case("traceback survived", """
        Traceback (most recent call last):
          File "/app/hooks.py", line 12, in push
            requests.post(url)
        requests.exceptions.ConnectionError: HTTPConnectionPool(host='tracking', port=80): Max retries exceeded
        Epoch 1 val_acc 0.81
        Epoch 2 val_acc 0.85
        """, "accuracy", "val", 0.85),
    Case("warnings with the word error", """
        /usr/lib/python3/site.py:12: UserWarning: Error detected in plotting, skipping
          warnings.warn("error")
        2024-01-01 10:00:00.000000: E external/local_xla/xla/stream_executor/cuda/cuda_dnn.cc:9261] Unable to register cuDNN factory: Attempting to register factory for plugin cuDNN when one has already been registered
        W tensorflow/core/common_runtime/bfc_allocator.cc:211] Allocator (GPU_0_bfc) ran out of memory trying to allocate 2.21GiB. The caller indicates that this is not a failure
        Test Error: 
         Accuracy: 57.8%, Avg loss: 1.894490
        """, "accuracy", "test", 57.8),
    silent("nccl", """
        [rank1]:[E101 10:00:00.000000 ProcessGroupNCCL.cpp:607] [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=3, OpType=ALLREDUCE, Timeout(ms)=600000) ran for 600031 milliseconds before timing out.
        [rank1]: Traceback (most recent call last):
        [rank1]:   File "/app/train.py", line 90, in <module>
        [rank1]:     dist.all_reduce(x)
        [rank1]: torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1333, unhandled system error, NCCL version 2.18.6
        torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
        train.py FAILED
        """, failure="NCCL error in"),
    silent("child failed names the root", """
        Traceback (most recent call last):
          File "train.py", line 3, in <module>
            import apex
        ModuleNotFoundError: No module named 'apex'
        ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: 1) local_rank: 0 (pid: 12) of binary: /usr/bin/python
        Traceback (most recent call last):
          File "/usr/local/bin/torchrun", line 8, in <module>
            sys.exit(main())
        torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
        ============================================================
        train.py FAILED
        """, failure="ModuleNotFoundError: No module named 'apex'"),
    silent("driver too old", """
        Traceback (most recent call last):
          File "train.py", line 3, in <module>
            torch.zeros(1).cuda()
        RuntimeError: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver
        """, failure="RuntimeError: The NVIDIA driver on your system is too old"),
    silent("vector add without driver", """
        [Vector addition of 50000 elements]
        Failed to allocate device vector A (error code CUDA driver version is insufficient for CUDA runtime version)!
        """, failure="CUDA driver version is insufficient"),
    silent("killed", """
        Loading data
        /entrypoint.sh: line 3:    12 Killed                  python train.py
        """, failure="Killed"),
    silent("segfault", """
        Loading data
        Segmentation fault (core dumped)
        """, failure="Segmentation fault (core dumped)"),
    silent("missing file", """
        python: can't open file '/app/train.py': [Errno 2] No such file or directory
        """, failure="can't open file '/app/train.py'"),
    silent("argparse", """
        usage: train.py [-h] [--lr LR]
        train.py: error: unrecognized arguments: --epoch 3
        """, failure="train.py: error: unrecognized arguments: --epoch 3"),
    silent("smi without driver", """
        NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.
        """, failure="NVIDIA-SMI has failed"),
    silent("nvml mismatch", """
        Failed to initialize NVML: Driver/library version mismatch
        """, failure="Failed to initialize NVML: Driver/library version mismatch"),
    silent("c++ abort", """
        terminate called after throwing an instance of 'c10::Error'
          what():  CUDA error: an illegal memory access was encountered
        Aborted (core dumped)
        """, failure="CUDA error: an illegal memory access was encountered"),
    silent("tf out of memory", """
        2024-01-01 10:00:00.000000: W tensorflow/core/common_runtime/bfc_allocator.cc:491] ****___
        Traceback (most recent call last):
          File "train.py", line 3, in <module>
            model.fit(x)
        tensorflow.python.framework.errors_impl.ResourceExhaustedError: Graph execution error:

        OOM when allocating tensor with shape[64,64,224,224] and type float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc
        """, failure="OOM when allocating tensor"),
    silent("chained exception", """
        Traceback (most recent call last):
          File "a.py", line 1, in load
            d[k]
        KeyError: 'images'

        During handling of the above exception, another exception occurred:

        Traceback (most recent call last):
          File "a.py", line 5, in <module>
            load()
        ValueError: the data set has no column 'images'
        """, failure="ValueError: the data set has no column 'images'"),
    silent("scheduling", """
        Events:
          Type     Reason            Age   From               Message
          ----     ------            ----  ----               -------
          Warning  FailedScheduling  12s   default-scheduler  0/3 nodes are available: 3 Insufficient nvidia.com/gpu.
        """, failure="Insufficient nvidia.com/gpu"),
    silent("image pull", """
          Normal   Pulling    3s    kubelet            Pulling image "registry.example.com/train:1"
          Warning  Failed     2s    kubelet            Failed to pull image "registry.example.com/train:1": not found
          Warning  Failed     2s    kubelet            Error: ErrImagePull
          Warning  BackOff    1s    kubelet            Back-off pulling image
        """, failure="Failed to pull image"),
    silent("oom killed", """
            State:          Terminated
              Reason:       OOMKilled
              Exit Code:    137
        """, failure="OOMKilled"),
    silent("no space", """
        Traceback (most recent call last):
          File "a.py", line 1, in <module>
            torch.save(x, "m.pt")
        OSError: [Errno 28] No space left on device: 'm.pt'
        """, failure="No space left on device"),
    silent("time limit", """
        slurmstepd: error: *** JOB 1234 ON n1 CANCELLED AT 2024-01-01T10:00:00 DUE TO TIME LIMIT ***
        """, failure="DUE TO TIME LIMIT"),
    Case("noise after the end", """
        epoch 1 test_acc 0.91
        Training complete
        Exception ignored in: <function Pool.__del__ at 0x7f>
        Traceback (most recent call last):
          File "pool.py", line 1, in __del__
            self.close()
        AttributeError: 'NoneType' object has no attribute 'close'
        """, "accuracy", "test", 0.91),
    Case("tensorflow without gpu", """
        2024-01-01 10:00:00.1: W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library 'libcuda.so.1'; dlerror: libcuda.so.1: cannot open shared object file: No such file or directory
        2024-01-01 10:00:00.2: W tensorflow/stream_executor/cuda/cuda_driver.cc:269] failed call to cuInit: UNKNOWN ERROR (303)
        2024-01-01 10:00:00.3: I tensorflow/stream_executor/cuda/cuda_diagnostics.cc:156] kernel driver does not appear to be running on this host (train-0): /proc/driver/nvidia/version does not exist
        Epoch 1/1
        10/10 [==============================] - 1s 10ms/step - loss: 0.5 - accuracy: 0.8 - val_loss: 0.6 - val_accuracy: 0.75
        """, "accuracy", "val", 0.75, cpu=True, device="cpu"),
    Case("jax without gpu", """
        WARNING:absl:No GPU/TPU found, falling back to CPU. (Set TF_CPP_MIN_LOG_LEVEL=0 and rerun for more info.)
        eval epoch: 1, loss: 0.0601, accuracy: 98.01
        """, "accuracy", "val", 98.01, cpu=True),
    Case("torch flag off", """
        cuda: False
        Epoch 1 val_acc 0.5
        """, "accuracy", "val", 0.5, cpu=True),
]
