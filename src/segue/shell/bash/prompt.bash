# --- prompt -----------------------------------------------------------------------------------------------------

# Ask the daemon what the prompt shows. It escapes the name and the id for bash, and changes nothing.
__segue_ask() {
  local chars=${SEGUE_PROMPT_LENGTH//[!0-9]/}
  ((${#chars} > 3)) && chars=1000
  __segue_call session.prompt "{$__segue_place,\"shell\":\"bash\",\"name_chars\":$((10#${chars:-0})),\
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

# Set REPLY to the first line of the regular file $1, or to nothing.
__segue_first_line() {
  REPLY=''
  [[ -f $1 && -r $1 ]] && IFS= read -r -n 8192 REPLY <"$1"
  REPLY=${REPLY%$'\r'}
}

# Set REPLY to the root of the repository that holds the physical directory $1, or to nothing. The rules are those of
# segue/runtime/place.py. Only a worktree costs a process, because bash resolves no path itself.
__segue_find_project() {
  local at=${1%/} git
  while [[ -n $at ]]; do
    REPLY=$at
    if [[ $at == "$__segue_home" ]]; then
      :
    elif [[ -e $at/.git/HEAD ]]; then
      return
    elif [[ -f $at/.git ]]; then
      __segue_first_line "$at/.git"
      if [[ $REPLY == 'gitdir: '* ]]; then
        git=${REPLY#gitdir: } REPLY=''
        [[ $git == /* ]] || git=$at/$git
        __segue_first_line "$git/commondir"
        [[ -n $REPLY ]] || { REPLY=$at; return; }
        [[ $REPLY == /* ]] || REPLY=$git/$REPLY
        git=$REPLY
        REPLY=$(builtin cd -P -- "$git" >/dev/null 2>&1 && pwd -P && printf x)
        REPLY=${REPLY%$'\n'x}
        [[ ${REPLY##*/} != .* || -z ${REPLY%/*} ]] || REPLY=${REPLY%/*}
        return
      fi
    fi
    at=${at%/*}
  done
  REPLY=''
}

# Set __segue_place to the parameters that name the place.
__segue_find_place() {
  local REPLY directory
  directory=$(pwd -P 2>/dev/null && printf x) # x, because a name may end in a newline
  directory=${directory%$'\n'x}
  __segue_quote "$directory"
  __segue_place="\"working_dir\":$REPLY$__segue_terminal"
  __segue_find_project "$directory"
  if [[ -n $REPLY ]]; then
    __segue_quote "$REPLY"
    __segue_place+=",\"project\":$REPLY,\"scope\":\"$__segue_scope\""
  fi
}

__segue_update() {
  local REPLY key=
  __segue_clock
  [[ -e .git ]] && key=git # because a repository may be created in this directory
  key+=:$PWD
  if [[ $key != "$__segue_shown_for" ]]; then
    __segue_shown_for=$key __segue_stale=1 __segue_shown=''
    __segue_find_place
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
