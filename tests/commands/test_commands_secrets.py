"""What people type and paste: what is a secret by its shape or its name is refused, and what every training takes is not."""

from __future__ import annotations

import pytest

from bot import secrets
from bot.commands import Reply, Request, parse

_HEX = "0123456789abcdef" * 2
CARRYING = [
    "-- --password hunter2hunter2",
    f"-- --api-key={_HEX}",
    f"-- --hf_token {_HEX}",
    f"-- db.password={_HEX}",
    f"-- ++trainer.wandb.apiKey={_HEX}",
    f"-- sh -c 'export WANDB_API_KEY={_HEX}; python train.py'",
    "-- sh -c 'python train.py --password hunter2hunter2'",
    f"-- -H 'Authorization: Bearer {_HEX}'",
    f"--set token={_HEX}",
    f"--set api_key={_HEX}",
    f"--env AZURE_STORAGE_KEY={_HEX}",
    f"--env DJANGO_SECRET_KEY={_HEX}",
    "--env DB_PASS=hunter2hunter2",
    "--env PGPASSWORD=hunter2hunter2",
    "--env dbPassword=hunter2hunter2",
    f"--env COSMOS_KEY={_HEX}",
    "--env SETTING=abc8Q~" + "d" * 34,
    "--env SETTING=AS" + "IA0123456789ABCDEF",
    "--env SETTING=da" + "pi" + _HEX,
    "--env SETTING=sk" + "_live_0123456789abcdefghij",
    "--env DATABASE=postgres://user:hunter2@db.example/x",
]
ORDINARY = [
    "-- --tokenizer gpt2",
    "-- --tokenizer-name meta-llama/Llama-3.1-8B-Instruct",
    "-- --max-tokens 512",
    "-- --max_new_tokens 1024",
    "-- --num_tokens=1000",
    "-- --tokens-per-batch 65536",
    "-- --token 5",
    "-- --eos-token '<|endoftext|>'",
    "-- --pad_token=[PAD][PAD]",
    "-- --secret-santa",
    "-- --secret-santa participants",
    "-- --password-file /run/secrets/password",
    "-- --api-key $OPENAI_API_KEY",
    "-- --hf-token ${HF_TOKEN}",
    "-- --token --verbose --epochs 3",
    "-- --key-frames 12 --sort-key learning_rate",
    "-- --use-auth-token true",
    "-- --data az://container/path --batch 64",
    "-- python -c 'print(len(tokens), tokens[0])'",
    "--env HF_TOKEN_PATH=/secrets/token",
    "--env PASSWORD_FILE=/run/secrets/password-of-the-database",
    "--env TOKENIZERS_PARALLELISM=false",
    "--env GOOGLE_APPLICATION_CREDENTIALS=/var/run/secrets/key.json",
    "--env NCCL_DEBUG=INFO",
    "--env CUDA_VISIBLE_DEVICES=0,1",
    "--env SORT_KEY=validation_accuracy_top_one",
    "--set max_tokens=4096",
    "--set tokenizer=bert-base-uncased",
    "--secret my-secret",
]


@pytest.mark.parametrize("words", CARRYING)
def test_a_secret_in_a_command_is_refused_with_where_it_belongs_instead(words: str) -> None:
    answer = parse(f"run ghcr.io/team/train:1 {words}")
    assert isinstance(answer, Reply)
    assert "--secret my-secret" in answer.text
    assert "hunter2" not in answer.text
    assert _HEX not in answer.text


@pytest.mark.parametrize("words", ORDINARY)
def test_what_every_training_takes_is_no_secret(words: str) -> None:
    answer = parse(f"run ghcr.io/team/train:1 {words}")
    assert isinstance(answer, Request), answer


_JOB = """apiVersion: batch/v1
kind: Job
metadata:
  name: train
  labels: {team: vision, token-budget: "4096"}
spec:
  template:
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      imagePullSecrets:
        - name: registry-credentials-of-team
      containers:
        - name: train
          image: ghcr.io/team/train:1
%s
"""
_ENV = "          env:\n"
PASTED = [
    _ENV + f"            - name: HF_TOKEN\n              value: hf{'_'}{'a1' * 17}",
    _ENV + f"            - name: WANDB_API_KEY\n              value: {_HEX}",
    _ENV + f"            - value: '{_HEX}'\n              name: WANDB_API_KEY",
    f"          env: [{{name: WANDB_API_KEY, value: {_HEX}}}]",
    f'          "env": [{{"name": "WANDB_API_KEY", "value": "{_HEX}"}}]',
    f'          "env": [{{\n  "value": "{_HEX}",\n  "name": "WANDB_API_KEY"\n}}]',
    "          args: [--password, hunter2hunter2]",
    '          args: ["--password", "hunter2hunter2"]',
    "          args:\n            - --password\n            - hunter2hunter2",
    "          args:\n            - --password=hunter2hunter2",
    f"          command: [sh, -c, 'WANDB_API_KEY={_HEX} python train.py']",
    "          command: [sh, -c, 'psql postgres://me:hunter2@db/x']",
]
REFERRED = [
    _ENV + "            - name: HF_TOKEN\n              valueFrom:\n                secretKeyRef:\n                  name: hf-credentials\n"
    "                  key: HF_TOKEN",
    _ENV + "            - name: HF_TOKEN\n              valueFrom: {secretKeyRef: {name: hf-credentials, key: token, optional: false}}",
    "          envFrom:\n            - secretRef:\n                name: wandb-secret-of-team",
    _ENV + "            - name: MAX_TOKENS\n              value: '4096'\n            - name: TOKENIZER\n              value: bert-base-uncased",
    _ENV + "            - name: PASSWORD_FILE\n              value: /run/secrets/password",
    '          args: ["--max-tokens", "4096", "--tokenizer", "bert-base-uncased", "--hf-token", "$(HF_TOKEN)"]',
    "          volumeMounts: [{name: keys, mountPath: /keys}]\n"
    "      volumes:\n        - name: keys\n          secret: {secretName: keys-of-the-team}",
    "      volumes:\n        - name: t\n          projected:\n            sources:\n              - serviceAccountToken:\n"
    "                  path: token-of-the-account\n",
]


@pytest.mark.parametrize("part", PASTED)
def test_a_secret_in_a_manifest_is_found(part: str) -> None:
    assert secrets.within(_JOB % part) is not None


@pytest.mark.parametrize("part", REFERRED)
def test_a_manifest_that_refers_to_a_secret_carries_none(part: str) -> None:
    assert secrets.within(_JOB % part) is None


_UNITS = ["token", "--a ", "name: a, ", "key=", "a.", "value: ", '"', "\\", "-", " ", "name:\n", "password: ", "1", "sk-", "a1", "://", "a@"]


@pytest.mark.parametrize("unit", _UNITS)
def test_a_hostile_manifest_is_looked_through_to_its_end(unit: str) -> None:
    secrets.within(unit * (1_000_000 // len(unit)) + "!")
