# --- JSON -------------------------------------------------------------------------------------------------------

# Set REPLY to $1 as a JSON string. Bytes that are not UTF-8 are written \xHH, as all clients of the daemon do.
__segue_quote() {
  setopt local_options no_multibyte
  local rest=$1 code
  integer take
  REPLY=''
  while [[ -n $rest ]]; do
    case $rest in
      [A-Za-z0-9/._\ -]*) # The common case, in one step.
        code=${rest%%[^A-Za-z0-9/._\ -]*}
        REPLY+=$code rest=${rest#$code}
        continue ;;
      [\"\\]*) REPLY+='\'$rest[1]; take=1 ;;
      [$'\x01'-$'\x1f'$'\x7f']*) printf -v code '\\u%04x' "'$rest[1]"; REPLY+=$code; take=1 ;;
      [$'\x20'-$'\x7e']*) take=-1 ;;
      [$'\xc2'-$'\xdf'][$'\x80'-$'\xbf']*) take=-2 ;;
      $'\xe0'[$'\xa0'-$'\xbf'][$'\x80'-$'\xbf']*) take=-3 ;;
      $'\xed'[$'\x80'-$'\x9f'][$'\x80'-$'\xbf']*) take=-3 ;;
      [$'\xe1'-$'\xec'$'\xee'$'\xef'][$'\x80'-$'\xbf'][$'\x80'-$'\xbf']*) take=-3 ;;
      $'\xf0'[$'\x90'-$'\xbf'][$'\x80'-$'\xbf'][$'\x80'-$'\xbf']*) take=-4 ;;
      [$'\xf1'-$'\xf3'][$'\x80'-$'\xbf'][$'\x80'-$'\xbf'][$'\x80'-$'\xbf']*) take=-4 ;;
      $'\xf4'[$'\x80'-$'\x8f'][$'\x80'-$'\xbf'][$'\x80'-$'\xbf']*) take=-4 ;;
      *) printf -v code '\\\\x%02x' $(( ##$rest[1] & 255 )); REPLY+=$code; take=1 ;;
    esac
    (( take < 0 )) && { (( take = -take )); REPLY+=$rest[1,take]; }
    rest=$rest[take+1,-1]
  done
  REPLY="\"$REPLY\""
}

# Set REPLY to the part of $1 after $2, which no JSON string contains because of its quotes. (`#*` would be slow.)
__segue_after() {
  local head=${1%%"$2"*}
  REPLY=${1:$(( $#head + $#2 ))}
}

# Set REPLY to the JSON string at the beginning of $1, or to nothing. The daemon escapes quotes, backslashes and controls
# only; a string with a control is not taken.
__segue_string() {
  REPLY=''
  [[ $1 == \"* ]] || return 0
  local text=${1#\"}
  if [[ ${text%%\"*} == *\\* ]]; then
    text=${${text//\\\\/$'\x01'}//\\\"/$'\x02'} # The next quote is then the end of the string.
    [[ ${text%%\"*} == *\\* ]] && return 0
    text=${text%%\"*}
    REPLY=${${text//$'\x01'/\\}//$'\x02'/\"}
  else
    REPLY=${text%%\"*}
  fi
}
