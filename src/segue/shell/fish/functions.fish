# --- short functions --------------------------------------------------------------------------------------------

# Escape the "?" of a word of a question, because fish before 4 takes it for a pattern: `sask what is this?`
function __segue_escape_question
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    string match -q '*ask' -- $words[1]; and contains -- $words[1] $__segue_short; or return 1
    string replace --all '?' '\?' -- $argv[1]
end

# Abbreviations can call functions since fish 3.6.
if status is-interactive; and not status test-feature qmark-noglob; and string match -qr '^3\.([6-9]|\d\d)' -- $version
    abbr --add segue_question --position anywhere --regex '[^\'"\\\\$()*?]*\?[^\'"\\\\$()*]*' \
        --function __segue_escape_question
end

function __segue_run
    set -g __segue_stale 1
    command $__segue_command $argv
end

# Define the short functions: SEGUE_PREFIX before list, resume, rename, new and ask; none if it is empty.
function __segue_define_short
    set -g __segue_short
    set -l prefix s
    set -q SEGUE_PREFIX; and set prefix "$SEGUE_PREFIX"
    test -n "$prefix"; or return 0
    if not string match -qr '^[A-Za-z_][A-Za-z0-9_.-]*\z' -- $prefix
        echo "segue: SEGUE_PREFIX must be letters, digits and ._- after a letter, not "(string escape -- $prefix)'; s is used' >&2
        set prefix s
    end
    for verb in list resume rename new ask
        function $prefix$verb --inherit-variable verb --wraps "segue $verb" --description "segue $verb"
            __segue_run $verb $argv
        end
        set -a __segue_short $prefix$verb
    end
end

# Replace the command line by the command for a message that a person picks with fzf.
function __segue_search
    set -l found (command $__segue_command pick -- (commandline | string collect) </dev/tty)
    and commandline -r -- $found
    commandline -f repaint
end

__segue_define_short
if status is-interactive; and test -n "$SEGUE_SEARCH_KEY"
    bind $SEGUE_SEARCH_KEY __segue_search
end
