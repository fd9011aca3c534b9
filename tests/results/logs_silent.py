
"""Logs that hold no result, however many metric names and numbers they show."""

from tests.results.case import Case, silent

SILENT: list[Case] = [
    silent("nvidia-smi", """
        Mon Jan  1 10:00:00 2024
        +-----------------------------------------------------------------------------------------+
        | NVIDIA-SMI 550.54.15              Driver Version: 550.54.15      CUDA Version: 12.4     |
        |-----------------------------------------+------------------------+----------------------+
        | GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
        | Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
        |=========================================+========================+======================|
        |   0  NVIDIA A100 80GB PCIe          On  |   00000001:00:00.0 Off |                    0 |
        | N/A   34C    P0             44W /  300W |       4MiB /  81920MiB |      0%      Default |
        +-----------------------------------------------------------------------------------------+
        | No running processes found                                                              |
        """),
    silent("vector add", """
        [Vector addition of 50000 elements]
        Copy input data from the host memory to the CUDA device
        CUDA kernel launch with 196 blocks of 256 threads
        Copy output data from the CUDA device to the host memory
        Test PASSED
        Done
        """),
    silent("flags and targets", """
        + python train.py --target_accuracy=0.75 --lr 0.1 --label_smoothing 0.1 --early_stopping_min_delta=0.01
        Namespace(accuracy_threshold=0.9, batch_size=32, loss_weight=0.5, target_acc=0.76, eval_loss=None)
        Training until accuracy reaches 0.99
        Target accuracy: 0.759
        accuracy threshold: 0.9
        EarlyStopping(monitor=val_loss, min_delta=0.001, patience=5)
        stop when val_acc >= 0.95
        loss_scale: 65536.0
        Initial loss scale 128.0
        precision=16
        Using 16bit Automatic Mixed Precision (AMP)
        """),
    silent("config dump", """
        {
          "model_type": "bert",
          "attention_probs_dropout_prob": 0.1,
          "hidden_size": 768,
          "label_smoothing_factor": 0.0,
          "metric_for_best_model": "accuracy",
          "loss_type": "ForCausalLM",
          "router_aux_loss_coef": 0.001,
          "transformers_version": "4.40.0"
        }
        loss:
          weight: 0.5
          label_smoothing: 0.1
        metrics: [accuracy, f1]
        """),
    silent("pip install", """
        Collecting torchmetrics==1.3.2
          Downloading torchmetrics-1.3.2-py3-none-any.whl (841 kB)
             ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 841.5/841.5 kB 10.1 MB/s eta 0:00:00
        Requirement already satisfied: sacrebleu 2.4.0 in /usr/lib/python3/dist-packages
        Successfully installed rouge-score-0.1.2 sacrebleu-2.4.0 seqeval-1.2.2 torchmetrics-1.3.2
        accuracy-checker 2023.3.0
        """),
    silent("downloads and data maps", """
        Downloading data: 100%|██████████| 11.5M/11.5M [00:00<00:00, 20.1MB/s]
        Generating train split: 100%|██████████| 60000/60000 [00:10<00:00, 5800.11 examples/s]
        Generating test split: 100%|██████████| 10000/10000 [00:01<00:00, 5800.11 examples/s]
        Map: 100%|██████████| 60000/60000 [00:10<00:00, 5800.11 examples/s]
        Map (num_proc=4): 100%|██████████| 3668/3668 [00:01<00:00, 2801.11 examples/s]
        """),
    silent("vllm server", """
        INFO 05-01 10:00:00 metrics.py:351] Avg prompt throughput: 1012.1 tokens/s, Avg generation throughput: 212.1 tokens/s, Running: 8 reqs, Swapped: 0 reqs, Pending: 0 reqs, GPU KV cache usage: 3.1%, CPU KV cache usage: 0.0%.
        INFO 05-01 10:00:10 metrics.py:367] Prefix cache hit rate: GPU: 56.21%, CPU: 0.00%
        INFO:     10.0.0.1:51234 - "POST /v1/completions HTTP/1.1" 200 OK
        """),
    silent("ping", """
        PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.
        64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.031 ms
        5 packets transmitted, 5 received, 0% packet loss, time 4001ms
        """),
    silent("nccl tests", """
        #       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong
        #        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)
             1048576        262144     float     sum      -1    51.21   20.48   35.83      0    50.91   20.60   36.04      0
        # Out of bounds values : 0 OK
        # Avg bus bandwidth    : 35.9
        """),
    silent("spark and hadoop", """
        24/01/01 10:00:00 INFO mapreduce.Job:  map 45% reduce 0%
        24/01/01 10:00:10 INFO mapreduce.Job:  map 100% reduce 33%
        24/01/01 10:00:20 INFO DAGScheduler: Job 3 finished: collect at train.py:31, took 3.21 s
        """),
    silent("unit tests", """
        ============================= test session starts ==============================
        collected 120 items
        tests/test_metrics.py::test_accuracy PASSED                              [  1%]
        tests/test_loss.py::test_loss_is_0 PASSED                                [  2%]
        ======================= 120 passed, 3 warnings in 31.21s =======================
        """),
    silent("help text", """
        usage: train.py [-h] [--lr LR] [--target-accuracy T]

        options:
          --target-accuracy T   stop at this accuracy (default: 0.75)
          --label-smoothing S   label smoothing (default: 0.1)
          --loss-scale L        loss scale (default: 128)
        """),
    silent("model summary", """
        Layer (type)                 Output Shape              Param #
        =================================================================
        conv2d (Conv2D)              (None, 26, 26, 32)        320
        dense_1 (Dense)              (None, 10)                1290
        Total params: 225,034
        Trainable params: 225,034
        """),
    silent("gradient scaler and memory", """
        Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 32768.0
        step_time 0.31 memory 12.1 GiB
        """),
    silent("exit codes and returns", """
        main returned 0
        process exited with return code 0
        return value: 1
        eval took 3.2s
        test 5 of 10
        Correct checksum: 1234
        """),
    silent("jupyter server", """
        [I 2024-01-01 10:00:00.000 ServerApp] Jupyter Server 2.12.5 is running at:
        [I 2024-01-01 10:00:00.000 ServerApp] http://localhost:8888/lab?token=3ad1f7c
        """),
    silent("empty", ""),
    silent("deepspeed config", """
        [2024-01-01 10:00:00,000] [INFO] [config.py:997:print]   loss_scale ................... 0
        [2024-01-01 10:00:00,000] [INFO] [config.py:997:print]   initial_dynamic_scale ........ 65536
        [2024-01-01 10:00:00,000] [INFO] [config.py:997:print]   eigenvalue_tol ............... 0.01
        [2024-01-01 10:00:00,000] [INFO] [config.py:997:print]   train_batch_size ............. 32
        """),
    silent("nothing reported in doubt: prose", """
        We expect an accuracy of about 0.9 on this data.
        See https://example.com/papers/top-1-accuracy-0.93 for the 93% baseline.
        The paper reports accuracy 0.91, ours should be above 0.92.
        """),
]
