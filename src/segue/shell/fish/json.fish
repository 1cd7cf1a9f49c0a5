# --- JSON -------------------------------------------------------------------------------------------------------

# Print the text as a JSON string. Bytes that are not UTF-8 are written \xHH, as the daemon's other clients do.
function __segue_quote --argument-names text
    # Percent encoding shows the bytes; what is UTF-8 is passed over.
    set -l byte '%[89AB][0-9A-F]'
    set -l two '%(?:C[2-9A-F]|D[0-9A-F])'$byte
    set -l three "(?:%E0%[AB][0-9A-F]|%ED%[89][0-9A-F]|%E[1-9A-CEF]$byte)$byte"
    set -l four "(?:%F0%[9AB][0-9A-F]|%F4%8[0-9A-F]|%F[1-3]$byte)$byte$byte"
    set -l encoded (string escape --style=url -- $text)
    set encoded (string replace -a %5C %5C%5C -- $encoded | string replace -a %22 %5C%22)
    set encoded (string replace -ra '%([01][0-9A-F]|7F)' '%5Cu00$1' -- $encoded)
    set -l broken "(?:$two|$three|$four)(*SKIP)(*FAIL)|%([89A-F][0-9A-F])"
    while set -l found (string match -r $broken -- $encoded)
        set encoded (string replace -r $broken %5C%5Cx(string lower -- $found[2]) -- $encoded)
    end
    printf '"%s"' (string unescape --style=url -- $encoded)
end

# The string member of a JSON object as __segue_value, without controls; empty if it has none.
# No string in JSON can hold such a name with its quotes: they would be escaped.
function __segue_member --argument-names name object
    set -g __segue_value ''
    set -l found (string match -r '"'$name'": ?"((?:[^"\\\\]|\\\\.)*)"' -- $object); or return 0
    set -l text (string replace -ra '[\x00-\x1f\x7f-\x9f]' '' -- $found[2])
    if string match -qr '\\\\' -- $text
        # \x01 stands for an escaped backslash until the others are gone.
        set text (string replace -ra '\\\\\\\\' \x01 -- $text | string replace -ra '\\\\(["/])' '$1')
        set text (string replace -ra '\\\\[nrtbf]|\\\\u00[01].|\\\\u00[89].|\\\\u007[fF]' ' ' -- $text)
        while set -l code (string match -r '\\\\u([dD][89abAB]..)\\\\u([dD][c-fC-F]..)|\\\\u(?![dD][89a-fA-F])(....)' -- $text)
            set -l point "0x$code[-1]"
            set -q code[4]; or test (count $code) -eq 3; and set point (math "65536 + (0x$code[2] - 0xd800) * 1024 + 0x$code[3] - 0xdc00")
            set text (string replace -- $code[1] (printf (printf '\\\\U%08x' $point)) $text)
        end
        set text (string replace -ra '\\\\u....' '' -- $text | string replace -a \x01 '\\')
    end
    set -g __segue_value "$text"
end
