# --- JSON -------------------------------------------------------------------------------------------------------

# Set REPLY to $1 as a JSON string. Bytes that are not UTF-8 are written \xHH, as all clients of the daemon do.
__segue_quote() {
  local LC_ALL=C rest=$1 code take
  REPLY=''
  while [[ -n $rest ]]; do
    case $rest in
      [A-Za-z0-9/._\ -]*) # The common case, in one step.
        code=${rest%%[^A-Za-z0-9/._\ -]*}
        REPLY+=$code rest=${rest:${#code}}
        continue
        ;;
      [\"\\]*) REPLY+="\\" take=1 ;;
      [$'\x01'-$'\x1f'$'\x7f']*) take='\\u%04x' ;;
      [$'\x20'-$'\x7e']*) take=1 ;;
      [$'\xc2'-$'\xdf'][$'\x80'-$'\xbf']*) take=2 ;;
      $'\xe0'[$'\xa0'-$'\xbf'][$'\x80'-$'\xbf']*) take=3 ;;
      $'\xed'[$'\x80'-$'\x9f'][$'\x80'-$'\xbf']*) take=3 ;;
      [$'\xe1'-$'\xec'$'\xee'$'\xef'][$'\x80'-$'\xbf'][$'\x80'-$'\xbf']*) take=3 ;;
      $'\xf0'[$'\x90'-$'\xbf'][$'\x80'-$'\xbf'][$'\x80'-$'\xbf']*) take=4 ;;
      [$'\xf1'-$'\xf3'][$'\x80'-$'\xbf'][$'\x80'-$'\xbf'][$'\x80'-$'\xbf']*) take=4 ;;
      $'\xf4'[$'\x80'-$'\x8f'][$'\x80'-$'\xbf'][$'\x80'-$'\xbf']*) take=4 ;;
      *) take='\\\\x%02x' ;;
    esac
    if [[ $take == \\* ]]; then
      printf -v code '%d' "'${rest:0:1}"
      # shellcheck disable=SC2059 # the format is one of the two above
      printf -v code "$take" $((code & 255))
      REPLY+=$code take=1
    else
      REPLY+=${rest:0:take}
    fi
    rest=${rest:take}
  done
  REPLY="\"$REPLY\""
}

# Set REPLY to the JSON string at the beginning of $1, or to nothing. The daemon escapes quotes, backslashes and controls
# only; a string with a control is not taken.
__segue_string() {
  REPLY=''
  [[ $1 == \"* ]] || return 0
  local text=${1#\"}
  if [[ ${text%%\"*} == *\\* ]]; then
    text=${text//\\\\/$'\x01'} text=${text//\\\"/$'\x02'} # The next quote is then the end of the string.
    text=${text%%\"*}
    [[ $text == *\\* ]] && return 0
    text=${text//$'\x01'/\\} REPLY=${text//$'\x02'/\"}
  else
    REPLY=${text%%\"*}
  fi
}
