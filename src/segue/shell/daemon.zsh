# segue in zsh. Above stands what `segue init zsh` found: __segue_command, __segue_socket, __segue_record,
# __segue_database, __segue_data_socket, __segue_continuity (seconds), __segue_words (for completion).
#
# SEGUE_PROMPT holds the session that the directory continues; show it with: setopt prompt_subst; RPROMPT='$SEGUE_PROMPT'
# Nothing here starts a process on the way to a prompt: the daemon is asked over a socket that stays open, at most
# SEGUE_BUDGET seconds, and one that does not answer is not asked again before it does.

zmodload zsh/net/socket zsh/system zsh/datetime

[[ -v SEGUE_PROMPT_FORMAT ]] || typeset -g SEGUE_PROMPT_FORMAT='{name} ({messages}, {age}) ' # and {id}
[[ -v SEGUE_PROMPT_LENGTH ]] || typeset -g SEGUE_PROMPT_LENGTH=30 # characters of a name
[[ -v SEGUE_PROMPT_SECONDS ]] || typeset -g SEGUE_PROMPT_SECONDS=30 # how old an answer may be; 0 asks at each prompt

typeset -g SEGUE_PROMPT='' __segue_shown_in='' __segue_quoted='' __segue_rest='' "__segue_fd=${__segue_fd-}"
typeset -g __segue_id='' __segue_name='' __segue_messages=''
typeset -gi __segue_stale=1 __segue_asked=0 __segue_last=0 __segue_retry=0
typeset -gi "__segue_number=${__segue_number-0}" "__segue_waiting=${__segue_waiting-0}"

# --- the connection ---------------------------------------------------------------------------------------------

# Close it, and leave the daemon in peace for some seconds.
__segue_drop() {
  [[ -n $__segue_fd ]] && exec {__segue_fd}>&-
  __segue_fd='' __segue_rest='' __segue_waiting=0
  __segue_retry=$(( EPOCHSECONDS + 5 ))
}

# The socket as REPLY: what is named, else what a serving daemon wrote down, else where one would be.
__segue_find_socket() {
  local record='' line
  REPLY=${SEGUE_SOCKET:-$__segue_socket}
  [[ -n $REPLY ]] && return
  if [[ -r $__segue_record ]]; then
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

__segue_connect() {
  (( EPOCHSECONDS >= __segue_retry )) || return 1
  local REPLY
  __segue_find_socket
  if [[ -S $REPLY ]] && zsocket "$REPLY" 2>/dev/null; then
    __segue_fd=$REPLY
  else
    __segue_drop
    return 1
  fi
}

# The answer to the last request as REPLY, waited for at most $1 seconds. Late answers to others are passed over.
__segue_receive() {
  local -F until=$(( EPOCHREALTIME + $1 )) left
  local chunk
  while :; do
    while [[ $__segue_rest == *$'\n'* ]]; do
      REPLY=${__segue_rest%%$'\n'*}
      __segue_rest=${__segue_rest:$(( $#REPLY + 1 ))} # `#*` takes half a millisecond
      [[ $__segue_waiting != 0 && $REPLY == *"\"id\":$__segue_waiting}" ]] && { __segue_waiting=0; return 0; }
    done
    left=$(( until - EPOCHREALTIME ))
    (( left < 0 )) && left=0
    sysread -i $__segue_fd -t $left chunk 2>/dev/null
    case $? in
      0) __segue_rest+=$chunk ;;
      4) return 1 ;; # not yet
      *) __segue_drop; return 1 ;;
    esac
    (( $#__segue_rest > 1000000 )) && { __segue_drop; return 1; }
  done
}

# Call method $1 with the JSON $2; the answer is REPLY. Status 1 at once if the daemon is known not to answer now.
__segue_call() {
  (( ZSH_SUBSHELL )) && return 1 # the connection is the shell's own
  if [[ -n $__segue_fd ]]; then
    __segue_receive 0 # a late answer, or the end of a daemon that left
    (( __segue_waiting )) && return 1
    [[ -n $__segue_fd ]] || __segue_retry=0
  fi
  [[ -n $__segue_fd ]] || __segue_connect || return 1
  __segue_waiting=$(( ++__segue_number ))
  print -ru $__segue_fd -- '{"jsonrpc":"2.0","id":'$__segue_waiting',"method":"'$1'","params":'$2'}' 2>/dev/null \
    || { __segue_drop; return 1; }
  __segue_receive ${SEGUE_BUDGET:-0.05}
}
