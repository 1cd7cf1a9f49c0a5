# --- prompt -----------------------------------------------------------------------------------------------------

# Ask the daemon what the prompt shows. It escapes the name and the id for bash, and changes nothing.
__segue_ask() {
  local chars=${SEGUE_PROMPT_LENGTH//[!0-9]/}
  ((${#chars} > 3)) && chars=1000
  __segue_call session.prompt "{\"working_dir\":$__segue_quoted,\"shell\":\"bash\",\"name_chars\":$((10#${chars:-0})),\
\"format\":\"{messages} {age} {id} {name}\"}" || return 1
  __segue_stale=0 __segue_asked=$__segue_now
  __segue_string "${REPLY#*\"result\":}"
  __segue_shown=$REPLY
}

# Set SEGUE_PROMPT from the last answer, unless that is older than a session can be.
__segue_render() {
  SEGUE_PROMPT=''
  [[ -n $__segue_shown ]] && ((__segue_now - __segue_asked < __segue_continuity)) || return 0
  local messages=${__segue_shown%% *} rest=${__segue_shown#* } age text
  age=${rest%% *} rest=${rest#* }
  text=${SEGUE_PROMPT_FORMAT//'{messages}'/"$messages"}
  text=${text//'{age}'/"$age"} text=${text//'{id}'/"${rest%% *}"}
  rest=${rest#* }
  [[ :$SHELLOPTS: == *:posix:* ]] || rest=${rest//！/'!'} # Only in POSIX mode does a prompt expand it.
  SEGUE_PROMPT=${text//'{name}'/"$rest"}
}

__segue_update() {
  local REPLY
  __segue_clock
  if [[ $PWD != "$__segue_shown_in" ]]; then
    __segue_shown_in=$PWD __segue_stale=1 __segue_shown=''
    REPLY=$(pwd -P 2>/dev/null && printf x) # x, because a name may end in a newline
    __segue_quote "${REPLY%$'\n'x}"
    __segue_quoted=$REPLY
  fi
  if ((__segue_stale || __segue_now - __segue_asked >= SEGUE_PROMPT_SECONDS)); then __segue_ask; fi
  __segue_render
}

# Bring SEGUE_PROMPT up to date; called before each prompt. The status of the last command stays.
segue_prompt() {
  local __segue_status=$?
  { local - && set +eux; } 2>/dev/null # restores the user's options at the end; bash before 4.4 keeps them
  __segue_update || :
  return $__segue_status
}
