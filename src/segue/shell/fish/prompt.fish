# --- prompt -----------------------------------------------------------------------------------------------------

# Ask the daemon what the prompt shows. It removes controls from the name and the id, and changes nothing.
function __segue_ask
    set -l chars (string match -r '^\d{1,3}$' -- "$SEGUE_PROMPT_LENGTH"; or echo 1000)
    set -l answer (__segue_call session.prompt '{"working_dir":'$__segue_quoted',"shell":"fish","name_chars":'$chars',"format":"{messages} {age} {id} {name}"}'); or return 1
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

# Bring SEGUE_PROMPT up to date. The status of the last command stays, because the prompt may show it.
function __segue_update --on-event fish_prompt
    set -l before $status
    __segue_clock
    if test "$PWD" != "$__segue_shown_in"
        set -g __segue_shown_in "$PWD"
        set -g __segue_stale 1
        set -g __segue_shown ''
        # With -N, because a name may end in a newline. The newline that pwd writes is removed.
        set -g __segue_quoted (__segue_quote (pwd -P | string collect -N) | string replace -r '\\\\u000A"$' '"')
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
