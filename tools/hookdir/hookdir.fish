# SPDX-License-Identifier: MIT
# hookdir.fish - completion of the hookdir command, for fish
#
# Installed as hookdir.fish in share/fish/vendor_completions.d. The subcommands
# and their options are those that --help names.

function __hookdir_command
    set -l words (commandline -opc)
    test (count $words) -ge 2; and echo $words[2]
end

function __hookdir_commands
    hookdir --help 2>/dev/null |
        sed -n 's/^  \([a-z]*\)  *\([A-Z].*\)/\1\t\2/p'
end

function __hookdir_options
    hookdir (__hookdir_command) --help 2>/dev/null |
        sed -n 's/^  \(--[a-z-]*\)\( [A-Z][^ ]*\)\{0,1\} *\(.*\)/\1\t\3/p'
    echo --help
end

# The messages of the spool that is an argument, in the states of the command
function __hookdir_names
    set -l states
    switch (__hookdir_command)
        case show
            set states new cur hold failed quarantine
        case requeue
            set states failed
        case hold
            set states new
        case release
            set states hold
        case reverify
            set states quarantine
    end
    for word in (commandline -opc)[3..-1]
        test -d "$word"; or continue
        for state in $states
            for file in $word/$state/*
                string replace -r '(,(tries|later|next)=.*)?(\.json)?$' '' \
                    (basename $file)
            end
        end
    end
end

function __hookdir_after
    contains -- $argv[1] (commandline -opc)[-1]
end

complete -c hookdir -n 'test (count (commandline -opc)) -eq 1' -f \
    -a '(__hookdir_commands)'
complete -c hookdir -n 'string match -q -- "-*" (commandline -ct); and not contains -- -- (commandline -opc)' \
    -f -a '(__hookdir_options)'
complete -c hookdir -n '__hookdir_after --sender' -f \
    -a 'shipmondo tradecloud nshift standard-webhooks github shopify stripe generic'
complete -c hookdir -n '__hookdir_after --state' -f \
    -a 'new cur hold failed quarantine'
complete -c hookdir -n 'test (count (commandline -opc)) -gt 2' \
    -a '(__hookdir_names)'
