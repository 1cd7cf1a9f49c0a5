"""The style sheet of the browser."""

CSS = """
Screen { layout: vertical; background: $background; color: $foreground; overflow: hidden; }
#head { height: 1; background: $surface; }
#brand { width: 9; padding: 0 1; color: $accent; text-style: bold; background: $surface; }
#query, #ask { height: 1; border: none; padding: 0; background: $surface; color: $foreground; }
#query:focus, #ask:focus { border: none; }
#query { width: 1fr; }
#ask { padding: 0 3; }
Input > .input--placeholder { color: $dim; }
#count { width: auto; padding: 0 1; color: $dim; background: $surface; }
#chips { height: 1; display: none; padding: 0 1; }
#body { height: 1fr; }
#list { width: 38; }
#middle { width: 1fr; border-left: solid $line; }
#title { height: 1; padding: 0 2; }
#conversation { height: 1fr; }
#details { width: 34; border-left: solid $line; height: 100%; padding: 0 1; display: none; overflow-y: auto; }
#foot { height: 1; padding: 0 1; background: $surface; }
#small { display: none; height: 1fr; content-align: center middle; }
.-chips #chips { display: block; }
.-three #details { display: block; }
.-three.-no-details #details { display: none; }
.-searching #details { display: none; }
.-searching #list { width: 45%; }
.-two #list { width: 34; }
.-two.-searching #list { width: 50%; }
.-one #list { width: 1fr; }
.-one #middle { display: none; border-left: none; }
.-one.-reading #middle { display: block; }
.-one.-reading #list { display: none; }
.-details #details { display: block; }
.-one.-details #details, .-two.-details #details { dock: right; layer: over; background: $background; }
.-one.-details #details { width: 100%; }
Screen { layers: below over; }
.-small #small { display: block; }
.-small #head, .-small #body, .-small #foot, .-small #chips { display: none; }
ChoiceScreen, PromptScreen, ConfirmScreen { align: center middle; background: $background 0%; }
.box { width: 84%; max-width: 100; height: auto; max-height: 100%; background: $surface; border: solid $accent; }
.box { padding: 0 1; }
.box.small { max-width: 76; }
.box .title { text-style: bold; margin-bottom: 1; }
.box Input { border: none; height: 1; padding: 0; background: $surface; margin-bottom: 1; }
PageScreen > .title { height: 1; padding: 0 1; text-style: bold; background: $surface; }
PageScreen > .foot { height: 1; padding: 0 1; color: $dim; background: $surface; }
TextPage, StatsPage { height: 1fr; }
Toast { width: auto; max-width: 70; padding: 0 1; margin-top: 0; }
.-one .box, .-two .box { width: 100%; }
.box .chosen { color: $dim; margin-top: 1; }
.-ascii #middle, .-ascii #details { border-left: ascii $line; }
.-ascii .box { border: ascii $accent; }
"""
