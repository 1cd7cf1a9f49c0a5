"""Directories in and beside git repositories of every kind, with the project of each."""

import os
import subprocess
from pathlib import Path

ODD_NAME = os.fsdecode(b"it's $(touch pwned) \\n \"\xff\n\xe4\xbd\xa0")


def git(directory: Path, *arguments: str) -> None:
    """Run git without the user's configuration."""
    variables = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *identity, *arguments], cwd=directory, env=variables, check=True, capture_output=True)


def create_repository(root: Path) -> None:
    """Create a repository with one commit."""
    root.mkdir(parents=True)
    git(root, "init", "--quiet")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "first")


def create_layouts(top: Path) -> dict[Path, Path | None]:
    """Return directories and the root that each belongs to; the home directory is `top/home`."""
    found: dict[Path, Path | None] = {}

    def expect(directory: Path, project: Path | None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        found[directory] = project

    home, main = top / "home", top / "main"
    create_repository(home)
    expect(home, None)
    expect(home / "below", None)
    create_repository(home / "inner")
    expect(home / "inner" / "deep", home / "inner")
    expect(top / "plain", None)

    create_repository(main)
    expect(main, main)
    expect(main / "a" / "b" / "c", main)
    expect(main / ".git" / "hooks", main)
    create_repository(main / "vendor" / "nested")
    expect(main / "vendor" / "nested" / "src", main / "vendor" / "nested")
    git(main, "worktree", "add", "--quiet", str(top / "tree"))
    expect(top / "tree" / "sub", main)
    git(main, "worktree", "add", "--quiet", str(top / "relative"))
    (top / "relative" / ".git").write_text("gitdir: ../main/.git/worktrees/relative\r\n")
    expect(top / "relative", main)

    git(main, "submodule", "add", "--quiet", str(main / "vendor" / "nested"), "module")
    expect(main / "module" / "src", main / "module")
    git(top, "clone", "--quiet", "--bare", str(main), str(top / "bare.git"))
    expect(top / "bare.git" / "refs", None)
    git(top / "bare.git", "worktree", "add", "--quiet", str(top / "of-bare"))
    expect(top / "of-bare", top / "bare.git")
    (top / "hidden").mkdir()
    git(top, "clone", "--quiet", "--bare", str(main), str(top / "hidden" / ".bare"))
    (top / "hidden" / ".git").write_text("gitdir: ./.bare\n")
    git(top / "hidden" / ".bare", "worktree", "add", "--quiet", str(top / "hidden" / "topic"))
    expect(top / "hidden", top / "hidden")
    expect(top / "hidden" / "topic", top / "hidden")
    git(top, "init", "--quiet", f"--separate-git-dir={top / 'elsewhere'}", str(top / "separate"))
    expect(top / "separate" / "x", top / "separate")

    create_repository(top / ODD_NAME / ODD_NAME)
    expect(top / ODD_NAME / ODD_NAME / ODD_NAME, top / ODD_NAME / ODD_NAME)
    without_line_end = top / ODD_NAME.replace("\n", "")
    create_repository(without_line_end)
    git(without_line_end, "worktree", "add", "--quiet", str(top / "odd-tree"))
    expect(top / "odd-tree", without_line_end)

    for name, content in [("empty", ""), ("text", "not a link\n"), ("nul", "\0\0")]:
        (main / name).mkdir()
        (main / name / ".git").write_text(content)
        expect(main / name / "x", main)
    (top / "lost").mkdir()
    (top / "lost" / ".git").write_text("gitdir: /nonexistent/worktrees/x\n")
    expect(top / "lost" / "x", top / "lost")
    (main / "unfinished" / ".git").mkdir(parents=True)
    expect(main / "unfinished" / "x", main)
    (main / "pipe").mkdir()
    os.mkfifo(main / "pipe" / ".git")
    expect(main / "pipe" / "x", main)
    (main / "device").mkdir()
    (main / "device" / ".git").symlink_to("/dev/zero")
    expect(main / "device" / "x", main)
    (top / "linked").mkdir()
    (top / "linked" / ".git").symlink_to(main / ".git")
    expect(top / "linked" / "x", top / "linked")
    expect(Path("/"), None)
    return found
