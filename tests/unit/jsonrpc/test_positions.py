"""Parameters given by position have the order of the contract, and later ones are only added at the end."""

import pytest

from segue.api import METHODS

APPEND = (
    "session_id working_dir role content parts token_count input_tokens output_tokens model stop_reason response_ms "
    "is_summary metadata key expected_last_id bot_id on_key create created_at indexed"
)
ORDER = {
    "daemon.backup": "path overwrite",
    "daemon.check": "full",
    "session.resolve": "working_dir bot_id name provider model system_prompt create project scope terminal",
    "session.create": (
        "working_dir bot_id id name provider model system_prompt pinned metadata project tags parent_id retention_days "
        "created_at"
    ),
    "session.get": "session_id",
    "session.list": (
        "working_dir bot_id status id_prefix name_contains pinned order_by limit offset preview_chars project tags "
        "archived parent_id source metadata with_metadata cursor"
    ),
    "session.update": (
        "session_id name provider model system_prompt working_dir pinned metadata project tags archived parent_id "
        "retention_days metadata_merge expected_updated_at"
    ),
    "session.touch": "session_id",
    "session.resume": "session_id working_dir",
    "session.attach": "session_id",
    "session.detach": "session_id",
    "session.end": "session_id status",
    "session.fork": "session_id upto_message_id name",
    "session.delete": "session_id",
    "session.cleanup": "dry_run",
    "session.import": "source session messages",
    "session.export": "session_id cursor",
    "session.prompt": "working_dir project scope shell format name_chars",
    "session.complete": "prefix shell limit",
    "session.stats": "since until group_by working_dir project source tz",
    "message.append": APPEND,
    "message.begin": APPEND,
    "message.append_many": "session_id messages expected_last_id on_key create",
    "message.list": (
        "session_id after_id before_id since roles limit offset order keys key_prefix around_id text_chars"
    ),
    "message.get": "message_id",
    "message.count": "session_id",
    "message.delete_before": "session_id before_id",
    "message.search": (
        "query session_id working_dir bot_id role since until limit offset order match project source tags marks "
        "cursor count"
    ),
    "message.update": ("message_id content parts metadata model stop_reason token_count input_tokens output_tokens"),
    "message.delete": "session_id message_ids keys",
    "message.replace": "session_id from_id last messages expected_last_id key return_removed create",
    "message.delta": "message_id text",
    "message.finish": (
        "message_id content parts stop_reason model token_count input_tokens output_tokens response_ms metadata"
    ),
    "summary.save": "session_id summary messages_start messages_end token_count",
    "summary.latest": "session_id",
    "context.build": "session_id max_tokens memory_limit format",
    "memory.save": "fact category importance bot_id session_id source_message_id is_manual supersedes",
    "memory.get": "memory_id",
    "memory.delete": "memory_id",
    "memory.list": "bot_id session_id category include_superseded limit offset query",
    "memory.delete_all": "bot_id",
    "extraction.enqueue": "session_id",
    "extraction.list": "bot_id include_exhausted limit offset",
    "extraction.claim": "bot_id limit lease_seconds",
    "extraction.complete": "extraction_id memories",
    "extraction.fail": "extraction_id error",
    "extraction.delete": "extraction_id",
    "bot.create": "bot_id name description",
    "bot.get": "bot_id",
    "bot.list": "limit offset",
    "bot.delete": "bot_id",
    "events.subscribe": "session_id working_dir bot_id kinds cursor",
    "events.unsubscribe": "subscription_id",
}


@pytest.mark.parametrize("name", ORDER)
def test_positions_are_those_of_the_contract(name: str) -> None:
    expected = ORDER[name].split()
    assert [parameter.name for parameter in METHODS[name].parameters][: len(expected)] == expected
