# --- short functions --------------------------------------------------------------------------------------------

__segue_run() {
  __segue_stale=1
  command "${__segue_command[@]}" "$@"
}

# Resume what was named, or what a person picks: with fzf if it is there (SEGUE_PICKER=menu does without).
__segue_resume() {
  emulate -L zsh
  setopt no_err_exit no_err_return no_force_float unset
  (( $# )) && { __segue_run resume "$@"; return; }
  local -a rows shown fields
  local row answer
  rows=("${(@f)$(command "${__segue_command[@]}" list -n 200)}") || return
  [[ -n $rows[1] ]] || { print -ru2 -- 'segue: no sessions yet; begin one with: segue new'; return 1; }
  for row in "${rows[@]}"; do
    fields=("${(@ps:\t:)row}")
    shown+=("$fields[1]"$'\t'"$fields[2]"$'\t'"$fields[4]"$'\t'"$fields[5] messages")
  done
  if [[ ${SEGUE_PICKER-} != menu ]] && (( $+commands[fzf] )); then
    answer=$(print -rl -- "${shown[@]}" | command fzf --no-multi --delimiter=$'\t' --prompt='resume> ') || return
    answer=${answer%%$'\t'*}
  else
    shown=("${(@)shown[1,20]}")
    integer number
    for (( number = 1; number <= $#shown; number++ )); do
      print -r -- "${(l:3:)number}  ${shown[number]//$'\t'/  }"
    done
    read -r 'answer?number: ' || return
    [[ $answer == [1-9]* && $answer == <1-> && $answer -le $#shown ]] || { print -ru2 -- 'segue: nothing resumed'; return 1; }
    answer=${shown[answer]%%$'\t'*}
  fi
  [[ -n $answer ]] && __segue_run resume "$answer"
}

# --- into the shell ---------------------------------------------------------------------------------------------

# Short names for people: SEGUE_PREFIX before list, resume, rename, new and ask; none if it is empty.
__segue_define_short() {
  emulate -L zsh
  setopt extended_glob
  local prefix=${SEGUE_PREFIX-s} verb
  typeset -ga __segue_short=()
  typeset -g __segue_prefix __segue_names=segue # the latter a pattern
  if [[ $prefix != ([a-zA-Z_][a-zA-Z0-9_.-]#|) ]]; then
    print -ru2 -- "segue: SEGUE_PREFIX must be letters, digits and ._- after a letter, not ${(q+)prefix}; s is used"
    prefix=s
  fi
  __segue_prefix=$prefix
  [[ -n $prefix ]] || return 0
  for verb in list rename new ask; do
    functions[$prefix$verb]="__segue_run $verb \"\$@\""
    __segue_short+=($prefix$verb)
  done
  functions[${prefix}resume]='__segue_resume "$@"'
  __segue_short+=(${prefix}resume)
  __segue_names="(segue|${(j:|:)__segue_short})"
}

() {
  emulate -L zsh
  __segue_define_short
  # A question is not a pattern for file names: `sask what is this?`
  [[ -n $__segue_prefix ]] && alias -- "${__segue_prefix}ask=noglob ${__segue_prefix}ask"
  autoload -Uz add-zsh-hook
  add-zsh-hook precmd segue_prompt
  add-zsh-hook preexec __segue_preexec
}
