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

# Set __segue_value to a string member of a JSON object, or to nothing. The daemon escapes quotes, backslashes and
# controls only; a string with a control is not taken. No string contains the name, because of its quotes.
function __segue_member --argument-names name object
    set -g __segue_value ''
    set -l found (string match -r '"'$name'": ?"((?:[^"\\\\]|\\\\["\\\\])*)"' -- $object); or return 0
    set -g __segue_value (string replace -ra '\\\\(["\\\\])' '$1' -- $found[2])
end
