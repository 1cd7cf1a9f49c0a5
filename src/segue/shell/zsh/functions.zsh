# --- short functions --------------------------------------------------------------------------------------------

__segue_run() {
  __segue_stale=1
  command "${__segue_command[@]}" "$@"
}

# Replace the command line by the command for a message that a person picks with fzf.
__segue_search() {
  emulate -L zsh
  local found
  found=$(command "${__segue_command[@]}" pick -- "$BUFFER" </dev/tty) && BUFFER=$found CURSOR=$#found
  zle reset-prompt
}

# --- set up -----------------------------------------------------------------------------------------------------

# Define the short functions: SEGUE_PREFIX before list, resume, rename, new and ask; none if it is empty.
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
  for verb in list resume rename new ask; do
    functions[$prefix$verb]="__segue_run $verb \"\$@\""
    __segue_short+=($prefix$verb)
  done
  alias -- ${prefix}ask="noglob ${prefix}ask" # so that a question needs no quotes for ? and *
  __segue_names="(segue|${(j:|:)__segue_short})"
}

() {
  emulate -L zsh
  __segue_define_short
  autoload -Uz add-zsh-hook
  add-zsh-hook precmd segue_prompt
  add-zsh-hook preexec __segue_preexec
  if [[ -n ${SEGUE_SEARCH_KEY-} && -o interactive ]]; then
    zle -N __segue_search
    bindkey "$SEGUE_SEARCH_KEY" __segue_search
  fi
}
