"""A history: machines, a hub, and everything that can happen to both."""

import shutil
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from segue.store.sync import account
from segue.store.sync.wire import encode
from segue.sync.keys import Key
from segue.sync.sealing import open_batch
from segue.sync.transports.folder import FolderTransport
from segue.sync.transports.transport import Batch, Transport
from tests.support.sync.actions import Said, random_action, texts_in
from tests.support.sync.compare import snapshot
from tests.support.sync.machine import Machine, OpenTransport

DAY_MS = 86_400_000
START_MS = 1_790_000_000_000
SKEWS = (0, 0, 0, -DAY_MS, 3_600_000, 365 * DAY_MS)


class Dangers(NamedTuple):
    """What may happen in a history, as chances of a step."""

    crash: float = 0.3
    """Of a round."""
    clone: float = 0.0
    put_back: float = 0.0
    lose_hub: float = 0.0
    rekey: float = 0.0
    """A machine replaces the key, and the others join again."""
    partition: float = 0.1
    """Of a round."""
    carried: bool = False
    """Each machine has its own folder, and files are carried between them in any order and in parts."""


class World:
    """The machines and the hub of one history."""

    def __init__(self, folder: Path, seed: int, dangers: Dangers) -> None:
        self.folder = folder
        self.random = Random(seed)
        self.dangers = dangers
        self.now = START_MS
        self.said = Said()
        first = Key(self.random.randbytes(32))
        uids = Random(seed + 1)
        self._new_uid = account.new_uid
        account.new_uid = lambda: uids.randbytes(16)  # A seed gives the same history each time.
        self.machines: list[Machine] = []
        self.backups: list[tuple[Machine, Path, set[str]]] = []
        self.hubs: list[Path] = []
        self.copies: list[Path] = []
        self.counts = {"copies": 0, "old files put back": 0, "lost hubs": 0, "old hubs": 0, "keys replaced": 0}
        for number in range(self.random.choice([2, 3, 3, 4])):
            self.add_machine(f"m{number}").create(first)
        self.newest = self.machines[0]
        """The machine that replaced the key last. The others take its key."""

    def add_machine(self, name: str) -> Machine:
        skew = self.random.choice(SKEWS)
        machine = Machine(name, self.folder / name, lambda: self.now + skew, self.random)
        self.machines.append(machine)
        hub = self.folder / (f"hub-{name}" if self.dangers.carried else "hub")
        hub.mkdir(exist_ok=True)
        if hub not in self.hubs:
            self.hubs.append(hub)
        return machine

    def hub_of(self, machine: Machine) -> Path:
        return self.folder / (f"hub-{machine.name}" if self.dangers.carried else "hub")

    @property
    def key(self) -> Key:
        return self.newest.key

    def transport(self, machine: Machine) -> OpenTransport:
        """Return a function that opens the hub of the machine, to which there is no way now and then."""

        def open_account(key: Key, uids: list[str]) -> Transport:
            directory = self.hub_of(machine)
            if self.random.random() < self.dangers.partition:
                directory = directory / "away"
            return FolderTransport(directory, key.account, uids)

        return open_account

    async def run(self, steps: int) -> None:
        for _ in range(steps):
            self.now += self.random.choice([1, 50, 1000, 60_000, 3_600_000])
            await self.step()

    async def step(self) -> None:
        random, dangers = self.random, self.dangers
        machine = random.choice(self.machines)
        chance = random.random()
        if chance < 0.17:
            fuse = self._fuse()
            await machine.sync(self.transport(machine), fuse)
            if machine.is_retired and random.random() < 0.5:
                await machine.follow(self.key, self.transport(machine), self._fuse())
        elif chance > 1 - dangers.rekey:
            if await machine.rekey(self.transport(machine), self._fuse()):
                self.counts["keys replaced"] += 1
                self.newest = machine
        elif chance < 0.17 + dangers.clone and len(self.machines) < 6:
            await self.clone(machine)
        elif chance < 0.17 + dangers.clone + dangers.put_back:
            await self.back_up_or_put_back(machine)
        elif chance < 0.17 + dangers.clone + dangers.put_back + dangers.lose_hub:
            self.lose_or_put_back_hub()
        elif self.dangers.carried and chance > 0.85:
            self.carry(complete=False)
        else:
            random_action(machine, self.said, random)

    def _fuse(self) -> int | None:
        """Return the number of steps after which the machine dies, or None."""
        return self.random.randrange(40) if self.random.random() < self.dangers.crash else None

    async def clone(self, machine: Machine) -> None:
        self.counts["copies"] += 1
        copy = self.add_machine(f"{machine.name}c{len(self.machines)}")
        copy.home = machine.home
        machine.copy_files(copy.folder)
        if self.dangers.carried:
            shutil.copytree(self.hub_of(machine), self.hub_of(copy), dirs_exist_ok=True)
        await copy.start()

    async def back_up_or_put_back(self, machine: Machine) -> None:
        mine = [backup for backup in self.backups if backup[0] is machine]
        if not mine or self.random.random() < 0.5:
            target = self.folder / f"backup{len(self.backups)}"
            machine.copy_files(target)
            self.backups.append((machine, target, self._texts(machine)))
            return
        self.counts["old files put back"] += 1
        _, source, held = self.random.choice(mine)
        # Only the replaced file may have had what was said since.
        self.said.gone |= self._texts(machine) - held
        await machine.put_back(source)

    def _texts(self, machine: Machine) -> set[str]:
        rows = machine.store.connection.execute("SELECT content FROM messages")
        return {text for (text,) in rows}

    def lose_or_put_back_hub(self) -> None:
        if self.copies and self.random.random() < 0.5:
            self.counts["old hubs"] += 1
            source = self.random.choice(self.copies)
            for hub in self.hubs:
                shutil.rmtree(hub)
                if (source / hub.name).exists():
                    shutil.copytree(source / hub.name, hub)
                else:
                    hub.mkdir()
            return
        if self.random.random() < 0.5:
            target = self.folder / f"copy{len(self.copies)}"
            for hub in self.hubs:
                shutil.copytree(hub, target / hub.name)
            self.copies.append(target)
            return
        self.counts["lost hubs"] += 1
        for hub in self.hubs:
            shutil.rmtree(hub)
            hub.mkdir()

    def carry(self, *, complete: bool) -> None:
        """Carry files between the folders: all of them, or some, in any order and in parts."""
        for machine in self.machines:
            source = self.hub_of(machine) / self.key.account / machine.uid
            files = [file for file in source.iterdir() if not file.name.startswith(".")] if source.is_dir() else []
            for hub in self.hubs:
                if hub == self.hub_of(machine):
                    continue
                for file in files if complete else self.random.sample(files, self.random.randrange(len(files) + 1)):
                    target = hub / self.key.account / machine.uid / file.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    data = file.read_bytes()
                    if not complete and self.random.random() < 0.2:
                        data = data[: self.random.randrange(len(data))]
                        if self.random.random() < 0.5:
                            target = target.with_name(f"{target.name}.sync-conflict-20261128")
                    target.write_bytes(data)

    async def settle(self) -> None:
        """Let all machines sync until nothing moves any more."""
        self.dangers = self.dangers._replace(partition=0.0)
        for machine in self.machines:
            await machine.die()
        for _ in range(30):
            moved = 0
            for machine in self.machines:
                self.now += 1000
                if self.dangers.carried:
                    self.carry_all()
                if machine.key != self.key:
                    await machine.follow(self.key, self.transport(machine))
                    moved += 1
                moved += await machine.sync(self.transport(machine))
            if not moved:
                return
        raise AssertionError("the machines never come to rest")

    def carry_all(self) -> None:
        """Carry every file of every folder to the others, those of machines that have another name now too."""
        newest: dict[tuple[str, str], tuple[int, bytes]] = {}
        for machine in self.machines:
            held = self.hub_of(machine) / self.key.account
            for file in held.glob("*/*") if held.is_dir() else []:
                if len(file.name) != 10:
                    continue
                own = file.parent.name in machine.read(account.own_names)
                rank = (2 if own else 1) * 10**20 + file.stat().st_mtime_ns
                name = file.parent.name, file.name
                if name not in newest or newest[name][0] < rank:
                    newest[name] = rank, file.read_bytes()
        for hub in self.hubs:
            for (uid, number), (_, data) in newest.items():
                target = hub / self.key.account / uid / number
                if not target.exists() or target.read_bytes() != data:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)

    def check(self) -> None:
        """Check that all machines agree, nothing is lost, and nothing deleted is at the hub."""
        first, *others = [snapshot(machine) for machine in self.machines]
        for machine, other in zip(self.machines[1:], others, strict=True):
            for part in first:
                where = f"{part} of {self.machines[0].name} and {machine.name}"
                assert other[part] == first[part], f"{where} differ: {difference(first[part], other[part])}"
        living = {
            text for machine in self.machines for id in self._ids(machine) for text in texts_in(machine, id).values()
        }
        with_sessions = {text for text, uid in self.said.texts.items() if uid in self.said.dead}
        self.said.deleted |= with_sessions
        lost = self.said.texts.keys() - living - self.said.gone - with_sessions
        about = {text: self.said.texts[text].hex()[:8] for text in sorted(lost)[:3]}
        assert not lost, f"lost {len(lost)} of {len(self.said.texts)}: {about}"
        # A session's name keeps the words of its first message.
        names = " ".join(str(session["name"]) for session in first["sessions"].values())
        left = {text for text in self.said.deleted - living if text and text not in names}
        for hub in self.hubs:
            for text in left & self._words_at(hub):
                raise AssertionError(f"{text} was deleted and is at the hub: {self._where(hub, text)[:600]}")

    def _ids(self, machine: Machine) -> list[str]:
        return [id for (id,) in machine.store.connection.execute("SELECT id FROM sessions")]

    def _words_at(self, hub: Path) -> set[str]:
        """Return the deleted words in the account. No machine has the key of another, which an old hub may have."""
        words: set[str] = set()
        for file in hub.glob(f"{self.key.account}/*/??????????"):
            data = file.read_bytes()
            batch = Batch(file.parent.name, int(file.name), b"", data[36:])
            plain = encode(open_batch(self.key, batch))
            words |= {text for text in self.said.deleted if text and text.encode() in plain}
        return words

    def _where(self, hub: Path, text: str) -> str:
        found = ""
        for file in hub.glob(f"{self.key.account}/*/??????????"):
            batch = Batch(file.parent.name, int(file.name), b"", file.read_bytes()[36:])
            for record in open_batch(self.key, batch).records:
                if text in str(record):
                    found += f"{file.parent.name[:6]} {file.name} {record} "
        return found

    def close(self) -> None:
        account.new_uid = self._new_uid
        for machine in self.machines:
            machine.store.close()


def difference(left: Any, right: Any) -> str:
    """Return the first difference of two values."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in sorted({*left, *right}, key=str):
            if left.get(name) != right.get(name):
                return f"{str(name)[:12]}: {difference(left.get(name), right.get(name))}"
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return next(difference(one, other) for one, other in zip(left, right, strict=True) if one != other)
    return f"{str(left)[:300]} / {str(right)[:300]}"
