# --- JSON -------------------------------------------------------------------------------------------------------

# $1 as a JSON string in REPLY. Bytes that are not UTF-8 are written \xHH, as the daemon's other clients do.
__segue_quote() {
  setopt local_options no_multibyte
  local rest=$1 code
  integer take
  REPLY=''
  while [[ -n $rest ]]; do
    case $rest in
      [A-Za-z0-9/._\ -]*) # nearly all: in one go
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

# What stands in $1 behind $2, which no string in JSON can hold: its quotes are not escaped. (`#*` would be slow.)
__segue_after() {
  local head=${1%%"$2"*}
  REPLY=${1:$(( $#head + $#2 ))}
}

# The JSON string at the beginning of $1 as REPLY, without controls; empty if there is none.
__segue_string() {
  REPLY=''
  [[ $1 == \"* ]] || return 0
  local text=${1#\"} head
  if [[ ${text%%\"*} != *[\\$'\x01'-$'\x1f'$'\x7f']* ]]; then # nearly always
    REPLY=${text%%\"*}
    return 0
  fi
  integer code low
  text=${text//[$'\x01'-$'\x1f'$'\x7f']/}
  # With escaped backslashes and quotes out of the way, the next quote is the end of the string.
  text=${${text//\\\\/$'\x01'}//\\\"/$'\x02'}
  text=${text%%\"*}
  while [[ $text == *\\* ]]; do
    head=${text%%\\*} text=${text#*\\}
    case $text in
      /*) REPLY+=$head ;;
      u[[:xdigit:]][[:xdigit:]][[:xdigit:]][[:xdigit:]]*)
        code=16#$text[2,5] text=$text[6,-1]
        if (( code >= 16#d800 && code < 16#dc00 )) && [[ $text == \\ud[c-fC-F][[:xdigit:]][[:xdigit:]]* ]]; then
          low=16#$text[3,6] text=$text[7,-1]
          code=$(( 16#10000 + ((code - 16#d800) << 10) + low - 16#dc00 ))
        fi
        REPLY+=$head
        __segue_utf8 $code ;;
      *) REPLY+="$head " text=$text[2,-1] ;; # \n \t \r \b \f
    esac
  done
  REPLY+=$text
  REPLY=${${REPLY//$'\x01'/\\}//$'\x02'/\"}
}

# Put the character $1 in UTF-8 behind REPLY, whatever the locale; nothing for a control or half a pair.
__segue_utf8() {
  local -a bytes
  local text
  if (( $1 < 16#20 || ($1 >= 16#7f && $1 < 16#a0) || ($1 >= 16#d800 && $1 < 16#e000) )); then
    return
  elif (( $1 < 16#80 )); then
    bytes=($1)
  elif (( $1 < 16#800 )); then
    bytes=($(( 16#c0 | $1 >> 6 )) $(( 16#80 | $1 & 63 )))
  elif (( $1 < 16#10000 )); then
    bytes=($(( 16#e0 | $1 >> 12 )) $(( 16#80 | $1 >> 6 & 63 )) $(( 16#80 | $1 & 63 )))
  else
    bytes=($(( 16#f0 | $1 >> 18 )) $(( 16#80 | $1 >> 12 & 63 )) $(( 16#80 | $1 >> 6 & 63 )) $(( 16#80 | $1 & 63 )))
  fi
  printf -v text '\\x%02x' $bytes
  printf -v text $text
  REPLY+=$text
}
