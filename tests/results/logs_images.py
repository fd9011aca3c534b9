# ruff: noqa: W291 - logs as they are printed
"""Image classification and small examples, as their programs print them."""

from tests.results.case import Case

IMAGES = [
    Case("torch mnist example", """
        Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.282550
        Train Epoch: 1 [640/60000 (1%)]\tLoss: 1.385309

        Test set: Average loss: 0.0461, Accuracy: 9848/10000 (98%)

        Train Epoch: 2 [0/60000 (0%)]\tLoss: 0.045310

        Test set: Average loss: 0.0352, Accuracy: 9884/10000 (99%)
        """, "accuracy", "test", 0.9884, best=0.9884, step=2, unit="fraction"),
    Case("torch imagenet example", """
        Use GPU: 0 for training
        => creating model 'resnet18'
        Epoch: [0][   1/5005]\tTime  3.969 ( 3.969)\tData  2.962 ( 2.962)\tLoss 7.0919e+00 (7.0919e+00)\tAcc@1   0.00 (  0.00)\tAcc@5   0.39 (  0.39)
        Epoch: [0][  11/5005]\tTime  0.171 ( 0.520)\tData  0.000 ( 0.271)\tLoss 7.0571e+00 (7.0811e+00)\tAcc@1   0.39 (  0.11)\tAcc@5   0.78 (  0.64)
        Test: [  1/196]\tTime  2.917 ( 2.917)\tLoss 4.0361e+00 (4.0361e+00)\tAcc@1  21.88 ( 21.88)\tAcc@5  41.80 ( 41.80)
        Test: [196/196]\tTime  0.917 ( 1.917)\tLoss 4.1361e+00 (4.0361e+00)\tAcc@1  20.88 ( 20.11)\tAcc@5  40.80 ( 40.80)
         *   Acc@1 20.110 Acc@5 42.102
        Epoch: [1][   1/5005]\tTime  3.969 ( 3.969)\tData  2.962 ( 2.962)\tLoss 4.0919e+00 (4.0919e+00)\tAcc@1  25.00 ( 25.00)\tAcc@5  50.39 ( 50.39)
        Test: [  1/196]\tTime  2.917 ( 2.917)\tLoss 3.0361e+00 (3.0361e+00)\tAcc@1  31.88 ( 31.88)\tAcc@5  51.80 ( 51.80)
         *   Acc@1 30.452 Acc@5 55.670
        """, "accuracy", None, 30.452, best=30.452, unit="percent"),
    Case("torch cifar tutorial with per-class lines", """
        [1,  2000] loss: 2.218
        [1,  4000] loss: 1.848
        [2, 12000] loss: 1.270
        Finished Training
        Accuracy of the network on the 10000 test images: 55 %
        Accuracy for class: plane is 62.3 %
        Accuracy for class: truck is 71.0 %
        """, "accuracy", "test", 55, unit="percent"),
    Case("torch transfer tutorial", """
        Epoch 0/24
        ----------
        train Loss: 0.4765 Acc: 0.7869
        val Loss: 0.2834 Acc: 0.8889

        Epoch 1/24
        ----------
        train Loss: 0.5216 Acc: 0.7869
        val Loss: 0.2519 Acc: 0.8758

        Training complete in 0m 36s
        Best val Acc: 0.888889
        """, "accuracy", "val", 0.8758, best=0.8889, step=0),
    Case("torch quickstart", """
        Using cuda device
        Epoch 1
        -------------------------------
        loss: 2.303494  [   64/60000]
        loss: 2.294637  [ 6464/60000]
        Test Error: 
         Accuracy: 44.5%, Avg loss: 2.154920 

        Epoch 2
        -------------------------------
        loss: 2.168072  [   64/60000]
        Test Error: 
         Accuracy: 57.8%, Avg loss: 1.894490 

        Done!
        """, "accuracy", "test", 57.8, best=57.8, step=2, unit="percent", device="cuda", cpu=False),
    Case("keras 3 bars with colours", """
        Epoch 1/2
        \r\x1b[1m   1/1875\x1b[0m \x1b[37m━━━━━━━━━━━━━━━━━━━━\x1b[0m \x1b[1m13:26\x1b[0m 430ms/step - accuracy: 0.0938 - loss: 2.3412\r\x1b[1m1875/1875\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m4s\x1b[0m 2ms/step - accuracy: 0.8564 - loss: 0.4890
        Epoch 2/2
        \r\x1b[1m1875/1875\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m3s\x1b[0m 2ms/step - accuracy: 0.9545 - loss: 0.1559
        313/313 - 0s - 1ms/step - accuracy: 0.9768 - loss: 0.0771
        """, "accuracy", None, 0.9768),
    Case("keras callbacks and early stopping", """
        Epoch 1/50
        391/391 [==============================] - 12s 22ms/step - loss: 1.5012 - accuracy: 0.4560 - val_loss: 1.1987 - val_accuracy: 0.5712
        Epoch 00001: val_accuracy improved from -inf to 0.57120, saving model to weights-01-0.57.hdf5
        Epoch 2/50
        391/391 [==============================] - 9s 22ms/step - loss: 1.1210 - accuracy: 0.6012 - val_loss: 1.2210 - val_accuracy: 0.5605
        Epoch 00002: val_accuracy did not improve from 0.57120
        Epoch 00002: early stopping
        """, "accuracy", "val", 0.5605, best=0.5712, step=1),
    Case("timm", """
        Train: 0 [   0/1251 (  0%)]  Loss: 6.94 (6.94)  Time: 5.621s,  182.19/s  (5.621s,  182.19/s)  LR: 1.000e-06  Data: 3.120 (3.120)
        Train: 0 [1250/1251 (100%)]  Loss: 6.20 (6.61)  Time: 0.621s, 1651.19/s  (0.701s, 1461.19/s)  LR: 1.000e-06  Data: 0.020 (0.030)
        Test: [   0/48]  Time: 3.2 (3.2)  Loss:  1.0129 (1.0129)  Acc@1: 76.1719 (76.1719)  Acc@5: 93.4570 (93.4570)
        Test: [  48/48]  Time: 0.2 (0.4)  Loss:  1.4129 (1.2029)  Acc@1: 70.1719 (72.4460)  Acc@5: 90.4570 (91.0200)
        Current checkpoints:
         ('./output/train/20240101-resnet50/checkpoint-0.pth.tar', 72.446)
        *** Best metric: 72.446 (epoch 0)
        """, "accuracy", "test", 72.446, unit="percent"),
    Case("torchvision references", """
        Epoch: [0]  [   0/5004]  eta: 8:10:11  lr: 0.1  img/s: 12.1  loss: 7.0012 (7.0012)  acc1: 0.0000 (0.0000)  acc5: 0.7812 (0.7812)  time: 5.8  data: 3.1  max mem: 3040
        Test:   [  0/391]  eta: 0:20:45  loss: 1.1 (1.1)  acc1: 70.3 (70.3)  acc5: 90.6 (90.6)  time: 3.2  data: 3.0  max mem: 3040
        Test:  Acc@1 69.758 Acc@5 89.078
        """, "accuracy", "test", 69.758),
    Case("swin", """
        [2021-04-13 16:05:00 swin_tiny] (main.py 216): INFO Train: [299/300][1240/1251]\teta 0:00:03 lr 0.000010\ttime 0.2801 (0.3001)\tloss 2.3101 (2.7521)\tgrad_norm 2.91 (3.01)\tmem 11744MB
        [2021-04-13 16:06:00 swin_tiny] (main.py 256): INFO Test: [0/98]\tTime 1.201 (1.201)\tLoss 0.5312 (0.5312)\tAcc@1 91.016 (91.016)\tAcc@5 98.438 (98.438)\tMem 11744MB
        [2021-04-13 16:06:30 swin_tiny] (main.py 263): INFO  * Acc@1 81.182 Acc@5 95.522
        [2021-04-13 16:06:30 swin_tiny] (main.py 140): INFO Accuracy of the network on the 50000 test images: 81.2%
        [2021-04-13 16:06:30 swin_tiny] (main.py 142): INFO Max accuracy: 81.25%
        """, "accuracy", "test", 81.2, unit="percent"),
    Case("lightning with test table", """
        GPU available: True (cuda), used: True
        TPU available: False, using: 0 TPU cores
        Epoch 0: 100%|██████████| 860/860 [00:09<00:00, 90.01it/s, v_num=0, train_loss=0.312, val_loss=0.250, val_acc=0.925]
        Epoch 1: 100%|██████████| 860/860 [00:09<00:00, 91.01it/s, v_num=0, train_loss=0.212, val_loss=0.150, val_acc=0.955]
        `Trainer.fit` stopped: `max_epochs=2` reached.
        Testing DataLoader 0: 100%|██████████| 79/79 [00:00<00:00, 120.01it/s]
        ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
        ┃        Test metric        ┃       DataLoader 0        ┃
        ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
        │         test_acc          │    0.9527999758720398     │
        │         test_loss         │    0.15634889900684357    │
        └───────────────────────────┴───────────────────────────┘
        """, "accuracy", "test", 0.9527999758720398, cpu=False),
    Case("lightning old results dict", """
        Epoch 3, global step 1719: 'val_loss' reached 0.21000 (best 0.21000), saving model to '/checkpoints/epoch=3-step=1720.ckpt' as top 1
        --------------------------------------------------------------------------------
        DATALOADER:0 TEST RESULTS
        {'test_acc': 0.9312000274658203, 'test_loss': 0.2311}
        --------------------------------------------------------------------------------
        """, "accuracy", "test", 0.9312000274658203),
    Case("fastai", """
        epoch     train_loss  valid_loss  error_rate  accuracy  time    
        0         0.171265    0.016021    0.004736    0.995264  00:14     
        1         0.051265    0.018021    0.006089    0.993911  00:17     
        """, "accuracy", "val", 0.993911, best=0.995264, step=0),
    Case("ultralytics classify", """
        Ultralytics YOLOv8.2.0 🚀 Python-3.10.12 torch-2.2.1+cu121 CUDA:0 (Tesla T4, 15102MiB)
              Epoch    GPU_mem       loss  Instances       Size
                1/2      0.62G      2.013         16        224: 100%|██████████| 250/250 [00:21<00:00, 11.62it/s]
                       classes   top1_acc   top5_acc: 100%|██████████| 32/32 [00:01<00:00, 20.41it/s]
                           all      0.712      0.971
                2/2      0.62G      1.013         16        224: 100%|██████████| 250/250 [00:21<00:00, 11.62it/s]
                       classes   top1_acc   top5_acc: 100%|██████████| 32/32 [00:01<00:00, 20.41it/s]
                           all      0.755      0.981
        """, "accuracy", None, 0.755, best=0.755, device="Tesla T4", cpu=False),
    Case("paddle clas", """
        [2022/06/01 10:00:00] ppcls INFO: [Train][Epoch 1/120][Iter: 10/20018]lr(PiecewiseDecay): 0.10000000, top1: 0.00312, top5: 0.01250, CELoss: 7.10312, loss: 7.10312, batch_cost: 0.51s, reader_cost: 0.1, ips: 125.2 samples/s, eta: 3 days
        [2022/06/01 11:00:00] ppcls INFO: [Eval][Epoch 1][Iter: 0/782]CELoss: 4.30621, loss: 4.30621, top1: 0.14000, top5: 0.35000, batch_cost: 2.1s, reader_cost: 2.0, ips: 30.1 images/sec
        [2022/06/01 11:01:00] ppcls INFO: [Eval][Epoch 1][Avg]CELoss: 4.41231, loss: 4.41231, top1: 0.15212, top5: 0.36212
        [2022/06/01 11:01:00] ppcls INFO: [Eval][Epoch 1][best metric: 0.15212]
        """, "accuracy", "val", 0.15212),
    Case("flax mnist", """
        I0101 12:00:00.123456 140123 xla_bridge.py:622] Unable to initialize backend 'rocm': NOT_FOUND
        I0101 12:00:10.123456 140123 train.py:146] epoch:  1, train_loss: 0.2321, train_accuracy: 92.98, test_loss: 0.0603, test_accuracy: 98.00
        I0101 12:00:20.123456 140123 train.py:146] epoch:  2, train_loss: 0.0621, train_accuracy: 98.11, test_loss: 0.0503, test_accuracy: 98.41
        """, "accuracy", "test", 98.41, best=98.41, step=2, unit="percent"),
    Case("tf estimator", """
        INFO:tensorflow:loss = 2.3033497, step = 0
        INFO:tensorflow:global_step/sec: 152.3
        INFO:tensorflow:loss = 0.12, step = 900 (0.651 sec)
        INFO:tensorflow:Saving dict for global step 1000: accuracy = 0.9694, global_step = 1000, loss = 0.101
        {'accuracy': 0.9694, 'loss': 0.101, 'global_step': 1000}
        """, "accuracy", None, 0.9694),
    Case("caffe", """
        I1210 10:01:02.345678  1234 solver.cpp:330] Iteration 0, Testing net (#0)
        I1210 10:01:03.345678  1234 solver.cpp:397]     Test net output #0: accuracy = 0.1009
        I1210 10:01:03.345678  1234 solver.cpp:397]     Test net output #1: loss = 2.3441 (* 1 = 2.3441 loss)
        I1210 10:01:04.345678  1234 solver.cpp:218] Iteration 100 (250.1 iter/s, 0.4s/100 iters), loss = 0.2101
        I1210 10:01:04.345678  1234 solver.cpp:237]     Train net output #0: loss = 0.2101 (* 1 = 0.2101 loss)
        I1210 10:01:04.345678  1234 sgd_solver.cpp:105] Iteration 100, lr = 0.00992565
        I1210 10:01:05.345678  1234 solver.cpp:330] Iteration 500, Testing net (#0)
        I1210 10:01:06.345678  1234 solver.cpp:397]     Test net output #0: accuracy = 0.9736
        I1210 10:01:06.345678  1234 solver.cpp:310] Optimization Done.
        """, "accuracy", "test", 0.9736, best=0.9736, step=500),
    Case("monai segmentation", """
        ----------
        epoch 2/100
        1/20, train_loss: 0.6211
        epoch 2 average loss: 0.5921
        current epoch: 2 current mean dice: 0.2511
        best mean dice: 0.2511 at epoch: 2
        ----------
        epoch 4/100
        epoch 4 average loss: 0.4921
        current epoch: 4 current mean dice: 0.2411
        best mean dice: 0.2511 at epoch: 2
        """, "dice", None, 0.2411, best=0.2511, step=2),
    Case("mmseg", """
        2023/05/01 12:00:00 - mmengine - INFO - Iter(train) [ 2000/20000]  lr: 9.0e-03  eta: 1:30:00  time: 0.25  data_time: 0.01  memory: 5000  loss: 0.5312  decode.loss_ce: 0.3512  decode.acc_seg: 88.1200  aux.loss_ce: 0.18  aux.acc_seg: 85.0
        2023/05/01 12:01:00 - mmengine - INFO - per class results:
        2023/05/01 12:01:00 - mmengine - INFO - 
        +---------------+-------+-------+
        |     Class     |  IoU  |  Acc  |
        +---------------+-------+-------+
        |      road     | 97.12 | 98.61 |
        |    sidewalk   | 79.93 | 88.72 |
        +---------------+-------+-------+
        2023/05/01 12:01:00 - mmengine - INFO - Iter(val) [500/500]    aAcc: 94.8800  mIoU: 70.1200  mAcc: 78.3300  data_time: 0.0024  time: 0.0614
        """, "IoU", "val", 70.12, unit="percent"),
]
