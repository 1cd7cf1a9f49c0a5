# --- completion: from the table that `segue init` made of the commands; no process, ids from the open socket -----

# Set `matches` and `shown` to the sessions that $1 completes.
__segue_sessions() {
  local SEGUE_BUDGET=${SEGUE_BUDGET:-0.3} REPLY rest
  __segue_quote "$1"
  __segue_call session.complete '{"prefix":'$REPLY',"shell":"zsh"}' || return 1
  rest=$REPLY
  while [[ $rest == *'{"id":"'* ]]; do
    __segue_after "$rest" '{"id":'
    rest=$REPLY
    __segue_string "$rest"
    matches+=("$REPLY")
    __segue_after "$rest" ',"text":'
    __segue_string "$REPLY"
    shown+=("$matches[-1]  -- $REPLY")
  done
  (( $#matches ))
}

# What may stand at the cursor: its kind as `expected`, for which command as `at`, from the words before it.
__segue_parse_words() {
  local word kind
  for word in "${(@Q)words[2,CURRENT-1]}"; do
    kind=${kinds[$at$'\t'$word]-}
    if [[ -n $expected ]]; then
      expected=''
    elif [[ $kind == command ]]; then
      at=${at:+$at }$word
    elif [[ $word == -* && -n $kind && $kind != flag ]]; then
      expected=$kind
    fi
  done
}

_segue() {
  emulate -L zsh
  setopt extended_glob no_force_float unset no_xtrace
  local -a fields matches shown
  local -A kinds
  local row at='' expected='' wanted='[^-@]*' word=${(Q)words[CURRENT]}
  for row in "${(@f)__segue_words}"; do
    fields=("${(@ps:\t:)row}")
    kinds[$fields[1]$'\t'$fields[2]]=$fields[3]
  done
  __segue_parse_words
  if [[ -z $expected && $word == --*=* ]]; then
    expected=${kinds[$at$'\t'${word%%\=*}]:-value}
    compset -P '*='
    word=${word#*\=}
  elif [[ -z $expected && $word != -* ]]; then
    expected=${kinds[$at$'\t'@]-}
  fi
  case $expected in
    session) __segue_sessions "$word" && compadd -U -i "$IPREFIX" -l -d shown -a matches ;;
    file) _files ;;
    one\ of\ *) compadd -- ${=expected#one of } ;;
    value) return 1 ;;
    *)
      [[ $word == -* ]] && wanted='-*'
      for row in "${(@f)__segue_words}"; do
        fields=("${(@ps:\t:)row}")
        [[ $fields[1] == "$at" && $fields[2] == ${~wanted} ]] || continue
        matches+=("$fields[2]") shown+=("${(r:14:)fields[2]}  -- $fields[4]")
      done
      compadd -l -d shown -a matches ;;
  esac
}

# A short function is completed as the command that it stands for.
_segue_short() {
  words=(segue ${words[1]#$__segue_prefix} "${(@)words[2,-1]}")
  (( CURRENT += 1 ))
  _segue
}

# Done at the first prompt, when compinit has run, wherever it stands in the user's file.
__segue_define_completion() {
  compdef _segue segue
  (( $#__segue_short )) && compdef _segue_short $__segue_short
}
