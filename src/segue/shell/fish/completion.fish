# --- completion -------------------------------------------------------------------------------------------------
# Commands and options are in a table that `segue init` makes. The daemon completes ids and methods.

# Print the sessions, memories or methods that the text completes.
function __segue_ask_rows --argument-names kind text
    __segue_clock
    set -l parameters '{"prefix":'(__segue_quote "$text")',"shell":"fish","kind":"'$kind'"}'
    set -l answer (__segue_call session.complete $parameters 0.3); or return
    for row in (string split '{"id":' -- $answer)[2..-1]
        __segue_member id '"id":'$row
        set -l id $__segue_value
        __segue_member text $row
        printf '%s\t%s\n' $id $__segue_value
    end
end

# Print the kind of a word of a command; nothing if the table does not have it.
function __segue_kind --argument-names at word
    set -l row (string escape --style=regex -- $at\t$word\t)
    string match -r "^$row([^\t]*)" -- $__segue_table | tail -n +2
end

# Print what completes the word at the cursor, each with its description.
function __segue_candidates
    set -l at ''
    set -l expected ''
    set -l text (commandline -ct)
    set -l before ''
    for word in (commandline -opc)[2..-1]
        set -l kind (__segue_kind "$at" $word)
        if test -n "$expected"
            set expected ''
        else if test "$kind" = command
            set at (string trim -- "$at $word")
        else if string match -q -- '-*' $word; and test -n "$kind" -a "$kind" != flag
            set expected $kind
        end
    end
    if test -z "$expected"
        if string match -q -- '--*=*' $text
            set before (string replace -r '=.*' '=' -- $text)
            set text (string replace -r '^[^=]*=' '' -- $text)
            set expected (__segue_kind "$at" (string trim -r -c = -- $before)) value
        else if not string match -q -- '-*' $text
            set expected (__segue_kind "$at" @)
        end
    end
    switch "$expected[1]"
        case session memory method
            set -l found (__segue_ask_rows $expected[1] "$text"); and printf '%s\n' $before$found
        case file
            __fish_complete_path $text
        case 'one of *'
            printf '%s\n' $before(string split ' ' -- (string replace 'one of ' '' -- $expected[1]))
        case value
        case '*'
            set -l at (string escape --style=regex -- "$at")
            set -l word '[^-@\t][^\t]*'
            string match -q -- '-*' $text; and set word '-[^\t]*'
            string replace -rf "^$at\t($word)\t[^\t]*\t(.*)" '$1\t$2' -- $__segue_table
    end
end

set -g __segue_table (string split \n -- $__segue_words)
complete -c segue -e
complete -c segue -f -k -a '(__segue_candidates)' # -k keeps the order, newest first
