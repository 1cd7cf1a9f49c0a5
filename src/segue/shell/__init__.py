"""The scripts that `segue init` prints, one for each shell, their completion, and the variables that set them up."""

VARIABLES = {
    "SEGUE_PROMPT_FORMAT": ("`{name} ({messages}, {age}) `", "text of the prompt segment; `{id}` is also replaced"),
    "SEGUE_PROMPT_LENGTH": ("30", "terminal columns of a name; the rest is cut"),
    "SEGUE_PROMPT_SECONDS": (
        "zsh: 0; bash with a coprocess: 0; otherwise 30",
        "age in seconds after which the shell asks the daemon again",
    ),
    "SEGUE_BUDGET": ("0.05; `segue prompt`: 0.3", "seconds that a prompt waits for the daemon"),
    "SEGUE_PREFIX": ("`s`", "prefix of the short commands; empty: no short commands"),
    "SEGUE_PICKER": ("", "`menu`: `segue resume` shows a numbered menu even if fzf is installed"),
    "SEGUE_SEARCH_KEY": ("", "key that searches messages, as your shell writes keys; empty: none"),
    "SEGUE_BASH_COPROC": ("1", "`0`: bash uses no coprocess for the connection"),
}
"""The default and the effect of each variable that a user may set, as `segue help shell` lists them."""
