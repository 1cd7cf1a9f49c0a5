# --- the prompt -------------------------------------------------------------------------------------------------

# $1 without control and direction characters as REPLY, and in whatever quotes a prompt has it nothing is run.
__segue_harmless() {
  local LC_ALL=C
  REPLY=${1//[[:cntrl:]]/} REPLY=${REPLY//$'\xc2'[$'\x80'-$'\x9f']/} REPLY=${REPLY//$'\xd8\x9c'/}
  REPLY=${REPLY//$'\xe2\x80'[$'\x8e'$'\x8f'$'\xa8'-$'\xae']/} REPLY=${REPLY//$'\xe2\x81'[$'\xa6'-$'\xa9']/}
  REPLY=${REPLY//'$'/＄} REPLY=${REPLY//'`'/ˋ} REPLY=${REPLY//\\/＼}
}

# Seconds since 1970 of $1, `2026-11-21T14:23:05.123Z`, as REPLY (days by Howard Hinnant's civil calendar).
__segue_seconds() {
  REPLY=0
  case $1 in
    [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]*) ;;
    *) return ;;
  esac
  local month=$((10#${1:5:2})) day=$((10#${1:8:2})) year=$((10#${1:0:4})) days
  ((month > 2)) || year=$((year - 1))
  days=$((365 * year + year / 4 - year / 100 + year / 400))
  days=$((days + (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1 - 719468))
  REPLY=$((((days * 24 + 10#${1:11:2}) * 60 + 10#${1:14:2}) * 60 + 10#${1:17:2}))
}

# Ask for the newest session of the directory that was not ended. A look at the list, since session.resolve
# would make a crashed session active, and looking must change nothing.
__segue_look() {
  local filter row
  for filter in '' ',"status":"active"'; do
    __segue_call session.list \
      "{\"working_dir\":$__segue_quoted,\"bot_id\":\"default\",\"limit\":1,\"preview_chars\":0$filter}" || return 1
    [[ $REPLY == *',"status":"completed",'* ]] || break
  done
  row=$REPLY
  __segue_id='' __segue_stale=0 __segue_asked=$__segue_now
  [[ $row == '{"jsonrpc":"2.0","result":{"sessions":[{"id":'* && $row != *',"status":"completed",'* ]] || return 0
  __segue_string "${row#*[\[]{\"id\":}"
  __segue_harmless "$REPLY"
  __segue_id=$REPLY
  row=${row#*,\"name\":}
  __segue_string "$row"
  __segue_harmless "$REPLY"
  __segue_name=${REPLY:0:SEGUE_PROMPT_LENGTH}
  row=${row#*,\"last_message_at\":\"}
  __segue_seconds "$row"
  __segue_last=$REPLY
  row=${row#*,\"message_count\":}
  __segue_messages=${row%%[^0-9]*}
}

__segue_render() {
  local age=$((__segue_now > __segue_last ? __segue_now - __segue_last : 0)) span text
  SEGUE_PROMPT=''
  [[ -n $__segue_id ]] && ((age < __segue_continuity)) || return 0
  span=${age}s
  ((age >= 60)) && span=$((age / 60))m
  ((age >= 3600)) && span=$((age / 3600))h
  ((age >= 86400)) && span=$((age / 86400))d
  text=${SEGUE_PROMPT_FORMAT//'{messages}'/"$__segue_messages"}
  text=${text//'{age}'/"$span"} text=${text//'{id}'/"$__segue_id"}
  SEGUE_PROMPT=${text//'{name}'/"${__segue_name:-$__segue_id}"}
}

__segue_update() {
  local REPLY
  __segue_clock
  if [[ $PWD != "$__segue_shown_in" ]]; then
    __segue_shown_in=$PWD __segue_stale=1 __segue_id=''
    REPLY=$(pwd -P 2>/dev/null && printf x) # x: a name may end in a newline
    __segue_quote "${REPLY%$'\n'x}"
    __segue_quoted=$REPLY
  fi
  if ((__segue_stale || __segue_now - __segue_asked >= SEGUE_PROMPT_SECONDS)); then __segue_look; fi
  __segue_render
}

# Bring SEGUE_PROMPT up to date; called before each prompt. The status of the last command stays.
segue_prompt() {
  local __segue_status=$?
  { local - && set +eux; } 2>/dev/null # the user's options are back at the end; bash before 4.4 keeps them
  __segue_update || :
  return $__segue_status
}
