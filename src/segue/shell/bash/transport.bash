# shellcheck shell=bash
# segue in bash. The lines above are from `segue init bash`: __segue_command, __segue_socket, __segue_record,
# __segue_database, __segue_data_socket, __segue_continuity (seconds), __segue_netcat and __segue_address (a netcat),
# __segue_timeout (its time limit), __segue_words (for completion).
#
# SEGUE_PROMPT holds the session that the directory continues; show it with: PS1='$SEGUE_PROMPT\w\$ '
# A prompt starts only these processes: one netcat that stays (a coproc, bash 4 and newer), and `pwd -P` in a new
# directory. It waits at most SEGUE_BUDGET seconds. After a missing answer it asks again when that answer has arrived.
# Older versions, and SEGUE_BASH_COPROC=0, start one short process for each question.

[[ -n ${SEGUE_PROMPT_FORMAT+set} ]] || SEGUE_PROMPT_FORMAT='{name} ({messages}, {age}) ' # and {id}
SEGUE_PROMPT_LENGTH=${SEGUE_PROMPT_LENGTH:-30} # columns of a name

SEGUE_PROMPT='' __segue_shown_for='' __segue_shown='' __segue_place=''
__segue_stale=1 __segue_asked=0 __segue_retry=0 __segue_now=0 __segue_short=()
__segue_number=${__segue_number:-0} __segue_waiting=${__segue_waiting:-0} __segue_since=0 __segue_proven=0
[[ -n ${__segue_pipe[1]-} ]] || unset __segue_pipe # because it comes from the environment, which has no arrays

# --- the connection ---------------------------------------------------------------------------------------------

if [[ ${SEGUE_BASH_COPROC-1} == 0 ]] || ((BASH_VERSINFO[0] < 4)); then __segue_keeps=0; else __segue_keeps=1; fi

# The maximum age of an answer. Over a kept connection each prompt asks, because that costs little.
if ((__segue_keeps)); then SEGUE_PROMPT_SECONDS=${SEGUE_PROMPT_SECONDS:-0}; else SEGUE_PROMPT_SECONDS=${SEGUE_PROMPT_SECONDS:-30}; fi

__segue_clock() {
  if [[ -n ${EPOCHSECONDS-} ]]; then
    __segue_now=$EPOCHSECONDS
  elif ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 402)); then
    printf -v __segue_now '%(%s)T' -1
  else
    __segue_now=$(date +%s)
  fi
}

# Close the connection, and do not ask for some seconds.
__segue_drop() {
  local fd
  for fd in "${__segue_pipe[0]-}" "${__segue_pipe[1]-}"; do
    [[ -n $fd ]] && eval "exec $fd>&-"
  done
  unset __segue_pipe # Its process ends by itself; a signal could hit a new process with the same number.
  __segue_waiting=0 __segue_proven=0 __segue_retry=$((__segue_now + 5))
}

# Set REPLY to the socket: the named one, else the one in the record of a serving daemon, else the default.
__segue_find_socket() {
  local record='' line
  REPLY=${SEGUE_SOCKET:-$__segue_socket}
  [[ -n $REPLY ]] && return
  if [[ -f $__segue_record && -O $__segue_record && -r $__segue_record ]]; then
    while IFS= read -r line; do record+=$line; done <"$__segue_record"
    __segue_string "${record#*\"database\": }"
    if [[ $REPLY == "$__segue_database" ]]; then
      __segue_string "${record#*\"socket\": }"
      return
    fi
  fi
  REPLY=$__segue_data_socket
  # Empty if a database was named, because then only its record has the socket.
  [[ -n $REPLY && -S ${XDG_RUNTIME_DIR-}/segue/segued.sock ]] && REPLY=$XDG_RUNTIME_DIR/segue/segued.sock
}

# Start the netcat in a process group of its own, so that Ctrl-C does not reach it, and without the user's descriptors.
# The caller disowns it, so that it is no job. The command is in quotes, because bash 3 cannot parse it.
# shellcheck disable=SC2016
__segue_start='{ coproc __segue_pipe {
  set +f
  shopt -u failglob
  for fd in /dev/fd/*; do
    fd=${fd##*/}
    [[ $fd == *[!0-9]* ]] || ((fd < 3)) || eval "exec $fd>&-"
  done
  exec "${__segue_netcat[@]}" "$__segue_address$REPLY" 2>/dev/null
}; } 2>/dev/null'

__segue_connect() {
  local REPLY fd
  ((__segue_now >= __segue_retry && ${#__segue_netcat[@]})) || return 1
  __segue_find_socket
  if [[ -S $REPLY && -O $REPLY ]] && eval "$__segue_start" && [[ -n ${__segue_pipe[1]-} ]]; then
    disown "${__segue_pipe_PID-}" 2>/dev/null || :
    # SIGPIPE ends bash if it writes to a pipe without a reader, as when netcat has just exited. So bash opens the
    # pipe for reading during each write. Only Linux can open /dev/fd in this way.
    __segue_guard=/dev/fd/${__segue_pipe[1]}
    { :; } 2>/dev/null 9<"$__segue_guard" || __segue_guard=/dev/null
  else
    __segue_drop
    return 1
  fi
}

# Set REPLY to the answer to the last request, which may take $1 seconds. Skip late answers to earlier requests.
__segue_receive() {
  local first lines limit=(-t 1)
  # After the first whole answer only the wait for its first byte is limited, because with a limit bash reads the clock
  # for each byte. netcat writes in one piece what the daemon sends in one; if netcat exits, the read ends.
  ((__segue_proven)) && limit=()
  for ((lines = 0; lines < 20; lines++)); do
    IFS= read -r -t "$1" -n 1 -u "${__segue_pipe[0]-}" first 2>/dev/null
    case $? in
      0)
        IFS= read -r ${limit[@]+"${limit[@]}"} -u "${__segue_pipe[0]-}" REPLY 2>/dev/null || { __segue_drop; return 1; }
        ;;
      1 | 2) __segue_drop; return 1 ;;
      *) return 1 ;; # not yet
    esac
    if [[ $__segue_waiting != 0 && $REPLY == *"\"id\":$__segue_waiting}" ]]; then
      __segue_waiting=0 __segue_proven=1 REPLY=$first$REPLY
      return 0
    fi
  done
  __segue_drop # because the peer sends lines without end
  return 1
}

# Call method $1 with the JSON $2, and set REPLY to the answer. Status 1 immediately while an answer is missing.
__segue_call() {
  ((BASH_SUBSHELL)) && return 1 # because the connection belongs to the main shell
  local request="{\"jsonrpc\":\"2.0\",\"id\":$((++__segue_number)),\"method\":\"$1\",\"params\":$2}"
  if ((!__segue_keeps)); then
    __segue_call_once "$request"
    return
  fi
  if [[ -n ${__segue_pipe[0]-} ]] && read -r -t 0 -u "${__segue_pipe[0]}" 2>/dev/null; then
    __segue_receive 0.01 # a late answer, or the end of the connection
    [[ -n ${__segue_pipe[0]-} ]] || __segue_retry=0
  fi
  if ((__segue_waiting)) && [[ -n ${__segue_pipe[0]-} ]]; then
    ((__segue_now - __segue_since > 30)) && __segue_drop # The answer will not come.
    return 1
  fi
  [[ -n ${__segue_pipe[0]-} ]] || __segue_connect || return 1
  __segue_waiting=$__segue_number __segue_since=$__segue_now
  { printf '%s\n' "$request" >&"${__segue_pipe[1]}"; } 2>/dev/null 9<"$__segue_guard" || { __segue_drop; return 1; }
  __segue_receive "${SEGUE_BUDGET:-0.05}"
}

__segue_call_once() {
  local request=$1
  ((__segue_now >= __segue_retry && ${#__segue_netcat[@]} && ${#__segue_timeout[@]})) || return 1
  __segue_find_socket
  if [[ -S $REPLY && -O $REPLY ]]; then
    # Less than for a kept connection, because the process takes time to start.
    REPLY=$("${__segue_timeout[@]}" "${SEGUE_BUDGET:-0.03}" "${__segue_netcat[@]}" "$__segue_address$REPLY" \
      2>/dev/null <<<"$request")
    [[ $REPLY == *"\"id\":$__segue_number}" ]] && return 0
  fi
  __segue_drop
  return 1
}
