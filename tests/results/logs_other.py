# ruff: noqa: W291 - logs as they are printed
"""Detection, boosting, graphs, recommendation, reinforcement learning."""

from tests.results.case import Case

OTHER = [
    Case("yolov8 detect", """
              Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size
                1/2      2.31G      1.161      3.021      1.401         21        640: 100%|██████████| 8/8 [00:04<00:00,  1.81it/s]
                         Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|██████████| 4/4 [00:01<00:00,  2.21it/s]
                           all        128        929      0.642      0.537      0.604      0.445
                2/2      2.31G      1.101      2.021      1.301         31        640: 100%|██████████| 8/8 [00:04<00:00,  1.81it/s]
                         Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|██████████| 4/4 [00:01<00:00,  2.21it/s]
                           all        128        929      0.652      0.547      0.614      0.455

        2 epochs completed in 0.004 hours.
        Results saved to runs/detect/train
                         Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|██████████| 4/4 [00:01<00:00,  2.21it/s]
                           all        128        929      0.653      0.547      0.615      0.456
                        person        128        254      0.803      0.677      0.765      0.543
        """, "mAP", None, 0.456, best=0.456),
    Case("detectron2", """
        [09/01 10:00:00 d2.utils.events]:  eta: 0:10:00  iter: 19  total_loss: 2.312  loss_cls: 0.812  loss_box_reg: 0.512  loss_mask: 0.69  time: 0.31  data_time: 0.01  lr: 0.00002  max_mem: 2722M
        [09/01 10:10:00 d2.evaluation.coco_evaluation]: Evaluation results for bbox: 
        |   AP   |  AP50  |  AP75  |  APs   |  APm   |  APl   |
        |:------:|:------:|:------:|:------:|:------:|:------:|
        | 40.213 | 61.012 | 43.812 | 24.112 | 43.512 | 52.812 |
        [09/01 10:10:00 d2.evaluation.coco_evaluation]: Per-category bbox AP: 
        | category   | AP     | category   | AP     |
        |:-----------|:-------|:-----------|:-------|
        | person     | 55.112 | bicycle    | 31.012 |
        [09/01 10:10:10 d2.evaluation.coco_evaluation]: Evaluation results for segm: 
        |   AP   |  AP50  |  AP75  |  APs   |  APm   |  APl   |
        |:------:|:------:|:------:|:------:|:------:|:------:|
        | 37.213 | 58.012 | 39.812 | 18.112 | 39.512 | 53.812 |
        """, "mAP", None, 40.213, unit="percent"),
    Case("mmdet", """
        2023/01/01 10:00:00 - mmengine - INFO - Epoch(train)  [1][  50/7330]  lr: 1.9e-03  eta: 10:01:01  time: 0.41  data_time: 0.02  memory: 3411  loss: 3.1012  loss_rpn_cls: 0.61  loss_rpn_bbox: 0.11  loss_cls: 1.21  acc: 81.2500  loss_bbox: 0.12
        2023/01/01 11:00:00 - mmengine - INFO - bbox_mAP_copypaste: 0.374 0.581 0.404 0.212 0.410 0.481
        2023/01/01 11:00:00 - mmengine - INFO - Epoch(val) [12][5000/5000]    coco/bbox_mAP: 0.3740  coco/bbox_mAP_50: 0.5810  coco/bbox_mAP_75: 0.4040  coco/bbox_mAP_s: 0.2120  data_time: 0.0014  time: 0.0414
        """, "mAP", "val", 0.374, step=12),
    Case("tf object detection", """
         Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.291
         Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.481
        INFO:tensorflow:Eval metrics at step 2000
        INFO:tensorflow:\t+ DetectionBoxes_Precision/mAP: 0.291231
        INFO:tensorflow:\t+ DetectionBoxes_Precision/mAP@.50IOU: 0.481231
        INFO:tensorflow:\t+ Loss/total_loss: 0.612312
        """, "mAP", "val", 0.291),
    Case("xgboost", """
        [0]\ttrain-auc:0.91231\teval-auc:0.90112
        [1]\ttrain-auc:0.93231\teval-auc:0.91112
        [2]\ttrain-auc:0.94231\teval-auc:0.91012
        """, "auc", "val", 0.91012, best=0.91112, step=1),
    Case("xgboost sklearn rmse", """
        [0]\tvalidation_0-rmse:0.61231
        [10]\tvalidation_0-rmse:0.31231
        [20]\tvalidation_0-rmse:0.33231
        """, "rmse", "val", 0.33231, best=0.31231, step=10),
    Case("lightgbm", """
        [LightGBM] [Info] Number of positive: 3716, number of negative: 3284
        [LightGBM] [Info] Total Bins 6132
        Training until validation scores don't improve for 5 rounds
        [10]\ttraining's auc: 0.9512\ttraining's binary_logloss: 0.31\tvalid_1's auc: 0.9312\tvalid_1's binary_logloss: 0.41
        [20]\ttraining's auc: 0.9712\ttraining's binary_logloss: 0.21\tvalid_1's auc: 0.9302\tvalid_1's binary_logloss: 0.42
        Early stopping, best iteration is:
        [12]\ttraining's auc: 0.9552\ttraining's binary_logloss: 0.30\tvalid_1's auc: 0.9322\tvalid_1's binary_logloss: 0.40
        """, "auc", "val", None, best=0.9322),
    Case("catboost", """
        Learning rate set to 0.05
        0:\tlearn: 0.6612\ttest: 0.6618\tbest: 0.6618 (0)\ttotal: 60.1ms\tremaining: 1m
        100:\tlearn: 0.2012\ttest: 0.2418\tbest: 0.2418 (100)\ttotal: 1.1s\tremaining: 9s
        200:\tlearn: 0.1012\ttest: 0.2518\tbest: 0.2401 (150)\ttotal: 2.1s\tremaining: 8s

        bestTest = 0.2401
        bestIteration = 150
        Shrink model to first 151 iterations.
        """, "loss", None, 0.2518, best=0.2401, step=150),
    Case("pyg gcn", """
        Epoch: 001, Loss: 1.9512, Train: 0.2786, Val: 0.2580, Test: 0.2460
        Epoch: 002, Loss: 1.8512, Train: 0.5786, Val: 0.4580, Test: 0.4760
        Epoch: 003, Loss: 1.7512, Train: 0.7786, Val: 0.6580, Test: 0.6660
        """, "accuracy", "test", 0.666, best=0.666, step=3),
    Case("dgl", """
        Epoch 00000 | Time(s) nan | Loss 1.9465 | Accuracy 0.4200 | ETputs(KTEPS) nan
        Epoch 00001 | Time(s) nan | Loss 1.9365 | Accuracy 0.5200 | ETputs(KTEPS) nan
        Test accuracy 81.50%
        """, "accuracy", "test", 81.5, unit="percent"),
    Case("stable baselines", """
        Using cpu device
        ---------------------------------
        | rollout/           |          |
        |    ep_len_mean     | 22.5     |
        |    ep_rew_mean     | 22.5     |
        | time/              |          |
        |    fps             | 812      |
        |    iterations      | 1        |
        |    total_timesteps | 2048     |
        ---------------------------------
        | rollout/           |          |
        |    ep_len_mean     | 180.2    |
        |    ep_rew_mean     | 180.2    |
        | train/             |          |
        |    loss            | 6.12     |
        |    value_loss      | 51.2     |
        ---------------------------------
        """, "reward", None, 180.2, best=180.2, cpu=True),
    Case("cleanrl", """
        global_step=21, episodic_return=[21.]
        global_step=412, episodic_return=[103.]
        SPS: 1200
        global_step=812, episodic_return=[95.]
        """, "reward", None, 95.0, best=103.0, step=412),
    Case("torch reinforce", """
        Episode 10\tLast reward: 26.00\tAverage reward: 16.00
        Episode 20\tLast reward: 36.00\tAverage reward: 21.10
        """, "reward", None, 21.1),
    Case("spinning up", """
        ---------------------------------------
        |             Epoch |               1 |
        |      AverageEpRet |            21.3 |
        |          StdEpRet |            10.1 |
        |          MaxEpRet |            61.0 |
        |             EpLen |            21.3 |
        |            LossPi |          -0.012 |
        ---------------------------------------
        """, "reward", None, 21.3),
    Case("ncf keras style", """
        Iteration 0 [12.1 s]: HR = 0.6012, NDCG = 0.3412, loss = 0.3112 [3.1 s]
        Iteration 1 [12.1 s]: HR = 0.6312, NDCG = 0.3612, loss = 0.2812 [3.1 s]
        End. Best Iteration 1:  HR = 0.6312, NDCG = 0.3612. 
        """, "hit rate", None, 0.6312),
    Case("recbole", """
        Mon 01 Jan 2024 10:00:00 INFO  epoch 0 training [time: 12.10s, train loss: 220.1212]
        Mon 01 Jan 2024 10:00:05 INFO  epoch 0 evaluating [time: 1.10s, valid_score: 0.120100]
        Mon 01 Jan 2024 10:00:05 INFO  valid result: 
        recall@10 : 0.1201    mrr@10 : 0.2012    ndcg@10 : 0.1301    hit@10 : 0.5501    precision@10 : 0.0901
        """, "mrr@10", "val", 0.2012),
    Case("skorch", """
          epoch    train_loss    valid_acc    valid_loss     dur
        -------  ------------  -----------  ------------  ------
              1        \x1b[36m0.6905\x1b[0m       \x1b[32m0.6150\x1b[0m        \x1b[35m0.6749\x1b[0m  0.0721
              2        \x1b[36m0.6648\x1b[0m       \x1b[32m0.6450\x1b[0m        \x1b[35m0.6633\x1b[0m  0.0212
        """, "accuracy", "val", 0.645, best=0.645, step=2),
    Case("nni and katib metrics file", """
        2023-01-01T10:00:00Z INFO {metricName: accuracy, metricValue: 0.7705};{metricName: loss, metricValue: 0.6011}
        2023-01-01T10:01:00Z INFO {metricName: accuracy, metricValue: 0.8705};{metricName: loss, metricValue: 0.4011}
        """, "accuracy", None, 0.8705, best=0.8705),
    Case("dllogger", """
        DLL 2020-11-27 23:37:43.823 - Epoch: 89 Iteration: 5004  train.loss : 1.91211  train.total_ips : 20512.31 img/s
        DLL 2020-11-27 23:37:53.823 - Epoch: 89 val.loss : 1.01211  val.top1 : 78.34 %  val.top5 : 94.12 %  val.compute_ips : 21000.1 img/s
        """, "accuracy", "val", 78.34, step=89, unit="percent"),
    Case("json lines", """
        {"epoch": 1, "train": {"loss": 0.61}, "valid": {"loss": 0.51, "accuracy": 0.81}, "time": 12.3}
        {"epoch": 2, "train": {"loss": 0.41}, "valid": {"loss": 0.41, "accuracy": 0.86}, "time": 12.3}
        """, "accuracy", "val", 0.86, best=0.86, step=2),
    Case("structured k8s json logs", """
        {"asctime": "2024-01-01 10:00:00", "levelname": "INFO", "message": "epoch 1/2 train_loss 0.512 val_accuracy 0.871"}
        {"asctime": "2024-01-01 10:01:00", "levelname": "INFO", "message": "epoch 2/2 train_loss 0.412 val_accuracy 0.902"}
        """, "accuracy", "val", 0.902, best=0.902, step=2),
    Case("interleaved workers", """
        [pod/train-worker-1/main] epoch 1 val_acc=0.70
        [pod/train-worker-0/main] epoch 1 val_acc=0.71
        [pod/train-worker-0/main] epoch 2 val_acc=0.81
        [pod/train-worker-1/main] epoch 2 val_acc=0.80
        """, "accuracy", "val", 0.81, best=0.81, step=2),
    Case("restart resumes", """
        epoch 1 val_acc=0.70
        epoch 2 val_acc=0.75
        Killed
        Resuming from checkpoint at epoch 2
        epoch 3 val_acc=0.79
        epoch 4 val_acc=0.78
        """, "accuracy", "val", 0.78, best=0.79, step=3),
    Case("nan at the end", """
        epoch 1 loss 2.31
        epoch 2 loss 2.11
        epoch 3 loss nan
        """, "loss", "train", 2.11, best=2.11, step=2),
    Case("nnunet", """
        2024-01-01 10:00:00.000000: Epoch 0
        2024-01-01 10:01:00.000000: train_loss -0.1212
        2024-01-01 10:01:10.000000: val_loss -0.2912
        2024-01-01 10:01:10.000000: Pseudo dice [0.7012]
        2024-01-01 10:01:10.000000: Epoch time: 61.2 s
        2024-01-01 10:01:10.000000: Yayy! New best EMA pseudo Dice: 0.7012
        2024-01-01 10:02:10.000000: Mean Validation Dice:  0.8312
        """, "dice", "val", 0.8312),
    Case("mlperf closed with quality", """
        :::MLLOG {"namespace": "", "time_ms": 1, "event_type": "POINT_IN_TIME", "key": "target_accuracy", "value": 0.9, "metadata": {"lineno": 1}}
        :::MLLOG {"namespace": "", "time_ms": 2, "event_type": "POINT_IN_TIME", "key": "eval_accuracy", "value": 0.7101, "metadata": {"lineno": 1, "epoch_num": 3}}
        :::MLLOG {"namespace": "", "time_ms": 3, "event_type": "POINT_IN_TIME", "key": "eval_accuracy", "value": 0.7211, "metadata": {"lineno": 1, "epoch_num": 4}}
        """, "accuracy", "val", 0.7211, best=0.7211, step=4),
]
