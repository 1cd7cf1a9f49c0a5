# --- the prompt -------------------------------------------------------------------------------------------------

# $1 without control and direction characters, as REPLY.
__segue_plain() {
  setopt local_options no_multibyte # the locale may be any
  REPLY=${${${1//[$'\x01'-$'\x1f'$'\x7f']/}//$'\xc2'[$'\x80'-$'\x9f']/}//$'\xd8\x9c'/}
  REPLY=${${REPLY//$'\xe2\x80'[$'\x8e'$'\x8f'$'\xa8'-$'\xae']/}//$'\xe2\x81'[$'\xa6'-$'\xa9']/}
}

# $1 as a prompt may have it, in whatever quotes: nothing in it is an escape, an expansion or a command.
__segue_harmless() {
  __segue_plain "$1"
  (( $#REPLY > SEGUE_PROMPT_LENGTH )) && REPLY=$REPLY[1,SEGUE_PROMPT_LENGTH]
  REPLY=${${${REPLY//\$/＄}//\`/ˋ}//\\/＼}
  REPLY=${${REPLY//\%/%%}//\!/$__segue_bang}
}

# Seconds since 1970 of $1, `2026-11-21T14:23:05.123Z`, as REPLY (days by Howard Hinnant's civil calendar).
__segue_seconds() {
  [[ $1 == [0-9](#c4)-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]* ]] || { REPLY=0; return; }
  integer month=10#${1[6,7]} day=10#${1[9,10]} year days
  (( year = 10#${1[1,4]} - (month <= 2) ))
  (( days = 365 * year + year / 4 - year / 100 + year / 400 ))
  (( days += (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1 - 719468 ))
  REPLY=$(( ((days * 24 + 10#${1[12,13]}) * 60 + 10#${1[15,16]}) * 60 + 10#${1[18,19]} ))
}

# Ask for the newest session of the directory that was not ended. A look at the list, since session.resolve
# would make a crashed session active, and looking must change nothing.
__segue_look() {
  local REPLY filter
  for filter in '' ',"status":"active"'; do
    __segue_call session.list \
      '{"working_dir":'$__segue_quoted',"bot_id":"default","limit":1,"preview_chars":0'$filter'}' || return 1
    [[ $REPLY == *',"status":"completed",'* ]] || break
  done
  __segue_id='' __segue_stale=0 __segue_asked=$EPOCHSECONDS
  [[ $REPLY == '{"jsonrpc":"2.0","result":{"sessions":[{"id":'* && $REPLY != *',"status":"completed",'* ]] || return 0
  local row=$REPLY
  __segue_after "$row" ',"message_count":'
  __segue_messages=${REPLY%%[^0-9]*}
  __segue_after "$row" ',"last_message_at":"'
  __segue_seconds "$REPLY"
  __segue_last=$REPLY
  __segue_after "$row" ',"name":'
  __segue_string "$REPLY"
  __segue_harmless "$REPLY"
  __segue_name=$REPLY
  __segue_after "$row" '[{"id":'
  __segue_string "$REPLY"
  __segue_harmless "$REPLY"
  __segue_id=$REPLY
}

__segue_render() {
  integer age=$(( EPOCHSECONDS > __segue_last ? EPOCHSECONDS - __segue_last : 0 ))
  SEGUE_PROMPT=''
  [[ -n $__segue_id ]] && (( age < __segue_continuity )) || return 0
  local span=${age}s
  (( age >= 60 )) && span=$(( age / 60 ))m
  (( age >= 3600 )) && span=$(( age / 3600 ))h
  (( age >= 86400 )) && span=$(( age / 86400 ))d
  SEGUE_PROMPT=${${${SEGUE_PROMPT_FORMAT//\{messages\}/$__segue_messages}//\{age\}/$span}//\{id\}/$__segue_id}
  SEGUE_PROMPT=${SEGUE_PROMPT//\{name\}/${__segue_name:-$__segue_id}}
}

# Bring SEGUE_PROMPT up to date; called before each prompt.
segue_prompt() {
  { local __segue_bang='!'
    [[ -o prompt_bang ]] && __segue_bang='!!'
    emulate -L zsh
    setopt extended_glob no_err_exit no_err_return unset no_xtrace
  } 2>/dev/null # says nothing under xtrace
  (( $+functions[compdef] && ! $+_comps[segue] )) && __segue_define_completion
  if [[ $PWD != "$__segue_shown_in" ]]; then
    local REPLY
    __segue_shown_in=$PWD __segue_stale=1 __segue_id=''
    __segue_quote "${PWD:P}"
    __segue_quoted=$REPLY
  fi
  (( __segue_stale || EPOCHSECONDS - __segue_asked >= SEGUE_PROMPT_SECONDS )) && __segue_look
  __segue_close # zsh cannot mark it as not to be inherited
  __segue_render
  return 0
}

# A command that names segue or one of its short functions may have changed what is to be shown.
__segue_preexec() {
  { emulate -L zsh; setopt no_xtrace; } 2>/dev/null
  __segue_close # the completion may have opened it
  [[ "${1[1,10000]} ${3[1,10000]-}" == *${~__segue_names}* ]] && __segue_stale=1
  return 0
}
