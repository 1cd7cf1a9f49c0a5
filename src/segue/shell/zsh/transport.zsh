# segue in zsh. Above stands what `segue init zsh` found: __segue_command, __segue_socket, __segue_record,
# __segue_database, __segue_data_socket, __segue_continuity (seconds), __segue_words (for completion).
#
# SEGUE_PROMPT holds the session that the directory continues; show it with: setopt prompt_subst; RPROMPT='$SEGUE_PROMPT'
# Nothing here starts a process on the way to a prompt, but while it is in doubt whether the daemon answers: at the first
# prompt, and after an answer that took longer than SEGUE_BUDGET seconds, a child asks, since nothing could end a
# connect of our own. The daemon is then left in peace for some seconds. No command inherits the connection.

zmodload zsh/net/socket zsh/system zsh/datetime

[[ -v SEGUE_PROMPT_FORMAT ]] || typeset -g SEGUE_PROMPT_FORMAT='{name} ({messages}, {age}) ' # and {id}
[[ -v SEGUE_PROMPT_LENGTH ]] || typeset -g SEGUE_PROMPT_LENGTH=30 # columns of a name
[[ -v SEGUE_PROMPT_SECONDS ]] || typeset -g SEGUE_PROMPT_SECONDS=0 # how old an answer may be; 0 asks at each prompt

(( $+functions[__segue_close] )) && __segue_close # the line is run again; a variable alone may be inherited
typeset -g SEGUE_PROMPT='' __segue_shown_in='' __segue_quoted='' __segue_fd='' __segue_rest=''
typeset -g __segue_shown=''
typeset -gi __segue_stale=1 __segue_asked=0 __segue_retry=0 __segue_number=0 __segue_doubt=1
typeset -gi __segue_child=0

# --- the connection ---------------------------------------------------------------------------------------------

__segue_close() {
  [[ -n $__segue_fd ]] && exec {__segue_fd}>&-
  __segue_fd='' __segue_rest=''
}

# Close it, and leave the daemon in peace for some seconds.
__segue_drop() {
  (( __segue_child )) && kill $__segue_child 2>/dev/null # it still runs, for it has not ended its output
  __segue_close
  __segue_child=0 __segue_doubt=1
  __segue_retry=$(( EPOCHSECONDS + 5 ))
}

# The socket as REPLY: what is named, else what a serving daemon wrote down, else where one would be.
__segue_find_socket() {
  local record='' line
  local -a trusted
  REPLY=${SEGUE_SOCKET:-$__segue_socket}
  [[ -n $REPLY ]] && return
  trusted=(${__segue_record}(N.Uf:go=:)) # a plain file of ours, for nobody else
  if (( $#trusted )); then
    while IFS= read -r line; do record+=$line; done <$__segue_record
    __segue_after "$record" '"database": '
    __segue_string "$REPLY"
    if [[ $REPLY == "$__segue_database" ]]; then
      __segue_after "$record" '"socket": '
      __segue_string "$REPLY"
      return
    fi
  fi
  REPLY=''
  [[ -n $__segue_data_socket ]] || return # a database was named: only its record knows where it is served
  REPLY=$__segue_data_socket
  [[ -S ${XDG_RUNTIME_DIR-}/segue/segued.sock ]] && REPLY=$XDG_RUNTIME_DIR/segue/segued.sock
}

# Connect to the socket $1. Never as a descriptor below 10: those are the user's.
__segue_connect() {
  local REPLY
  zsocket "$1" 2>/dev/null || return
  local low=$REPLY
  exec {__segue_fd}<&$low {low}<&-
}

# What a child says in our place: the first line of the answer of the socket $1 to the request $2.
__segue_ask_apart() {
  local REPLY
  zsocket "$1" && print -ru $REPLY -- "$2" && IFS= read -ru $REPLY && print -r -- "$REPLY"
}

# The answer to the last request as REPLY. Status 1 if none came in the time of SEGUE_BUDGET, 2 if the peer went away.
__segue_receive() {
  local -F until=$(( EPOCHREALTIME + ${SEGUE_BUDGET:-0.05} )) left
  local chunk
  while :; do
    while [[ $__segue_rest == *$'\n'* ]]; do
      REPLY=${__segue_rest%%$'\n'*}
      __segue_rest=${__segue_rest:$(( $#REPLY + 1 ))} # `#*` takes half a millisecond
      [[ $REPLY == *"\"id\":$__segue_number}" ]] && return 0
    done
    left=$(( until - EPOCHREALTIME ))
    (( left > 0 && $#__segue_rest < 1000000 )) || return 1
    sysread -i $__segue_fd -t $left chunk 2>/dev/null
    case $? in
      0) __segue_rest+=$chunk ;;
      4) return 1 ;; # not yet
      *) return 2 ;;
    esac
  done
}

# Call method $1 with the JSON $2; the answer is REPLY. Status 1 at once if the daemon did not answer just now.
__segue_call() {
  (( ZSH_SUBSHELL )) && return 1 # the connection is the shell's own
  (( EPOCHSECONDS >= __segue_retry )) || return 1
  local request='{"jsonrpc":"2.0","id":'$(( ++__segue_number ))',"method":"'$1'","params":'$2'}'
  if [[ -z $__segue_fd ]]; then
    __segue_find_socket
    [[ -S $REPLY && -O $REPLY ]] || return 1
    if (( __segue_doubt )); then
      exec {__segue_fd}< <(__segue_ask_apart "$REPLY" "$request" 2>/dev/null)
      __segue_child=${sysparams[procsubstpid]:-0}
    else
      __segue_connect "$REPLY" || return 1
    fi
  fi
  (( __segue_child )) || print -ru $__segue_fd -- "$request" 2>/dev/null || { __segue_close; return 1; }
  __segue_receive
  case $? in
    0) __segue_doubt=0; (( __segue_child )) && __segue_close; __segue_child=0 ;;
    1) __segue_drop; return 1 ;;
    *) __segue_close; __segue_child=0 __segue_doubt=0; return 1 ;; # who ends at once does not keep us waiting
  esac
}
