"""The group `sync`."""

import click

from segue.cli.commands.sync.hub import hub
from segue.cli.groups import Group


@click.group(cls=Group, examples=["segue sync hub postgresql://admin@db.example/segue"])
def sync() -> None:
    """Share one history among several machines."""


sync.add_command(hub)
