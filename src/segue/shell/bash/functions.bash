# --- short functions --------------------------------------------------------------------------------------------

__segue_run() {
  __segue_stale=1
  command "${__segue_command[@]}" "$@"
}

# Without a kept connection not every prompt asks the daemon, so the prompt after a `segue` must.
((__segue_keeps)) || segue() { __segue_run "$@"; }

# Replace the command line by the command for a message that a person picks with fzf.
__segue_search() {
  local found
  found=$(command "${__segue_command[@]}" pick -- "$READLINE_LINE" </dev/tty) || return 0
  READLINE_LINE=$found READLINE_POINT=${#found}
}

# --- set up -----------------------------------------------------------------------------------------------------

# Define the short functions: SEGUE_PREFIX before list, resume, rename, new and ask; none if it is empty.
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
  for verb in list resume rename new ask; do
    eval "function $__segue_prefix$verb { __segue_run $verb \"\$@\"; }"
    __segue_short+=("$__segue_prefix$verb")
  done
}

# Put segue_prompt first, so that a later command of the user that makes the prompt finds SEGUE_PROMPT set. The name is
# in a variable, because an exported PROMPT_COMMAND also reaches shells without segue.
__segue_hook=segue_prompt
__segue_install_hook() {
  # shellcheck disable=SC2016
  local hook='"${__segue_hook-:}" && :' # ":", because the status of the last command must end no shell and run no trap
  [[ ${PROMPT_COMMAND[*]-} == *"$hook"* ]] && return 0
  # Each element finds $? and PIPESTATUS as the last command left them, which bash before 5.1 cannot do. The end accepts
  # any command that a user appends, with a semicolon before it or without; two `!` leave its status as it is.
  if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
    PROMPT_COMMAND=("$hook; ! ! " ${PROMPT_COMMAND[@]+"${PROMPT_COMMAND[@]}"})
  else
    PROMPT_COMMAND="$hook; __segue_none= "${PROMPT_COMMAND:+$'\n'$PROMPT_COMMAND}
  fi
}

__segue_define_short
__segue_install_hook
if [[ -n ${SEGUE_SEARCH_KEY-} && $- == *i* ]]; then bind -x "\"$SEGUE_SEARCH_KEY\": __segue_search" 2>/dev/null; fi
