"""The command `sync hub`."""

import click

from segue.cli.groups import command
from segue.cli.output.terminal import BadInput, Failure, echo, escape_line
from segue.sync.transports.remote import require_psycopg
from segue.sync.transports.transport import TransportError
from segue.sync.transports.validation import split_url


@command("hub", examples=["segue sync hub postgresql://admin@db.example/segue"])
@click.argument("url")
@click.option("--client", metavar="ROLE", default="segue_client", help="Role of the clients.")
@click.option("--partitions", type=click.IntRange(0, 256), default=16, help="Partitions of a large table; 0: none.")
@click.option("--plain", is_flag=True, help="Use no functions: clients read and write the tables.")
def hub(url: str, *, client: str, partitions: int, plain: bool) -> None:
    """Prepare a PostgreSQL database as a hub.

    URL names the database and a role that may create a schema in it, best the owner or a superuser. The clients' role
    is created if it does not exist, and its password is printed. It may execute the functions of the hub and nothing
    else.

    A second run changes no data: it updates the functions and lets one more role use them.
    """
    try:
        scheme = split_url(url).scheme
    except TransportError as error:
        raise BadInput(str(error)) from None
    if scheme not in ("postgres", "postgresql"):
        raise BadInput(f"{url!r} is no URL of PostgreSQL; a folder or a bucket needs no preparation")
    try:
        require_psycopg()
        from segue.sync.transports.postgres.install import install

        done = install(url, client, partitions, plain=plain)
    except TransportError as error:
        raise Failure(str(error)) from None
    state = "installed" if done.is_new else "was there; its functions and grants are up to date"
    echo(escape_line(f"schema segue_hub {state}, owner {done.owner}"))
    rights = "read and write its tables" if done.is_plain else "execute its functions, and nothing else"
    echo(escape_line(f"role {done.client} may {rights}"))
    if done.password is None:
        echo(escape_line(f"role {done.client} existed, so its password is as before"))
    else:
        echo("the password is in the URL below, and is not shown again")
    echo(escape_line(f"URL for clients: {done.url}"))
