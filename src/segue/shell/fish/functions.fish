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

# Resume what was named, or what a person picks: with fzf if it is there (SEGUE_PICKER=menu does without).
function __segue_resume
    if set -q argv[1]
        __segue_run resume $argv
        return
    end
    set -l rows
    for row in (command $__segue_command list -n 200)
        set -l value (string split \t -- $row)
        set -a rows (string join \t -- $value[1] $value[2] $value[4] "$value[5] messages")
    end
    if not set -q rows[1]
        echo 'segue: no sessions yet; begin one with: segue new' >&2
        return 1
    end
    set -l answer
    if test "$SEGUE_PICKER" != menu; and command -q fzf
        set answer (printf '%s\n' $rows | command fzf --no-multi --delimiter=\t --prompt='resume> '); or return
    else
        set rows $rows[1..20]
        for number in (seq (count $rows))
            printf '%3d  %s\n' $number (string replace -a \t '  ' -- $rows[$number])
        end
        read -l -P 'number: ' number; or return
        if not string match -qr '^[1-9]\d?$' -- "$number"; or test $number -gt (count $rows)
            echo 'segue: nothing resumed' >&2
            return 1
        end
        set answer $rows[$number]
    end
    __segue_run resume (string split \t -- $answer)[1]
end

# Short names for people: SEGUE_PREFIX before list, resume, rename, new and ask; none if it is empty.
function __segue_define_short
    set -g __segue_short
    set -l prefix s
    set -q SEGUE_PREFIX; and set prefix "$SEGUE_PREFIX"
    test -n "$prefix"; or return 0
    if not string match -qr '^[A-Za-z_][A-Za-z0-9_.-]*\z' -- $prefix
        echo "segue: SEGUE_PREFIX must be letters, digits and ._- after a letter, not "(string escape -- $prefix)'; s is used' >&2
        set prefix s
    end
    for verb in list rename new ask
        function $prefix$verb --inherit-variable verb --wraps "segue $verb" --description "segue $verb"
            __segue_run $verb $argv
        end
        set -a __segue_short $prefix$verb
    end
    function {$prefix}resume --wraps 'segue resume' --description 'segue resume, of a session that you pick'
        __segue_resume $argv
    end
    set -a __segue_short {$prefix}resume
end

__segue_define_short
