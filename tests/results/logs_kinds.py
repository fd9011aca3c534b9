
"""Further kinds: tables across, tuners, older frameworks, odd writing."""

from tests.results.case import Case, silent

KINDS = [
    Case("tf feed tutorial", """
        Step 900: loss = 0.51 (0.004 sec)
        Training Data Eval:
          Num examples: 55000  Num correct: 49371  Precision @ 1: 0.8977
        Validation Data Eval:
          Num examples: 5000  Num correct: 4525  Precision @ 1: 0.9050
        Test Data Eval:
          Num examples: 10000  Num correct: 9024  Precision @ 1: 0.9024
        """, "precision", "test", 0.9024),
    Case("optuna", """
        [I 2024-01-01 10:00:00,000] Trial 0 finished with value: 0.9123 and parameters: {'lr': 0.01}. Best is trial 0 with value: 0.9123.
        [I 2024-01-01 10:01:00,000] Trial 1 finished with value: 0.9312 and parameters: {'lr': 0.003}. Best is trial 1 with value: 0.9312.
        [I 2024-01-01 10:02:00,000] Trial 2 finished with value: 0.9001 and parameters: {'lr': 0.1}. Best is trial 1 with value: 0.9312.
        """, "value", None, 0.9001, best=0.9312, step=1),
    Case("allennlp table", """
                            Training |  Validation
        accuracy           |     0.934  |     0.911
        loss               |     0.201  |     0.312
        """, "accuracy", "val", 0.911),
    Case("allennlp metrics", """
        {
          "best_epoch": 5,
          "training_accuracy": 0.9912,
          "validation_accuracy": 0.9112,
          "best_validation_accuracy": 0.9212,
          "test_accuracy": 0.9012
        }
        """, "accuracy", "test", 0.9012),
    Case("ludwig", """
        ╒════════════╤════════╤════════════╕
        │            │   loss │   accuracy │
        ╞════════════╪════════╪════════════╡
        │ Training   │ 0.2012 │     0.9312 │
        │ Validation │ 0.3012 │     0.8812 │
        │ Test       │ 0.3112 │     0.8712 │
        ╘════════════╧════════╧════════════╛
        """, "accuracy", "test", 0.8712),
    Case("gluon error rates", """
        INFO:root:[Epoch 0] training: err-top1=0.8812 err-top5=0.7012
        INFO:root:[Epoch 0] speed: 1012 samples/sec\ttime cost: 1265.3
        INFO:root:[Epoch 0] validation: err-top1=0.7112 err-top5=0.4512
        INFO:root:[Epoch 1] validation: err-top1=0.6112 err-top5=0.3512
        """, "error", "val", 0.6112, best=0.6112, step=1),
    Case("ssd losses only", """
        [Epoch 0][Batch 99], Speed: 120.12 samples/sec, CrossEntropy=6.212, SmoothL1=2.512
        [Epoch 0][Batch 199], Speed: 121.12 samples/sec, CrossEntropy=5.212, SmoothL1=2.312
        """, "loss", "train", None),
    Case("ignite", """
        Training Results - Epoch: 1  Avg accuracy: 0.91 Avg loss: 0.31
        Validation Results - Epoch: 1  Avg accuracy: 0.92 Avg loss: 0.27
        Training Results - Epoch: 2  Avg accuracy: 0.95 Avg loss: 0.21
        Validation Results - Epoch: 2  Avg accuracy: 0.94 Avg loss: 0.20
        """, "accuracy", "val", 0.94, best=0.94, step=2),
    Case("catalyst", """
        1/2 * Epoch (train): accuracy01=0.8123 | loss=0.61 | lr=0.001
        1/2 * Epoch (valid): accuracy01=0.8523 | loss=0.51
        2/2 * Epoch (train): accuracy01=0.9123 | loss=0.31 | lr=0.001
        2/2 * Epoch (valid): accuracy01=0.9023 | loss=0.33
        """, "accuracy", "val", 0.9023, best=0.9023),
    Case("mindspore", """
        epoch: 1 step: 1875, loss is 0.123456
        epoch time: 10123.1 ms, per step time: 5.4 ms
        ============== Accuracy:{'Accuracy': 0.9741586538461538} ==============
        """, "accuracy", None, 0.9741586538461538),
    Case("xgboost two validation sets", """
        [0]\tvalidation_0-logloss:0.60123\tvalidation_1-logloss:0.61123
        [1]\tvalidation_0-logloss:0.40123\tvalidation_1-logloss:0.45123
        """, "loss", "val", 0.45123, best=0.45123, step=1),
    Case("catboost with a rising score", """
        0:\tlearn: 0.8112\ttest: 0.8012\tbest: 0.8012 (0)\ttotal: 60.1ms\tremaining: 1m
        100:\tlearn: 0.9112\ttest: 0.8912\tbest: 0.8912 (100)\ttotal: 1.1s\tremaining: 9s
        200:\tlearn: 0.9512\ttest: 0.8812\tbest: 0.8932 (150)\ttotal: 2.1s\tremaining: 8s
        """, "score", "val", 0.8812, best=0.8932, step=150),
    Case("espnet", """
        [train-0] 2024-01-01 10:00:00,000 (trainer:338) INFO: 1epoch results: [train] iter_time=0.01, loss_ctc=51.2, loss_att=31.2, acc=0.51, loss=37.1, [valid] loss_ctc=31.2, cer_ctc=0.312, loss_att=21.2, acc=0.612, cer=0.212, wer=0.512, loss=24.1
        [train-0] 2024-01-01 11:00:00,000 (trainer:338) INFO: 2epoch results: [train] iter_time=0.01, loss_ctc=41.2, loss_att=21.2, acc=0.61, loss=27.1, [valid] loss_ctc=21.2, cer_ctc=0.212, loss_att=11.2, acc=0.712, cer=0.112, wer=0.412, loss=14.1
        """, "accuracy", "val", 0.712, best=0.712),
    Case("name after the number", """
        Evaluating...
        Achieved 97.5% accuracy on the test set
        """, "accuracy", "test", 97.5, unit="percent"),
    Case("wandb summary", """
        wandb: Run history:
        wandb:     test_acc ▁▅█
        wandb: Run summary:
        wandb:     test_acc 0.912
        wandb:        epoch 9
        wandb: Synced 5 W&B file(s)
        """, "accuracy", "test", 0.912),
    Case("rlhf table of ray", """
        +-----------+----------+--------+------------------+----------+
        | Trial     | status   |   iter |   total time (s) |   reward |
        |-----------+----------+--------+------------------+----------|
        | PPO_00000 | RUNNING  |      3 |            31.2  |    21.5  |
        +-----------+----------+--------+------------------+----------+
        """, "reward", None, 21.5),
    Case("csv logger", """
        epoch,accuracy,loss,val_accuracy,val_loss
        0,0.81,0.61,0.83,0.52
        1,0.91,0.31,0.88,0.41
        """, "accuracy", "val", 0.88, best=0.88, step=1),
    Case("markdown of epochs", """
        | Epoch | Train Loss | Val Loss | Val Acc |
        |-------|-----------:|---------:|--------:|
        | 1     | 0.812      | 0.712    | 71.2%   |
        | 2     | 0.612      | 0.612    | 78.4%   |
        """, "accuracy", "val", 78.4, best=78.4, step=2, unit="percent"),
    Case("keras verbose two", """
        Epoch 1/2
        1875/1875 - 3s - loss: 0.2912 - accuracy: 0.9163 - val_loss: 0.1512 - val_accuracy: 0.9551 - 3s/epoch - 2ms/step
        Epoch 2/2
        1875/1875 - 3s - loss: 0.1412 - accuracy: 0.9583 - val_loss: 0.1012 - val_accuracy: 0.9691 - 3s/epoch - 2ms/step
        """, "accuracy", "val", 0.9691, best=0.9691, step=2),
    Case("pretty dict over lines", """
        {'test_loss': 0.3123,
         'test_accuracy': 0.8912,
         'test_runtime': 3.12}
        """, "accuracy", "test", 0.8912),
    Case("log cut at the head", """
        ccuracy: 0.8812
        Epoch 9/10 - val_accuracy: 0.9012
        Epoch 10/10 - val_accura
        """, "accuracy", "val", 0.9012),
    Case("mpi prefixes", """
        [1,0]<stdout>:Epoch 1 test accuracy: 0.81
        [1,1]<stdout>:Epoch 1 test accuracy: 0.80
        [1,0]<stdout>:Epoch 2 test accuracy: 0.91
        [1,1]<stdout>:Epoch 2 test accuracy: 0.90
        """, "accuracy", "test", 0.91, best=0.91, step=2),
    Case("speed benchmark is no quality", """
        Running warm up
        Iter #0: 1012.3 img/sec GPU
        Iter #1: 1013.3 img/sec GPU
        Img/sec per GPU: 1012.9 +-2.1
        Total img/sec on 4 GPU(s): 4051.2 +-8.1
        """, None),
    silent("config of yolo", """
        engine/trainer: task=detect, mode=train, model=yolov8n.yaml, epochs=100, conf=None, iou=0.7, max_det=300, half=False, dnn=False, plots=True, source=None
        """),
    silent("yaml of a model", """
        evaluation:
          metric: mIoU
          interval: 1
        optimizer: {type: SGD, lr: 0.01, momentum: 0.9, weight_decay: 0.0005}
        loss_decode: {type: CrossEntropyLoss, use_sigmoid: false, loss_weight: 1.0}
        """),
    silent("serving", """
        2024-01-01T10:00:00.000Z INFO "GET /metrics HTTP/1.1" 200 accuracy_service 12ms
        I0101 10:00:00.000000 1 server.cc:674] | resnet | 1 | READY |
        """),
]
