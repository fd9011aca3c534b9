"""Secrets in logs. The samples are put together at run time, so that no scanner takes this file for a leak."""

from __future__ import annotations

import random
import string
import time

import pytest

from bot.cluster.masking import MASK, mask

_RANDOM = random.Random(20261120)


def _chars(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(_RANDOM.choice(alphabet) for _ in range(count))


_HEX = "0123456789abcdef"
_UPPER = string.ascii_uppercase + string.digits
SECRETS = {
    "slack bot": "xox" + "b-1234567890-" + _chars(24),
    "slack app": "xapp-" + "1-A0QM-" + _chars(30),
    "slack hook": "https://hooks.slack" + ".com/services/T000/B000/" + _chars(24),
    "github": "gh" + "p_" + _chars(36),
    "github fine": "github" + "_pat_" + _chars(60),
    "gitlab": "glp" + "at-" + _chars(20),
    "aws id": "AK" + "IA" + _chars(16, _UPPER),
    "hugging face": "hf" + "_" + _chars(34),
    "openai": "sk" + "-proj-" + _chars(48),
    "anthropic": "sk" + "-ant-api03-" + _chars(80),
    "jwt": "ey" + "J" + _chars(30) + "." + "ey" + "J" + _chars(60) + "." + _chars(43),
    "google": "AI" + "za" + _chars(35),
    "stripe": "sk" + "_live_" + _chars(24),
    "npm": "npm" + "_" + _chars(36),
    "nvidia": "nv" + "api-" + _chars(60),
    "entra": _chars(3) + "8Q" + "~" + _chars(34),
    "databricks": "da" + "pi" + _chars(32, _HEX),
}
NAMED = [
    "password={}",
    "DB_PASSWORD: {}",
    '"client_secret": "{}"',
    "export WANDB_API_KEY={}",
    "--api-key {}",
    "--hf-token {}",
    "aws_secret_access_key = {}",
    "AccountName=a;AccountKey={};EndpointSuffix=core.windows.net",
    "Endpoint=sb://x/;SharedAccessKeyName=k;SharedAccessKey={}",
    "Authorization: Bearer {}",
    "curl -H 'Authorization: Bearer {}'",
    "secret: '{}'",
    "token={}",
    "mysql_pwd={}",
    "{{'api_key': '{}'}}",
    "passphrase => {}",
    "AZURE_CLIENT_SECRET={}",
    "https://acc.blob.core.windows.net/c?sv=2024&sig={}&se=1",
    "postgres://user:{}@db.example/x",
    "redis://:{}@cache:6379/0",
    "https://user:{}@git.example/r.git",
    "PGPASSWORD={}",
    "dbPassword: {}",
    'body={{\\"password\\": \\"{}\\"}}',
    "AWS_SECRET_ACCESS_KEY 7wJa{}",
    "aws_secret_access_key  a7b8{}",
    "client-key-data: LS0tLS1CRUdJTi{}",
]


@pytest.mark.parametrize("kind", sorted(SECRETS))
@pytest.mark.parametrize("around", ["{}", "step 3 using {} now", "url=https://x/?a={}&b=1", '{{"value": "{}"}}', "[{}]"])
def test_a_providers_secret_is_masked_wherever_it_stands(kind: str, around: str) -> None:
    text = around.format(SECRETS[kind])
    assert SECRETS[kind] not in mask(text)
    assert MASK in mask(text)


@pytest.mark.parametrize("line", NAMED)
def test_what_follows_a_telling_name_is_masked_and_the_name_stays(line: str) -> None:
    for _ in range(20):
        secret = _chars(_RANDOM.randint(12, 60))
        masked = mask(f"2026-11-20 INFO {line.format(secret)} (next)\n")
        assert secret not in masked
        assert MASK in masked
        assert masked.startswith("2026-11-20 INFO ")
        assert masked.endswith("\n")


def test_azure_storage_keys_are_masked_to_the_last_character() -> None:
    key = _chars(76) + "+ASt" + _chars(6) + "=="
    assert mask(f"connecting with {key}") == f"connecting with {MASK}"
    assert mask(f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={key};Suffix=y").endswith(f"AccountKey={MASK};Suffix=y")


@pytest.mark.parametrize("cut", [False, True])
def test_a_private_key_is_masked_even_where_the_log_is_cut_in_its_middle(cut: bool) -> None:
    body = "\n".join(_chars(64) for _ in range(20))
    block = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n" + ("" if cut else "-----END RSA PRIVATE KEY-----\n")
    masked = mask(f"before\n{block}{'' if cut else 'after'}")
    assert body[:64] not in masked
    assert body[-64:] not in masked
    assert masked.startswith("before\n" + MASK)


@pytest.mark.parametrize("stamped", ["", "2026-11-20T08:00:00.123456789Z "])
def test_a_tail_that_begins_inside_of_a_private_key_gives_none_of_it_away(stamped: str) -> None:
    lines = [_chars(17), *(_chars(64) for _ in range(9)), _chars(20) + "=="]
    tail = "".join(f"{stamped}{line}\n" for line in [*lines, "-----END RSA PRIVATE KEY-----", "Accuracy at step 490: 0.9533"])
    masked = mask(tail)
    assert not any(line in masked for line in lines)
    assert masked.endswith("Accuracy at step 490: 0.9533\n")


@pytest.mark.parametrize(
    "line",
    [
        "Accuracy at step 490: 0.9533",
        "tokens per second: 15321.4, tokens=512, max_tokens: 4096",
        "loaded tokenizer from /models/llama; vocab tokens 32000",
        "keyboard interrupt; key frames: 12",
        "2019-05-16 16:08:31.396846: I tensorflow/core/common_runtime/gpu/gpu_device.cc:1120] Creating TensorFlow device (/device:GPU:0)",
        "pulling https://registry.example/v2/library/x:latest@sha256:" + "a" * 64,
        "commit 3f2c9a7d8e1b4c5f6a7d8e9f0a1b2c3d4e5f6a7b",
        "password: ********",
        "api_key=None",
        "token: ${HF_TOKEN}",
        "epoch 3 | loss 0.123 | token accuracy: 0.91",
        "git clone git@github.com:team/repo.git",
        "secret not found",
        "MODEL_KEY bert-base-uncased",
        "api_key validation_succeeded_quickly",
    ],
)
def test_ordinary_lines_come_back_unchanged(line: str) -> None:
    assert mask(line) == line


def test_masking_twice_changes_nothing() -> None:
    text = "\n".join(line.format(_chars(30)) for line in NAMED)
    assert mask(mask(text)) == mask(text)


def test_long_lines_and_many_lines_take_no_time() -> None:
    begun = time.process_time()
    mask("Accuracy at step 10: 0.7457\n" * 40_000)
    mask("password=" + "a" * 200_000)
    mask("a:" * 50_000 + "://" + "x" * 100_000)
    mask("token " * 20_000)
    mask("key_" * 30_000 + "=")
    assert time.process_time() - begun < 3.0
