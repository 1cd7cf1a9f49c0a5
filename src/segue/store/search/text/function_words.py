"""English words of grammar: articles, pronouns, prepositions, auxiliary verbs and words that ask."""

_WORDS = """
    a about all also an and any are as at be because been but by can could did do does every for from had has
    have he her here his how i if in into is it its just may me might more most must my no not of on one only
    or other our out over own same shall she should so some such than that the their them then there these
    they this those to too under until up us very was we were what when where which while who whom why will
    with would yes you your
"""

FUNCTION_WORDS = frozenset(_WORDS.split())
