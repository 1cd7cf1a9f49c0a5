# --- prompt -----------------------------------------------------------------------------------------------------

# Ask the daemon what the prompt shows. It removes controls from the name and the id, and changes nothing.
function __segue_ask
    set -l chars (string match -r '^\d{1,3}$' -- "$SEGUE_PROMPT_LENGTH"; or echo 1000)
    set -l answer (__segue_call session.prompt '{'$__segue_place',"shell":"fish","name_chars":'$chars',"format":"{messages} {age} {id} {name}"}'); or return 1
    set -g __segue_stale 0
    set -g __segue_asked $__segue_now
    __segue_member result "$answer"
    set -g __segue_shown $__segue_value
end

# Set SEGUE_PROMPT from the last answer, unless that is older than a session can be.
function __segue_render
    set -g SEGUE_PROMPT ''
    test -n "$__segue_shown"; and test (math $__segue_now - $__segue_asked) -lt $__segue_continuity; or return 0
    set -l part (string split -m 3 ' ' -- $__segue_shown)
    set -l text (string replace -a '{messages}' $part[1] -- $SEGUE_PROMPT_FORMAT)
    set text (string replace -a '{age}' $part[2] -- $text | string replace -a '{id}' $part[3])
    set -g SEGUE_PROMPT (string replace -a '{name}' $part[4] -- $text)
end

# Set __segue_value to the first line of a regular file, or to nothing.
function __segue_first_line --argument-names file
    set -g __segue_value ''
    test -f "$file" -a -r "$file"; and read -g __segue_value <"$file"
    set -g __segue_value (string trim -r -c \r -- "$__segue_value")
end

# Set __segue_value to the root of the repository that holds a physical directory, or to nothing. The rules are those of
# segue/runtime/place.py.
function __segue_find_project --argument-names at
    while test -n "$at" -a "$at" != /
        if test "$at" = "$__segue_home"
        else if test -e "$at/.git/HEAD"
            set -g __segue_value "$at"
            return
        else if test -f "$at/.git"
            __segue_first_line "$at/.git"
            if string match -q 'gitdir: *' -- "$__segue_value"
                set -l git (string replace 'gitdir: ' '' -- "$__segue_value")
                string match -q '/*' -- $git; or set git $at/$git
                __segue_first_line $git/commondir
                set -l common $__segue_value
                set -g __segue_value "$at"
                test -n "$common"; or return
                string match -q '/*' -- $common; or set common $git/$common
                set common (path resolve -- $common 2>/dev/null; or command realpath -- $common)
                set -g __segue_value (string replace -r '(?<=.)/\.[^/]*\z' '' -- $common)
                return
            end
        end
        set at (string replace -r '/[^/]*\z' '' -- $at | string collect)
    end
    set -g __segue_value ''
end

# Set __segue_place to the parameters that name the place.
function __segue_find_place
    # With -N, because a name may end in a newline. The newline that pwd writes is removed.
    set -l quoted (__segue_quote (pwd -P | string collect -N) | string replace -r '\\\\u000A"$' '"')
    set -g __segue_place '"working_dir":'$quoted$__segue_terminal
    __segue_find_project (pwd -P | string collect)
    test -n "$__segue_value"
    and set -g __segue_place $__segue_place',"project":'(__segue_quote "$__segue_value")',"scope":"'$__segue_scope'"'
end

# Bring SEGUE_PROMPT up to date. The status of the last command stays, because the prompt may show it.
function __segue_update --on-event fish_prompt
    set -l before $status
    __segue_clock
    set -l key :$PWD
    test -e .git; and set key git:$PWD # because a repository may be created in this directory
    if test "$key" != "$__segue_shown_for"
        set -g __segue_shown_for "$key"
        set -g __segue_stale 1
        set -g __segue_shown ''
        __segue_find_place
    end
    if test $__segue_stale = 1; or test (math $__segue_now - $__segue_asked) -ge $SEGUE_PROMPT_SECONDS
        __segue_ask
    end
    __segue_render
    return $before
end

# A command that names segue or one of its short functions may change what the prompt shows.
function __segue_preexec --on-event fish_preexec
    string match -q '*segue*' -- "$argv"; and set -g __segue_stale 1
    for name in $__segue_short
        string match -q "*$name*" -- "$argv"; and set -g __segue_stale 1
    end
    return 0
end

function segue_prompt --description 'Print the session that the directory continues'
    printf '%s' $SEGUE_PROMPT
end
