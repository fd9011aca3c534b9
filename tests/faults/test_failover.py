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
from playground.ports import free_port
from tests.faults.aside import Aside
from tests.faults.test_kills import QUICK
from tests.playing import BOB, GPU, Playing, playing, shown, wait_until

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


class Server:
    """A replica: its socket, its port, its process."""

    def __init__(self, folder: Path, primary: int) -> None:
        folder.mkdir()
        self.socket, self.port = str(folder / "redis.sock"), free_port()
        self.process = subprocess.Popen(
            [
                valkey.binary(), "--port", str(self.port), "--unixsocket", self.socket, "--dir", str(folder), "--appendonly", "yes", "--save", "",
                "--repl-diskless-sync-delay", "0", "--loglevel", "warning", "--replicaof", f"127.0.0.1 {primary}",
            ]
        )  # fmt: skip
        self.redis = redis_sync.Redis(unix_socket_path=self.socket, decode_responses=True)

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()


class Servers:
    """A primary and its two replicas behind one address, and the bot on it. Each thing that is acked stands on a replica, too."""

    def __init__(self, play: Playing, address: Address, folder: Path) -> None:
        self.play, self.address = play, address
        self.port = free_port()
        self.primary = redis_sync.Redis(unix_socket_path=address.to, decode_responses=True)
        self.primary.config_set("port", self.port)
        self.primary.config_set("repl-diskless-sync-delay", 0)
        self.replicas = [Server(folder / f"replica{number}", self.port) for number in range(2)]

    def begin(self, url: str = "") -> None:
        """Start the bot."""
        for name in ("web", "worker", "clock"):
            self.play.bot(name, **QUICK, REDIS_URL=url or f"unix://{self.address.path}", REDIS_REPLICAS="1")
        wait_until(lambda: "On it" in self.play.command("sizes"), 40, "web to answer")

    def kill_primary(self) -> None:
        """As a crash does."""
        os.kill(int(self.play.ready["pids"]["redis"]), signal.SIGKILL)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with playing("--no-bot", "--slack-rate", "20", speed=200) as play:
        first = str(play.ready["redis"]).removeprefix("unix://")
        with Address(tmp_path / "address.sock", first) as address:
            one = Servers(play, address, tmp_path)
            try:
                for replica in one.replicas:
                    wait_until(lambda replica=replica: Path(replica.socket).exists() and linked(replica.redis), 20, "a replica to follow")  # type: ignore[misc]
                yield one
                play.close()
            finally:
                for replica in one.replicas:
                    replica.end()


def linked(replica: redis_sync.Redis) -> bool:
    with contextlib.suppress(redis_sync.ConnectionError):
        info = replica.info("replication")
        return isinstance(info, dict) and bool(info["master_link_status"] == "up")
    return False


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

    def more(self, count: int = 4) -> None:
        """Wait until that many more were acked."""
        before = len(self.acked)
        wait_until(lambda: len(self.acked) >= before + count, 40, f"{count} more to be acked after {before}")

    def _type(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            if "On it" in self._play.command(f"cluster create typed{number} --size {SIZE} --for 8h"):
                self.acked.append(f"typed{number}")
            time.sleep(0.2)


def going_on(servers: Servers) -> None:
    """One request waits for approval, one is being made."""
    for name in ("waits", "made"):
        servers.play.command(f"cluster create {name} --size {SIZE} --region westeurope --for 8h")
    servers.play.card("cluster waits(.|\n)*Waiting for approval")
    servers.play.click(servers.play.card("cluster made(.|\n)*Waiting for approval"), "approve", BOB)
    wait_until(lambda: servers.play.writes("azure", "^PUT.*managedClusters/made[?]"), 30, "the cluster to be asked for")


def all_well(servers: Servers, new: redis_sync.Redis, acked: list[str]) -> None:
    """Everything goes on in the processes that were there, nothing is lost or twice; and what `web` writes is heard at once, not found by a sweep."""
    play = servers.play
    wait_until(lambda: new.llen(RUNG) == 0, 10, "a worker to hear the new primary")
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
    assert {name: process.poll() for name, process in play.bots.items()} == dict.fromkeys(("web", "worker", "clock"))


@pytest.mark.timeout(300)
def test_the_primary_dies_and_the_replica_takes_over(servers: Servers) -> None:
    servers.begin()
    going_on(servers)
    with Typist(servers.play) as typist:
        typist.more()
        servers.kill_primary()
        # Whoever fails over takes the replica that has most (Redis Sentinel: replica selection).
        new, other = sorted(servers.replicas, key=lambda one: int(dict(one.redis.info("replication"))["slave_repl_offset"]), reverse=True)
        servers.address.to = new.socket
        new.redis.replicaof("NO", "ONE")
        other.redis.replicaof("127.0.0.1", str(new.port))
        servers.address.cut()
        typist.more()
    all_well(servers, new.redis, typist.acked)


@pytest.mark.timeout(300)
def test_a_primary_that_is_demoted_is_left_for_the_new_one(servers: Servers) -> None:
    """A planned failover: the old server lives on as a replica and keeps its connections; it answers READONLY."""
    servers.begin()
    going_on(servers)
    new = servers.replicas[0]
    with Typist(servers.play) as typist:
        typist.more()
        servers.primary.execute_command("FAILOVER", "TO", "127.0.0.1", new.port)  # type: ignore[no-untyped-call]
        wait_until(lambda: dict(servers.primary.info("replication"))["role"] == "slave", 20, "the primary to be demoted")
        servers.address.to = new.socket
        typist.more()
    all_well(servers, new.redis, typist.acked)


@contextlib.contextmanager
def sentinels(servers: Servers, folder: Path) -> Iterator[tuple[str, redis_sync.Redis]]:
    """Three sentinels that watch the servers, of which two elect; the URL that leads to whatever they say, and one of them."""
    ports = [free_port() for _ in range(3)]
    processes = []
    for port in ports:
        conf = folder / f"sentinel-{port}.conf"
        rules = [f"monitor qm 127.0.0.1 {servers.port} 2", "down-after-milliseconds qm 1000", "failover-timeout qm 6000"]
        conf.write_text(f"port {port}\ndir {folder}\n" + "".join(f"sentinel {rule}\n" for rule in rules))
        processes.append(subprocess.Popen([valkey.binary(), str(conf), "--sentinel", "--loglevel", "warning"], stdout=subprocess.DEVNULL))
    asked = [redis_sync.Redis(port=port, decode_responses=True) for port in ports]
    try:
        for one in asked:
            wait_until(lambda one=one: acquainted(one), 20, "the sentinels to know each other and the replicas")  # type: ignore[misc]
        yield f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in ports)}/qm/0", asked[0]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def acquainted(sentinel: redis_sync.Redis) -> bool:
    with contextlib.suppress(redis_sync.ConnectionError, redis_sync.ResponseError):
        state = sentinel.sentinel_master("qm")
        return isinstance(state, dict) and (state["num-other-sentinels"], state["num-slaves"]) == (2, 2)
    return False


def elected(servers: Servers, sentinel: redis_sync.Redis) -> Server | None:
    """The replica that the sentinels say is the primary."""
    state = sentinel.sentinel_master("qm")
    assert isinstance(state, dict)
    return next((one for one in servers.replicas if one.port == state["port"]), None)


@pytest.mark.timeout(300)
def test_sentinels_elect_the_replica_and_everything_goes_on(servers: Servers, tmp_path: Path) -> None:
    with sentinels(servers, tmp_path) as (url, sentinel):
        servers.begin(url)
        going_on(servers)
        with Typist(servers.play) as typist:
            typist.more()
            servers.kill_primary()
            new = wait_until(lambda: elected(servers, sentinel), 30, "a replica to be elected")
            typist.more()
        all_well(servers, new.redis, typist.acked)
        servers.play.close()
