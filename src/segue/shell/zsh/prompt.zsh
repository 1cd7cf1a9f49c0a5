# --- prompt -----------------------------------------------------------------------------------------------------

# Ask the daemon what the prompt shows. It escapes the name and the id for zsh, and changes nothing.
__segue_ask() {
  local REPLY
  integer chars=${${SEGUE_PROMPT_LENGTH//[^0-9]/}:-0}
  __segue_call session.prompt '{"working_dir":'$__segue_quoted',"shell":"zsh","format":"{messages} {age} {id} {name}"'\
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

# Bring SEGUE_PROMPT up to date; called before each prompt.
segue_prompt() {
  { local __segue_bang='!'
    [[ -o prompt_bang ]] && __segue_bang='!!'
    emulate -L zsh
    setopt extended_glob no_err_exit no_err_return no_force_float unset no_xtrace
  } 2>/dev/null # because xtrace would print this
  (( $+functions[compdef] && ! $+_comps[segue] )) && __segue_define_completion
  if [[ $PWD != "$__segue_shown_in" ]]; then
    local REPLY
    __segue_shown_in=$PWD __segue_stale=1 __segue_shown=''
    __segue_quote "${PWD:P}"
    __segue_quoted=$REPLY
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
