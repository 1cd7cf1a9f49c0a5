# --- completion -------------------------------------------------------------------------------------------------
# Commands and options are in a table that `segue init` makes. The daemon completes ids and methods.

# Set `matches` and `about` to the sessions, memories or methods ($1) that $2 completes.
__segue_ask_rows() {
  local SEGUE_BUDGET=${SEGUE_BUDGET:-0.3} REPLY rest
  __segue_clock
  __segue_quote "$2"
  __segue_call session.complete "{\"prefix\":$REPLY,\"shell\":\"bash\",\"kind\":\"$1\"}" || return 1
  rest=$REPLY
  while [[ $rest == *'{"id":"'* ]]; do
    rest=${rest#*\{\"id\":}
    __segue_string "$rest"
    matches+=("$REPLY")
    __segue_string "${rest#*,\"text\":}"
    about+=("$REPLY")
  done
  ((${#matches[@]}))
}

# Set `kind` to the kind of the word $2 of the command $1, or to nothing if the table does not have it.
__segue_kind() {
  kind=$'\n'$__segue_words$'\n'
  [[ $kind == *$'\n'"$1"$'\t'"$2"$'\t'* ]] || { kind=''; return; }
  kind=${kind#*$'\n'"$1"$'\t'"$2"$'\t'}
  kind=${kind%%$'\t'*}
}

# Set `at` to the command that the words given name, and `expected` to the kind of the value that follows them.
__segue_parse_words() {
  local word kind
  for word; do
    __segue_kind "$at" "$word"
    if [[ $word == '=' ]]; then
      : # bash splits --name=value
    elif [[ -n $expected ]]; then
      expected=''
    elif [[ $kind == command ]]; then
      at=${at:+$at }$word
    elif [[ $word == -* && -n $kind && $kind != flag ]]; then
      expected=$kind
    fi
  done
}

# Set `matches` and `about` to the commands or options of `at` that begin with $1.
__segue_match_words() {
  local path word kind text
  while IFS=$'\x01' read -r path word kind text; do
    [[ $path == "$at" && $word == "$1"* && $word != @ ]] || continue
    [[ $kind == command || $1 == -* ]] && matches+=("$word") about+=("$text")
  done <<<"${__segue_words//$'\t'/$'\x01'}"
}

# Set COMPREPLY to the matches. If there are several, each has its description, which bash shows and never inserts.
__segue_add_replies() {
  local number text
  for ((number = 0; number < ${#matches[@]}; number++)); do
    printf -v text '%q' "${matches[number]}"
    text=${text#"$1"}
    # 37 and 42: a key that inserts the replies into the line.
    if ((${#matches[@]} > 1)) && [[ -n ${about[number]-} && ${COMP_TYPE-} != 37 && ${COMP_TYPE-} != 42 ]]; then
      printf -v text '%-16s  -- %s' "$text" "${about[number]}"
      text=${text:0:${COLUMNS:-80}-1}
    fi
    COMPREPLY+=("$text")
  done
}

# Complete the word at the cursor. $@ are the words between the program and it.
__segue_complete() {
  local at='' expected='' kind word=${COMP_WORDS[COMP_CWORD]} whole matches=() about=()
  [[ $word == '=' ]] && word=''
  __segue_parse_words "$@"
  # Ids may contain characters at which bash splits words.
  whole=${COMP_LINE:0:COMP_POINT}
  whole=${whole##*[[:space:]]}
  [[ $whole == --*=* ]] && whole=${whole#*=}
  if [[ -z $expected && $word != -* ]]; then
    __segue_kind "$at" @
    expected=$kind
  fi
  case $expected in
    session | memory | method) __segue_ask_rows "$expected" "$whole" && __segue_add_replies "${whole%"$word"}" ;;
    file) compopt -o default 2>/dev/null ;;
    'one of '*) while read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "${expected#one of }" -- "$word") ;;
    value) ;;
    *) __segue_match_words "$word" && __segue_add_replies '' ;;
  esac
}

__segue_complete_program() {
  COMPREPLY=()
  __segue_complete "${COMP_WORDS[@]:1:COMP_CWORD-1}"
}

# Complete a short function as its command.
__segue_complete_short() {
  COMPREPLY=()
  __segue_complete "${COMP_WORDS[0]#"$__segue_prefix"}" "${COMP_WORDS[@]:1:COMP_CWORD-1}"
}

# nosort keeps the order, newest first; bash before 4.4 does not have it.
complete -o nosort -F __segue_complete_program segue 2>/dev/null || complete -F __segue_complete_program segue
if ((${#__segue_short[@]})); then
  complete -o nosort -F __segue_complete_short "${__segue_short[@]}" 2>/dev/null ||
    complete -F __segue_complete_short "${__segue_short[@]}"
fi
