# segue in zsh. The lines above are from `segue init zsh`: __segue_command, __segue_socket, __segue_record,
# __segue_database, __segue_data_socket, __segue_continuity (seconds), __segue_words (for completion).
#
# SEGUE_PROMPT holds the session that the directory continues; show it with: setopt prompt_subst; RPROMPT='$SEGUE_PROMPT'
# A prompt starts no process, with one exception: at the first prompt, and after an answer that took longer than
# SEGUE_BUDGET seconds, a child asks, because zsh cannot interrupt its own connect. After a late answer, no prompt asks
# for some seconds. No command inherits the connection.

zmodload zsh/net/socket zsh/system zsh/datetime

[[ -v SEGUE_PROMPT_FORMAT ]] || typeset -g SEGUE_PROMPT_FORMAT='{name} ({messages}, {age}) ' # and {id}
[[ -v SEGUE_PROMPT_LENGTH ]] || typeset -g SEGUE_PROMPT_LENGTH=30 # columns of a name
[[ -v SEGUE_PROMPT_SECONDS ]] || typeset -g SEGUE_PROMPT_SECONDS=0 # how old an answer may be; 0 asks at each prompt

(( $+functions[__segue_close] )) && __segue_close # because the line may run twice; a variable alone may be inherited
typeset -g SEGUE_PROMPT='' __segue_shown_for='' __segue_place='' __segue_fd='' __segue_rest=''
typeset -g __segue_shown=''
typeset -gi __segue_stale=1 __segue_asked=0 __segue_retry=0 __segue_number=0 __segue_unproven=1
typeset -gi __segue_child=0

# --- the connection ---------------------------------------------------------------------------------------------

__segue_close() {
  [[ -n $__segue_fd ]] && exec {__segue_fd}>&-
  __segue_fd='' __segue_rest=''
}

# Close the connection, and do not ask for some seconds.
__segue_drop() {
  (( __segue_child )) && kill $__segue_child 2>/dev/null # It still runs, because it has not ended its output.
  __segue_close
  __segue_child=0 __segue_unproven=1
  __segue_retry=$(( EPOCHSECONDS + 5 ))
}

# Set REPLY to the socket: the named one, else the one in the record of a serving daemon, else the default.
__segue_find_socket() {
  local record='' line
  local -a trusted
  REPLY=${SEGUE_SOCKET:-$__segue_socket}
  [[ -n $REPLY ]] && return
  trusted=(${__segue_record}(N.Uf:go=:)) # a regular file of this user that no other user can write
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
  [[ -n $__segue_data_socket ]] || return # A database was named, so only its record has the socket.
  REPLY=$__segue_data_socket
  [[ -S ${XDG_RUNTIME_DIR-}/segue/segued.sock ]] && REPLY=$XDG_RUNTIME_DIR/segue/segued.sock
}

# Connect to the socket $1, never on a descriptor below 10, because the user may use those.
__segue_connect() {
  local REPLY
  zsocket "$1" 2>/dev/null || return
  local low=$REPLY
  exec {__segue_fd}<&$low {low}<&-
}

# Print the first line that the socket $1 answers to the request $2. Runs in a child.
__segue_ask_in_child() {
  local REPLY
  zsocket "$1" && print -ru $REPLY -- "$2" && IFS= read -ru $REPLY && print -r -- "$REPLY"
}

# Set REPLY to the answer to the last request. Status 1: none came within SEGUE_BUDGET; 2: the peer closed.
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

# Call method $1 with the JSON $2, and set REPLY to the answer. Status 1 immediately after a recent failure.
__segue_call() {
  (( ZSH_SUBSHELL )) && return 1 # because the connection belongs to the main shell
  (( EPOCHSECONDS >= __segue_retry )) || return 1
  local request='{"jsonrpc":"2.0","id":'$(( ++__segue_number ))',"method":"'$1'","params":'$2'}'
  if [[ -z $__segue_fd ]]; then
    __segue_find_socket
    [[ -S $REPLY && -O $REPLY ]] || return 1
    if (( __segue_unproven )); then
      exec {__segue_fd}< <(__segue_ask_in_child "$REPLY" "$request" 2>/dev/null)
      __segue_child=${sysparams[procsubstpid]:-0}
    else
      __segue_connect "$REPLY" || return 1
    fi
  fi
  (( __segue_child )) || print -ru $__segue_fd -- "$request" 2>/dev/null || { __segue_close; return 1; }
  __segue_receive
  case $? in
    0) __segue_unproven=0; (( __segue_child )) && __segue_close; __segue_child=0 ;;
    1) __segue_drop; return 1 ;;
    *) __segue_close; __segue_child=0 __segue_unproven=0; return 1 ;; # A peer that closes does not delay the prompt.
  esac
}
