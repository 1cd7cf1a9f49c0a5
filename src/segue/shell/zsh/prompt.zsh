# --- prompt -----------------------------------------------------------------------------------------------------

# Ask the daemon what the prompt shows. It escapes the name and the id for zsh, and changes nothing.
__segue_ask() {
  local REPLY
  integer chars=${${SEGUE_PROMPT_LENGTH//[^0-9]/}:-0}
  __segue_call session.prompt '{'$__segue_place',"shell":"zsh","format":"{messages} {age} {id} {name}"'\
',"name_chars":'$(( chars > 1000 ? 1000 : chars ))'}' || return 1
  __segue_stale=0 __segue_asked=$EPOCHSECONDS
  __segue_after "$REPLY" '"result":'
  __segue_string "$REPLY"
  __segue_shown=$REPLY
}

# Set SEGUE_PROMPT from the last answer, unless that is older than a session can be.
__segue_render() {
  SEGUE_PROMPT=''
  [[ -n $__segue_shown ]] && (( EPOCHSECONDS - __segue_asked < __segue_continuity )) || return 0
  local messages=${__segue_shown%% *} rest=${__segue_shown#* } name
  name=${${rest#* }#* }
  setopt local_options no_multibyte # because the locale may be any
  SEGUE_PROMPT=${${SEGUE_PROMPT_FORMAT//\{messages\}/$messages}//\{age\}/${rest%% *}}
  rest=${rest#* }
  SEGUE_PROMPT=${${SEGUE_PROMPT//\{id\}/${rest%% *}}//\{name\}/${name//！/$__segue_bang}}
}

# Set REPLY to the first line of the regular file $1, or to nothing.
__segue_first_line() {
  REPLY=''
  [[ -f $1 && -r $1 ]] && sysread -s 8192 <$1
  REPLY=${${REPLY%%$'\n'*}%$'\r'}
}

# Set REPLY to the root of the repository that holds the physical directory $1, or to nothing. The rules are those of
# segue/runtime/place.py.
__segue_find_project() {
  local at=${1%/} git
  while [[ -n $at ]]; do
    REPLY=$at
    if [[ $at == "$__segue_home" ]]; then
      :
    elif [[ -e $at/.git/HEAD ]]; then
      return
    elif [[ -f $at/.git ]]; then
      __segue_first_line $at/.git
      if [[ $REPLY == 'gitdir: '* ]]; then
        git=${REPLY#gitdir: }
        [[ $git == /* ]] || git=$at/$git
        __segue_first_line $git/commondir
        [[ -n $REPLY ]] || { REPLY=$at; return; }
        [[ $REPLY == /* ]] || REPLY=$git/$REPLY
        REPLY=${REPLY:P}
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
  local REPLY directory=${PWD:P}
  __segue_quote "$directory"
  __segue_place='"working_dir":'$REPLY$__segue_terminal
  __segue_find_project "$directory"
  if [[ -n $REPLY ]]; then
    __segue_quote "$REPLY"
    __segue_place+=',"project":'$REPLY',"scope":"'$__segue_scope'"'
  fi
}

# Bring SEGUE_PROMPT up to date; called before each prompt.
segue_prompt() {
  { local __segue_bang='!'
    [[ -o prompt_bang ]] && __segue_bang='!!'
    emulate -L zsh
    setopt extended_glob no_err_exit no_err_return no_force_float unset no_xtrace
  } 2>/dev/null # because xtrace would print this
  (( $+functions[compdef] && ! $+_comps[segue] )) && __segue_define_completion
  local key=
  [[ -e .git ]] && key=git # because a repository may be created in this directory
  key+=:$PWD
  if [[ $key != "$__segue_shown_for" ]]; then
    __segue_shown_for=$key __segue_stale=1 __segue_shown=''
    __segue_find_place
  fi
  (( __segue_stale || EPOCHSECONDS - __segue_asked >= SEGUE_PROMPT_SECONDS )) && __segue_ask
  __segue_close # because zsh cannot keep commands from inheriting it
  __segue_render
  return 0
}

# A command that names segue or one of its short functions may change what the prompt shows.
__segue_preexec() {
  { emulate -L zsh; setopt no_xtrace; } 2>/dev/null
  __segue_close # because completion may have opened it
  [[ "${1[1,10000]} ${3[1,10000]-}" == *${~__segue_names}* ]] && __segue_stale=1
  return 0
}
