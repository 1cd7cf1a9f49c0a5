# segue in fish. The lines above are from `segue init fish`: __segue_command, __segue_socket, __segue_record,
# __segue_database, __segue_data_socket, __segue_continuity (seconds), __segue_netcat and __segue_address (a netcat),
# __segue_timeout (its time limit), __segue_words (for completion).
#
# SEGUE_PROMPT holds the session that the directory continues, and segue_prompt prints it:
#   function fish_right_prompt; segue_prompt; end
# fish has no sockets, so one short process asks: when the directory changed, when a command named segue ran, or when the
# answer is older than SEGUE_PROMPT_SECONDS. After a missing answer no prompt asks for some seconds.

set -q SEGUE_PROMPT_FORMAT; or set -g SEGUE_PROMPT_FORMAT '{name} ({messages}, {age}) ' # and {id}
set -q SEGUE_PROMPT_LENGTH; or set -g SEGUE_PROMPT_LENGTH 30 # columns of a name
set -q SEGUE_PROMPT_SECONDS; or set -g SEGUE_PROMPT_SECONDS 30 # how old an answer may be

set -g SEGUE_PROMPT ''
set -g __segue_shown_for ''
set -g __segue_place ''
set -g __segue_shown ''
set -g __segue_stale 1
set -g __segue_asked 0
set -g __segue_now 0
set -g __segue_retry 0
set -g __segue_failures 0

# --- the connection ---------------------------------------------------------------------------------------------

# Set __segue_now to the seconds since 1970, without a process in fish 3.6 and newer.
function __segue_clock
    set -l moment (path mtime / 2>/dev/null) (path mtime -R / 2>/dev/null)
    if set -q moment[2]
        set -g __segue_now (math $moment[1] + $moment[2])
    else
        set -g __segue_now (command date +%s 2>/dev/null; or echo 0)
    end
end

# Set __segue_found to the socket: the named one, else the one in the record of a serving daemon, else the default.
function __segue_find_socket
    set -g __segue_found "$SEGUE_SOCKET"
    test -n "$__segue_found"; or set -g __segue_found "$__segue_socket"
    test -n "$__segue_found"; and return
    if test -f "$__segue_record" -a -O "$__segue_record" -a -r "$__segue_record"
        read -lz record <"$__segue_record"
        __segue_member database "$record"
        if test "$__segue_value" = "$__segue_database"
            __segue_member socket "$record"
            set -g __segue_found "$__segue_value"
            return
        end
    end
    set -g __segue_found "$__segue_data_socket"
    # Empty if a database was named, because then only its record has the socket.
    if test -n "$__segue_found" -a -S "$XDG_RUNTIME_DIR/segue/segued.sock"
        set -g __segue_found "$XDG_RUNTIME_DIR/segue/segued.sock"
    end
end

# Call a method with parameters in JSON and print the answer. Status 1 immediately after a recent failure. The pause
# doubles with each failure, because a question delays the prompt.
function __segue_call --argument-names method parameters seconds
    set -q __segue_netcat[1]; and set -q __segue_timeout[1]; or return 1
    test $__segue_now -ge $__segue_retry; or return 1
    __segue_find_socket
    if test -S "$__segue_found" -a -O "$__segue_found"
        set -l request '{"jsonrpc":"2.0","id":1,"method":"'$method'","params":'$parameters'}'
        test -n "$seconds"; or set seconds 0.03
        test -n "$SEGUE_BUDGET"; and set seconds $SEGUE_BUDGET
        set -l answer (printf '%s\n' $request | command $__segue_timeout $seconds $__segue_netcat $__segue_address$__segue_found 2>/dev/null)
        if string match -q '*"id":1}' -- "$answer"
            set -g __segue_failures 0
            printf '%s\n' $answer
            return 0
        end
        test $__segue_failures -lt 5; and set -g __segue_failures (math $__segue_failures + 1)
    end
    set -g __segue_retry (math "$__segue_now + 2 * 2 ^ $__segue_failures")
    return 1
end
