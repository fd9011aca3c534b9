"""Redis fails over to its replica: nothing that was acked is lost, nothing happens twice, and nobody has to be restarted by hand."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_sync

from bot.operations.journal import RUNG
from playground import valkey
from playground.__main__ import free_port
from tests.faults.aside import Aside
from tests.faults.test_kills import QUICK
from tests.playing import ALICE, BOB, GPU, Playing, playing, shown, wait_until

SIZE = "Standard_NC4as_T4_v3"


class Address(Aside):
    """One address that leads to whichever server is the primary, as a managed Redis has it. `to` is where new connections go."""

    def __init__(self, path: Path, to: str) -> None:
        super().__init__()
        self.path, self.to = path, to
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """End all connections that are open."""

        def abort() -> None:
            for writer in self._open:
                writer.transport.abort()

        self.loop.call_soon_threadsafe(abort)

    async def begin(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._pass, str(self.path))

    async def end(self) -> None:
        """Listen no more."""
        self._server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            up_reader, up_writer = await asyncio.open_unix_connection(self.to)
            await asyncio.gather(self._copy(reader, up_writer), self._copy(up_reader, writer))
        except OSError:
            writer.transport.abort()
        finally:
            self._open.discard(writer)

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()


class Pair:
    """A primary and its replica behind one address, and the bot on it."""

    def __init__(self, play: Playing, address: Address, primary: str, replica: str, folder: Path) -> None:
        self.play, self.address, self.folder = play, address, folder
        self.primary = redis_sync.Redis(unix_socket_path=primary, decode_responses=True)
        self.replica = redis_sync.Redis(unix_socket_path=replica, decode_responses=True)

    def begin(self, replicas: int, url: str = "") -> None:
        """Start the bot; `replicas` must have what is acked."""
        for name in ("web", "worker", "clock"):
            self.play.bot(name, **QUICK, REDIS_URL=url or f"unix://{self.address.path}", REDIS_REPLICAS=str(replicas))
        wait_until(lambda: "On it" in self.play.command("sizes"), 40, "web to answer")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with playing("--no-bot", "--slack-rate", "20", speed=200) as play:
        first = str(play.ready["redis"]).removeprefix("unix://")
        port, other = free_port(), tmp_path / "replica"
        other.mkdir()
        primary = redis_sync.Redis(unix_socket_path=first)
        primary.config_set("port", port)
        primary.config_set("repl-diskless-sync-delay", 0)
        second = str(other / "redis.sock")
        process = subprocess.Popen(
            [
                valkey.binary(), "--port", "0", "--unixsocket", second, "--dir", str(other), "--appendonly", "yes", "--save", "",
                "--loglevel", "warning", "--replicaof", f"127.0.0.1 {port}",
            ]
        )  # fmt: skip
        try:
            with Address(tmp_path / "address.sock", first) as address:
                one = Pair(play, address, first, second, other)
                wait_until(lambda: Path(second).exists() and linked(one.replica), 20, "the replica to follow")
                yield one
                play.close()
        finally:
            process.kill()
            process.wait()


def linked(replica: redis_sync.Redis) -> bool:
    with contextlib.suppress(redis_sync.ConnectionError):
        info = replica.info("replication")
        return isinstance(info, dict) and bool(info["master_link_status"] == "up")
    return False


def caught_up(pair: Pair) -> bool:
    state = pair.primary.info("replication")
    return isinstance(state, dict) and bool(state["slave0"]["lag"] <= 1)


class Typist:
    """Somebody who asks for clusters all the time. `acked` are the names that the bot said yes to."""

    def __init__(self, play: Playing) -> None:
        self.acked: list[str] = []
        self._play, self._over = play, threading.Event()
        self._thread = threading.Thread(target=self._type)

    def __enter__(self) -> Typist:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _type(self) -> None:
        number = 0
        while not self._over.is_set() and len(self.acked) < 12:
            number += 1
            if "On it" in self._play.command(f"cluster create typed{number} --size {SIZE} --for 8h"):
                self.acked.append(f"typed{number}")
            time.sleep(0.05)


def going_on(pair: Pair) -> None:
    """One request waits for approval, one is being made."""
    for name in ("waits", "made"):
        pair.play.command(f"cluster create {name} --size {SIZE} --region westeurope --for 8h")
    pair.play.card("cluster waits(.|\n)*Waiting for approval")
    pair.play.click(pair.play.card("cluster made(.|\n)*Waiting for approval"), "approve", BOB)
    wait_until(lambda: pair.play.writes("azure", "^PUT.*managedClusters/made[?]"), 30, "the cluster to be asked for")


def all_well(pair: Pair, acked: list[str]) -> None:
    """Everything goes on, nothing is lost, nothing is twice; and what `web` writes is heard at once, not found by a sweep."""
    play = pair.play
    wait_until(lambda: pair.replica.llen(RUNG) == 0, 10, "a worker to hear the new primary")
    play.card("cluster made(.|\n)*Done", seconds=90)
    card = play.card("cluster waits(.|\n)*Waiting for approval")
    wait_until(lambda: play.click(card, "approve", BOB).get("ok"), 30, "a click to be taken")
    play.card("cluster waits(.|\n)*Done", seconds=90)
    for name in acked:
        play.card(f"cluster (create )?{name}\\b", seconds=60)
    said = Counter(
        (payload["op"], payload["k"])
        for parent in play.messages(GPU)
        for message in (parent, *parent["replies"])
        if (payload := (message.get("metadata") or {}).get("event_payload"))
    )
    assert [key for key, count in said.items() if count > 1] == []
    puts = Counter(row["path"].split("?")[0] for row in play.requests("azure") if row["method"] == "PUT" and row["handled"] in (200, 201))
    assert [path for path, count in puts.items() if count > 1] == []
    assert not any("Traceback" in shown(one) for one in play.messages(GPU))


@pytest.mark.timeout(300)
def test_the_primary_dies_and_the_replica_takes_over(pair: Pair) -> None:
    pair.begin(replicas=1)
    going_on(pair)
    with Typist(pair.play) as typist:
        wait_until(lambda: len(typist.acked) >= 4, 20, "some to be acked")
        os.kill(int(pair.play.ready["pids"]["redis"]), signal.SIGKILL)
        pair.address.to = str(pair.folder / "redis.sock")
        pair.replica.replicaof("NO", "ONE")
        pair.address.cut()
    for name in ("web", "worker", "clock"):
        assert pair.play.bots[name].poll() is None
    pair.replica.config_set("min-replicas-to-write", 0)
    restart_without_replica(pair)
    all_well(pair, typist.acked)


def restart_without_replica(pair: Pair) -> None:
    """With its only replica gone nothing would be acked any more; the operator says that one copy has to do for now."""
    for name in ("web", "worker", "clock"):
        process = pair.play.bots.pop(name)
        process.terminate()
        assert process.wait(20) == 0
    pair.begin(replicas=0)


@pytest.mark.timeout(300)
def test_a_primary_that_is_demoted_is_left_for_the_new_one(pair: Pair) -> None:
    """A planned failover: the old server lives on as a replica and keeps its connections; it answers READONLY."""
    pair.begin(replicas=0)
    going_on(pair)
    wait_until(lambda: caught_up(pair), 10, "the replica to have caught up")
    pair.address.to = str(pair.folder / "redis.sock")
    pair.replica.replicaof("NO", "ONE")
    port = free_port()
    pair.replica.config_set("port", port)
    pair.primary.replicaof("127.0.0.1", port)
    wait_until(lambda: "On it" in pair.play.command("nodes", ALICE), 20, "web to find the new primary")
    all_well(pair, [])


@contextlib.contextmanager
def sentinels(pair: Pair, folder: Path) -> Iterator[str]:
    """Three sentinels that watch the pair, of which two elect; the URL that leads to whatever they say."""
    ports, at = [free_port() for _ in range(3)], str(pair.primary.config_get("port")["port"])
    pair.replica.config_set("port", free_port())
    pair.primary.client_kill_filter(_type="replica")  # it comes back and says its new port, which the sentinels learn from the primary
    processes = []
    for port in ports:
        conf = folder / f"sentinel-{port}.conf"
        rules = ["monitor qm 127.0.0.1 {at} 2", "down-after-milliseconds qm 1000", "failover-timeout qm 6000"]
        conf.write_text(f"port {port}\ndir {folder}\n" + "".join(f"sentinel {rule}\n" for rule in rules).replace("{at}", at))
        processes.append(subprocess.Popen([valkey.binary(), str(conf), "--sentinel", "--loglevel", "warning"], stdout=subprocess.DEVNULL))
    try:
        for port in ports:
            one = redis_sync.Redis(port=port, decode_responses=True)
            wait_until(lambda one=one: acquainted(one), 20, "the sentinels to know each other and the replica")  # type: ignore[misc]
        yield f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in ports)}/qm/0"
    finally:
        for process in processes:
            process.kill()
            process.wait()


def acquainted(sentinel: redis_sync.Redis) -> bool:
    with contextlib.suppress(redis_sync.ConnectionError, redis_sync.ResponseError):
        state = sentinel.sentinel_master("qm")
        return isinstance(state, dict) and (state["num-other-sentinels"], state["num-slaves"]) == (2, 1)
    return False


@pytest.mark.timeout(300)
def test_sentinels_elect_the_replica_and_everything_goes_on(pair: Pair, tmp_path: Path) -> None:
    with sentinels(pair, tmp_path) as url:
        pair.begin(replicas=0, url=url)
        going_on(pair)
        wait_until(lambda: caught_up(pair), 10, "the replica to have caught up")
        os.kill(int(pair.play.ready["pids"]["redis"]), signal.SIGKILL)
        wait_until(lambda: "On it" in pair.play.command("nodes", ALICE), 30, "the replica to be elected and web to find it")
        all_well(pair, [])
        for name in ("web", "worker", "clock"):
            assert pair.play.bots[name].poll() is None
        pair.play.close()
