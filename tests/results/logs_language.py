
"""Language, speech and translation."""

from tests.results.case import Case

LANGUAGE = [
    Case("huggingface trainer", """
        ***** Running training *****
          Num examples = 3668
          Num Epochs = 3
          Total optimization steps = 345
        {'loss': 0.5812, 'grad_norm': 3.2, 'learning_rate': 3.3e-05, 'epoch': 1.0}
        {'eval_loss': 0.4121, 'eval_accuracy': 0.8186, 'eval_f1': 0.8732, 'eval_runtime': 2.1, 'eval_samples_per_second': 194.1, 'eval_steps_per_second': 24.2, 'epoch': 1.0}
        {'loss': 0.3812, 'grad_norm': 4.2, 'learning_rate': 1.6e-05, 'epoch': 2.0}
        {'eval_loss': 0.4421, 'eval_accuracy': 0.8505, 'eval_f1': 0.8932, 'eval_runtime': 2.1, 'eval_samples_per_second': 194.1, 'eval_steps_per_second': 24.2, 'epoch': 2.0}
        {'eval_loss': 0.4821, 'eval_accuracy': 0.8431, 'eval_f1': 0.8901, 'eval_runtime': 2.1, 'eval_samples_per_second': 194.1, 'eval_steps_per_second': 24.2, 'epoch': 3.0}
        {'train_runtime': 61.2, 'train_samples_per_second': 179.7, 'train_steps_per_second': 5.6, 'train_loss': 0.3912, 'epoch': 3.0}
        100%|██████████| 345/345 [01:01<00:00,  5.62it/s]
        """, "accuracy", "val", 0.8431, best=0.8505, step=2),
    Case("huggingface end metrics", """
        ***** train metrics *****
          epoch                    =        3.0
          train_loss               =     0.1561
          train_samples_per_second =     33.214
        ***** eval metrics *****
          epoch                   =        3.0
          eval_exact_match        =    81.0501
          eval_f1                 =    88.4315
          eval_samples            =      10784
        """, "f1", "val", 88.4315, unit="percent"),
    Case("huggingface causal lm", """
        {'loss': 3.1201, 'learning_rate': 4e-05, 'epoch': 0.43}
        {'loss': 3.0201, 'learning_rate': 2e-05, 'epoch': 0.87}
        ***** eval metrics *****
          epoch                   =        1.0
          eval_loss               =     2.9874
          perplexity              =    19.8345
        """, "perplexity", "val", 19.8345),
    Case("huggingface loss only", """
        {'loss': 1.2101, 'grad_norm': 0.52, 'learning_rate': 0.0002, 'epoch': 0.1}
        {'loss': 0.9101, 'grad_norm': 0.48, 'learning_rate': 0.0001, 'epoch': 0.2}
        {'loss': 0.9301, 'grad_norm': 0.51, 'learning_rate': 5e-05, 'epoch': 0.3}
        """, "loss", "train", 0.9301, best=0.9101, step=0.2),
    Case("huggingface notebook table", """
        Step\tTraining Loss\tValidation Loss\tAccuracy
        500\t0.412000\t0.351200\t0.861000
        1000\t0.312000\t0.331200\t0.881000
        1500\t0.212000\t0.341200\t0.879000
        """, "accuracy", None, 0.879, best=0.881, step=1000),
    Case("seqeval report", """
                      precision    recall  f1-score   support

                 LOC       0.92      0.94      0.93      1668
                 PER       0.96      0.97      0.96      1617

           micro avg       0.91      0.93      0.92      5648
           macro avg       0.90      0.91      0.91      5648
        weighted avg       0.91      0.93      0.92      5648
        """, "f1", None, 0.92),
    Case("sklearn accuracy before report", """
        Test accuracy: 0.8625
                      precision    recall  f1-score   support

                 neg       0.87      0.85      0.86       400
                 pos       0.85      0.88      0.87       400

            accuracy                           0.86       800
           macro avg       0.86      0.86      0.86       800
        """, "accuracy", "test", 0.8625),
    Case("fairseq json", """
        2021-05-01 10:00:00 | INFO | fairseq.trainer | begin training epoch 1
        2021-05-01 10:30:00 | INFO | train_inner | {"epoch": 1, "update": 0.5, "loss": "9.1", "nll_loss": "8.5", "ppl": "362.04", "wps": "31000", "lr": "0.0001"}
        2021-05-01 11:00:00 | INFO | valid | {"epoch": 1, "valid_loss": "5.621", "valid_nll_loss": "4.1", "valid_bleu": "21.31", "valid_num_updates": "1101"}
        2021-05-01 12:00:00 | INFO | valid | {"epoch": 2, "valid_loss": "5.121", "valid_nll_loss": "3.9", "valid_bleu": "24.87", "valid_num_updates": "2202", "valid_best_bleu": "24.87"}
        """, "bleu", "val", 24.87, best=24.87, step=2, unit=""),
    Case("fairseq generate", """
        2021-05-01 | INFO | fairseq_cli.generate | Translated 6,750 sentences (150,000 tokens) in 31.2s (216.01 sentences/s, 4807.69 tokens/s)
        Generate test with beam=5: BLEU4 = 34.96, 69.2/43.1/28.9/19.7 (BP=0.980, ratio=0.981, syslen=128000, reflen=131000)
        """, "bleu", "test", 34.96),
    Case("sacrebleu json", """
        {
         "name": "BLEU",
         "score": 31.4,
         "signature": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.0.0",
         "verbose_score": "63.9/38.1/24.9/16.7 (BP = 1.000 ratio = 1.011 hyp_len = 65000 ref_len = 64300)"
        }
        """, "bleu", None, 31.4),
    Case("opennmt", """
        [2019-01-01 10:00:00,000 INFO] Step 50/10000; acc:   8.21; ppl: 5521.10; xent: 8.62; lr: 0.00001; 9120/9001 tok/s;     24 sec
        [2019-01-01 10:30:00,000 INFO] Validation perplexity: 12.0501
        [2019-01-01 10:30:00,000 INFO] Validation accuracy: 53.3482
        [2019-01-01 11:30:00,000 INFO] Validation perplexity: 9.0501
        [2019-01-01 11:30:00,000 INFO] Validation accuracy: 57.1482
        """, "accuracy", "val", 57.1482, unit="percent"),
    Case("marian translation", """
        [2019-05-01 10:00:00] Ep. 1 : Up. 1000 : Sen. 128,000 : Cost 7.12 : Time 41.1s : 31000.12 words/s
        [2019-05-01 10:10:00] [valid] Ep. 1 : Up. 5000 : cross-entropy : 61.12 : new best
        [2019-05-01 10:10:30] [valid] Ep. 1 : Up. 5000 : bleu : 21.5 : new best
        [2019-05-01 10:20:00] [valid] Ep. 2 : Up. 10000 : cross-entropy : 52.12 : new best
        [2019-05-01 10:20:30] [valid] Ep. 2 : Up. 10000 : bleu : 24.1 : new best
        """, "bleu", "val", 24.1),
    Case("speechbrain", """
        speechbrain.utils.train_logger - Epoch: 1, lr: 1.00e+00 - train loss: 3.11 - valid loss: 1.21, valid CER: 12.50, valid WER: 31.20
        speechbrain.utils.train_logger - Epoch: 2, lr: 1.00e+00 - train loss: 1.11 - valid loss: 0.91, valid CER: 7.50, valid WER: 21.20
        speechbrain.utils.train_logger - Epoch loaded: 2 - test loss: 0.95, test CER: 8.01, test WER: 22.44
        """, "wer", "test", 22.44),
    Case("kaldi", """
        %WER 7.58 [ 3987 / 52576, 512 ins, 391 del, 3084 sub ] exp/tri3b/decode_test_clean/wer_15_0.0
        """, "wer", None, 7.58, unit="percent"),
    Case("hf whisper", """
        {'eval_loss': 0.3012, 'eval_wer': 34.212, 'eval_runtime': 900.1, 'epoch': 1.2}
        {'eval_loss': 0.2812, 'eval_wer': 32.512, 'eval_runtime': 900.1, 'epoch': 2.4}
        {'eval_loss': 0.2912, 'eval_wer': 32.612, 'eval_runtime': 900.1, 'epoch': 3.6}
        """, "wer", "val", 32.612, best=32.512, step=2.4),
    Case("nanogpt", """
        step 0: train loss 10.9000, val loss 10.8950
        iter 0: loss 10.9010, time 31201.10ms, mfu -100.00%
        iter 10: loss 8.9010, time 201.10ms, mfu 31.20%
        step 250: train loss 5.2000, val loss 5.2550
        iter 250: loss 5.3010, time 201.10ms, mfu 31.20%
        """, "loss", "val", 5.2550, best=5.2550, step=250),
    Case("megatron train only", """
         iteration      100/  500000 | consumed samples:        25600 | elapsed time per iteration (ms): 610.2 | learning rate: 1.0E-05 | global batch size:   256 | lm loss: 9.201212E+00 | loss scale: 1.0 | grad norm: 2.3 | number of skipped iterations:   0 | number of nan iterations:   0 |
         iteration      200/  500000 | consumed samples:        51200 | elapsed time per iteration (ms): 600.2 | learning rate: 2.0E-05 | global batch size:   256 | lm loss: 7.801212E+00 | loss scale: 1.0 | grad norm: 1.3 | number of skipped iterations:   0 | number of nan iterations:   0 |
        """, "loss", "train", 7.801212, best=7.801212, step=200),
    Case("torchtitan", """
        [rank0]:[titan] 2024-10-01 10:00:00,000 - root - INFO - step:  1  loss: 12.2557  memory: 30.10GiB(31.70%)  tps: 1,201  tflops: 10.2  mfu: 1.10%
        [rank0]:[titan] 2024-10-01 10:01:00,000 - root - INFO - step: 10  loss:  9.8557  memory: 36.10GiB(38.00%)  tps: 6,201  tflops: 50.2  mfu: 16.10%
        """, "loss", "train", 9.8557, best=9.8557, step=10),
    Case("axolotl dpo", """
        {'loss': 0.6512, 'grad_norm': 5.1, 'learning_rate': 5e-07, 'rewards/chosen': 0.02, 'rewards/rejected': -0.05, 'rewards/accuracies': 0.625, 'rewards/margins': 0.07, 'epoch': 0.1}
        {'loss': 0.5512, 'grad_norm': 5.1, 'learning_rate': 5e-07, 'rewards/chosen': 0.12, 'rewards/rejected': -0.55, 'rewards/accuracies': 0.725, 'rewards/margins': 0.67, 'epoch': 0.2}
        """, "accuracy", "train", 0.725),
    Case("fasttext", """
        Read 5M words
        Number of words:  105366
        Progress: 100.0% words/sec/thread:  412312 lr:  0.000000 avg.loss:  0.3012 ETA:   0h 0m 0s
        N\t70000
        P@1\t0.912
        R@1\t0.912
        """, "p@1", None, 0.912),
    Case("flair", """
        2023-01-01 10:00:00,000 epoch 1 - iter 14/146 - loss 3.10121212 - time (sec): 5.10 - samples/sec: 812.10 - lr: 0.100000
        2023-01-01 10:01:00,000 EPOCH 1 done: loss 0.9812 - lr 0.1000000
        2023-01-01 10:01:30,000 DEV : loss 0.3012 - f1-score (micro avg)  0.8312
        2023-01-01 10:02:00,000 Results:
        2023-01-01 10:02:00,000 - F-score (micro) 0.8812
        2023-01-01 10:02:00,000 - F-score (macro) 0.8612
        2023-01-01 10:02:00,000 - Accuracy 0.8401
        """, "f1", "val", 0.8312),
    Case("lm-eval several tasks", """
        |    Tasks    |Version|Filter|n-shot| Metric |   |Value |   |Stderr|
        |-------------|------:|------|-----:|--------|---|-----:|---|-----:|
        |arc_challenge|      1|none  |    25|acc     |↑  |0.5012|±  |0.0146|
        |             |       |none  |    25|acc_norm|↑  |0.5312|±  |0.0146|
        |hellaswag    |      1|none  |    10|acc     |↑  |0.6012|±  |0.0049|
        """, "accuracy", None, 0.5012),
]
