# --- completion -------------------------------------------------------------------------------------------------
# Commands and options are in a table that `segue init` makes. The daemon completes ids and methods.

# Set `matches` and `shown` to the sessions, memories or methods ($1) that $2 completes.
__segue_ask_rows() {
  local SEGUE_BUDGET=${SEGUE_BUDGET:-0.3} REPLY rest
  __segue_quote "$2"
  __segue_call session.complete '{"prefix":'$REPLY',"shell":"zsh","kind":"'$1'"}' || return 1
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

# Set `at` to the command that the words before the cursor name, and `expected` to the kind of the value at the cursor.
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
    session|memory|method)
      # -V keeps the order, newest first.
      __segue_ask_rows $expected "$word" && compadd -U -i "$IPREFIX" -l -d shown -V segue -a matches ;;
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

# Complete a short function as its command.
_segue_short() {
  words=(segue ${words[1]#$__segue_prefix} "${(@)words[2,-1]}")
  (( CURRENT += 1 ))
  _segue
}

# Register the completion. Called at the first prompt, because compinit may run after the line that loads this.
__segue_define_completion() {
  compdef _segue segue
  (( $#__segue_short )) && compdef _segue_short $__segue_short
}
