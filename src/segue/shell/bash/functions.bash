# --- short functions --------------------------------------------------------------------------------------------

__segue_run() {
  __segue_stale=1
  command "${__segue_command[@]}" "$@"
}

# Without a kept connection not every prompt asks, so one behind a `segue` must.
((__segue_keeps)) || segue() { __segue_run "$@"; }

# Resume what was named, or what a person picks: with fzf if it is there (SEGUE_PICKER=menu does without).
__segue_resume() {
  if (($#)); then
    __segue_run resume "$@"
    return
  fi
  local id name folder messages answer rows=()
  # Not a tab: it counts as white space, and fields that are empty would vanish.
  while IFS=$'\x01' read -r id name _ folder messages _; do
    rows+=("$id"$'\t'"$name"$'\t'"$folder"$'\t'"$messages messages")
  done < <(command "${__segue_command[@]}" list -n 200 | tr '\t' '\001')
  if ((${#rows[@]} == 0)); then
    echo 'segue: no sessions yet; begin one with: segue new' >&2
    return 1
  fi
  if [[ ${SEGUE_PICKER-} != menu ]] && type -P fzf >/dev/null; then
    answer=$(printf '%s\n' "${rows[@]}" | command fzf --no-multi --delimiter=$'\t' --prompt='resume> ') || return
  else
    __segue_menu "${rows[@]}" || return
  fi
  [[ -n $answer ]] && __segue_run resume "${answer%%$'\t'*}"
}

# The row that a person chooses by its number, as `answer`.
__segue_menu() {
  local number
  for ((number = 1; number <= $# && number <= 20; number++)); do
    printf '%3d  %s\n' "$number" "${!number//$'\t'/  }"
  done
  read -r -p 'number: ' number || return
  if [[ $number == [1-9] || $number == [1-9][0-9] ]] && ((number <= $# && number <= 20)); then
    answer=${!number}
  else
    echo 'segue: nothing resumed' >&2
    return 1
  fi
}

# --- into the shell ---------------------------------------------------------------------------------------------

# Short names for people: SEGUE_PREFIX before list, resume, rename, new and ask; none if it is empty.
__segue_define_short() {
  local verb
  __segue_prefix=${SEGUE_PREFIX-s}
  case $__segue_prefix in
    '') return 0 ;;
    [!A-Za-z_]* | *[!A-Za-z0-9_.-]*)
      printf 'segue: SEGUE_PREFIX must be letters, digits and ._- after a letter, not %q; s is used\n' "$__segue_prefix" >&2
      __segue_prefix=s
      ;;
  esac
  for verb in list rename new ask; do
    eval "function $__segue_prefix$verb { __segue_run $verb \"\$@\"; }"
    __segue_short+=("$__segue_prefix$verb")
  done
  eval "function ${__segue_prefix}resume { __segue_resume \"\$@\"; }"
  __segue_short+=("${__segue_prefix}resume")
}

# First, so that a command of the user's that makes the prompt finds it done. Through a variable, for a PROMPT_COMMAND
# that is exported meets shells that know nothing of this.
__segue_hook=segue_prompt
__segue_install_hook() {
  # shellcheck disable=SC2016
  local hook='"${__segue_hook-:}" && :' # ":", because the status of the last command must end no shell and run no trap
  [[ ${PROMPT_COMMAND[*]-} == *"$hook"* ]] && return 0
  # An assignment at the end, because a user may append a command with a semicolon before it or without.
  hook+='; __segue_none= '
  # Each element finds $? and PIPESTATUS as the last command left them, which bash before 5.1 cannot do.
  if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
    PROMPT_COMMAND=("$hook" ${PROMPT_COMMAND[@]+"${PROMPT_COMMAND[@]}"})
  else
    PROMPT_COMMAND=$hook${PROMPT_COMMAND:+$'\n'$PROMPT_COMMAND}
  fi
}

__segue_define_short
__segue_install_hook
