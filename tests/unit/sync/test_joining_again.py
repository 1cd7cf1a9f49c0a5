"""A machine that left and joins again: what is here gets the identities that the others know."""

from pathlib import Path
from random import Random

from segue.models import Draft, MemoryDraft
from segue.store.records import append, memories, sessions, summaries
from segue.store.records.append import prepare
from segue.sync.keys import new_key
from segue.sync.transports.folder import FolderTransport
from tests.support.sync.compare import snapshot
from tests.support.sync.machine import Machine

START_MS = 1_790_000_000_000


def two_machines(folder: Path) -> tuple[Machine, Machine]:
    """Return two machines of one account, and make the folder of their hub."""
    (folder / "hub").mkdir()
    key = new_key()
    desk, lap = [Machine(name, folder / name, lambda: START_MS, Random(1)) for name in ("desk", "lap")]
    for machine in (desk, lap):
        machine.create(key)
    return desk, lap


async def test_what_replaces_a_memory_and_what_a_summary_ends_with_stay(tmp_path: Path) -> None:
    desk, lap = two_machines(tmp_path)

    async def sync(*machines: Machine) -> None:
        for machine in machines:
            await machine.sync(lambda key, names: FolderTransport(tmp_path / "hub", key.account, names))

    desk.do(sessions.create, id="talk", bot_id="default")
    for number in range(3):
        desk.do(append.append, "talk", prepare(Draft(role="user", content=f"text {number}"), 100))
    desk.do(summaries.save, "talk", "the first two", 1, 2, 3)

    def save(machine: Machine, fact: str, supersedes: int | None) -> int:
        draft = MemoryDraft(fact=fact, category="fact", importance=3, supersedes=supersedes)
        return machine.do(memories.save, "default", None, draft).id

    first = save(desk, "first", None)
    second = save(desk, "second", first)
    await sync(desk, lap, desk)
    anew = new_key()
    for machine in (desk, lap):
        machine.join_again(anew)
    await sync(desk)
    [latest] = lap.store.connection.execute("SELECT id FROM memories WHERE fact = 'second'").fetchone()
    save(lap, "said before the lap syncs again", latest)
    save(desk, "also", second)
    await sync(lap, desk, lap, desk)
    links = dict(
        lap.store.connection.execute(
            "SELECT m.fact, n.fact FROM memories AS m LEFT JOIN memories AS n ON n.id = m.superseded_by"
        ).fetchall()
    )
    assert links["first"] == "second"
    for machine in (desk, lap):
        context = snapshot(machine)["sessions"].popitem()[1]["context"]
        assert len(context) == 1, "the third message, because the summary has the first two"
    assert links["second"] in ("also", "said before the lap syncs again")
    assert snapshot(lap) == snapshot(desk)
    for machine in (desk, lap):
        machine.store.close()


async def test_parents_and_the_sessions_of_memories_are_those_of_the_others(tmp_path: Path) -> None:
    desk, lap = two_machines(tmp_path)

    async def sync(*machines: Machine) -> None:
        for machine in machines:
            await machine.sync(lambda key, names: FolderTransport(tmp_path / "hub", key.account, names))

    desk.do(sessions.create, id="parent", bot_id="default")
    desk.do(sessions.create, id="child", bot_id="default", parent_id="parent")
    desk.do(memories.save, "default", "parent", MemoryDraft(fact="fact", category="fact", importance=3))
    await sync(desk, lap, desk)
    lap.join_again()
    await sync(lap, desk, lap, desk)
    assert snapshot(lap) == snapshot(desk)
    for machine in (desk, lap):
        machine.store.close()
