# --- the prompt -------------------------------------------------------------------------------------------------

# Seconds since 1970 of `2026-11-21T14:23:05.123Z` (days by Howard Hinnant's civil calendar).
function __segue_seconds --argument-names moment
    set -l part (string match -r '^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)' -- $moment); or return
    set -l year $part[2]
    set -l month (math $part[3] - 3)
    if test $month -lt 0
        set year (math $year - 1)
        set month (math $month + 12)
    end
    set -l days (math "365 * $year + floor($year / 4) - floor($year / 100) + floor($year / 400)")
    set days (math "$days + floor((153 * $month + 2) / 5) + $part[4] - 1 - 719468")
    math "(($days * 24 + $part[5]) * 60 + $part[6]) * 60 + $part[7]"
end

# Ask for the newest session of the directory that was not ended. A look at the list, since session.resolve
# would make a crashed session active, and looking must change nothing.
function __segue_look
    set -l row
    for filter in '' ',"status":"active"'
        set row (__segue_call session.list \
            '{"working_dir":'$__segue_quoted',"bot_id":"default","limit":1,"preview_chars":0'$filter'}'); or return 1
        string match -q '*,"status":"completed",*' -- $row; or break
    end
    set -g __segue_stale 0
    set -g __segue_asked $__segue_now
    set -g __segue_id ''
    string match -q '{"jsonrpc":"2.0","result":{"sessions":[{"id":*' -- $row; or return 0
    string match -q '*,"status":"completed",*' -- $row; and return 0
    __segue_member name $row
    __segue_plain "$__segue_value"
    set -g __segue_name $__segue_value
    __segue_member last_message_at $row
    set -g __segue_last (__segue_seconds "$__segue_value"; or echo 0)
    set -g __segue_messages (string match -r '"message_count":(\d+)' -- $row)[2]
    __segue_member id $row
    __segue_plain "$__segue_value"
    set -g __segue_id $__segue_value
end

# __segue_value without characters that turn the direction of what follows, no longer than wanted.
function __segue_plain --argument-names text
    set text (string replace -ra '[\x{61c}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}]' '' -- $text)
    set -g __segue_value (string sub -l $SEGUE_PROMPT_LENGTH -- $text)
end

function __segue_render
    set -g SEGUE_PROMPT ''
    test -n "$__segue_id"; or return 0
    set -l age (math "max(0, $__segue_now - $__segue_last)")
    test $age -lt $__segue_continuity; or return 0
    set -l span {$age}s
    test $age -ge 60; and set span (math "floor($age / 60)")m
    test $age -ge 3600; and set span (math "floor($age / 3600)")h
    test $age -ge 86400; and set span (math "floor($age / 86400)")d
    set -l name $__segue_name
    test -n "$name"; or set name $__segue_id
    set -l text (string replace -a '{messages}' $__segue_messages -- $SEGUE_PROMPT_FORMAT)
    set text (string replace -a '{age}' $span -- $text | string replace -a '{id}' $__segue_id)
    set -g SEGUE_PROMPT (string replace -a '{name}' $name -- $text)
end

# Bring SEGUE_PROMPT up to date. The status of the last command stays, for the prompt may show it.
function __segue_update --on-event fish_prompt
    set -l before $status
    __segue_clock
    if test "$PWD" != "$__segue_shown_in"
        set -g __segue_shown_in "$PWD"
        set -g __segue_stale 1
        set -g __segue_id ''
        # All of it, for a name may end in a newline, but not the newline that pwd writes.
        set -g __segue_quoted (__segue_quote (pwd -P | string collect -N) | string replace -r '\\\\u000A"$' '"')
    end
    if test $__segue_stale = 1; or test (math $__segue_now - $__segue_asked) -ge $SEGUE_PROMPT_SECONDS
        __segue_look
    end
    __segue_render
    return $before
end

# A command that names segue or one of its short functions may have changed what is to be shown.
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
