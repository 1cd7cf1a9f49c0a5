# --- JSON -------------------------------------------------------------------------------------------------------

# $1 as a JSON string in REPLY. Bytes that are not UTF-8 are written \xHH, as the daemon's other clients do.
__segue_quote() {
  local LC_ALL=C rest=$1 code take
  REPLY=''
  while [[ -n $rest ]]; do
    case $rest in
      [A-Za-z0-9/._\ -]*) # nearly all: in one go
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

# The JSON string at the beginning of $1 as REPLY, without controls; empty if there is none.
__segue_string() {
  REPLY=''
  [[ $1 == \"* ]] || return 0
  local text=${1#\"} head code low
  if [[ ${text%%\"*} != *[\\[:cntrl:]]* ]]; then # nearly always
    REPLY=${text%%\"*}
    return 0
  fi
  text=${text//[[:cntrl:]]/}
  # With escaped backslashes and quotes out of the way, the next quote is the end of the string.
  text=${text//\\\\/$'\x01'} text=${text//\\\"/$'\x02'}
  text=${text%%\"*}
  while [[ $text == *\\* ]]; do
    head=${text%%\\*} text=${text#*\\}
    case $text in
      /*) REPLY+=$head ;;
      u[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]*)
        code=$((16#${text:1:4})) text=${text:5}
        if ((code >= 0xd800 && code < 0xdc00)) && [[ $text == \\u[dD][c-fC-F][0-9A-Fa-f][0-9A-Fa-f]* ]]; then
          low=$((16#${text:2:4})) text=${text:6}
          code=$((0x10000 + ((code - 0xd800) << 10) + low - 0xdc00))
        fi
        __segue_utf8 "$code"
        REPLY+=$head$code
        ;;
      *) REPLY+="$head " text=${text:1} ;; # \n \t \r \b \f
    esac
  done
  REPLY+=$text
  REPLY=${REPLY//$'\x01'/\\} REPLY=${REPLY//$'\x02'/\"}
}

# The character $1 in UTF-8 as `code`, whatever the locale; empty for a control or half a pair.
__segue_utf8() {
  local bytes
  if (($1 < 0x20 || ($1 >= 0x7f && $1 < 0xa0) || ($1 >= 0xd800 && $1 < 0xe000))); then
    code=''
    return
  elif (($1 < 0x80)); then
    printf -v bytes '\\x%x' "$1"
  elif (($1 < 0x800)); then
    printf -v bytes '\\x%x' $((0xc0 | $1 >> 6)) $((0x80 | $1 & 63))
  elif (($1 < 0x10000)); then
    printf -v bytes '\\x%x' $((0xe0 | $1 >> 12)) $((0x80 | $1 >> 6 & 63)) $((0x80 | $1 & 63))
  else
    printf -v bytes '\\x%x' $((0xf0 | $1 >> 18)) $((0x80 | $1 >> 12 & 63)) $((0x80 | $1 >> 6 & 63)) $((0x80 | $1 & 63))
  fi
  printf -v code '%b' "$bytes"
}
