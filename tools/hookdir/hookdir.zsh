#compdef hookdir
# SPDX-License-Identifier: MIT
# hookdir.zsh - completion of the hookdir command, for zsh
#
# Installed as _hookdir in share/zsh/vendor-completions or site-functions. The
# subcommands and their options are those that --help names.

_hookdir()
{
	local line command=${words[2]} state
	local -a entries

	if ((CURRENT == 2)); then
		entries=(${(f)"$(_call_program commands ${words[1]} --help |
		    sed -n 's/^  \([a-z]*\)  *\([A-Z].*\)/\1:\2/p')"})
		_describe -t commands 'hookdir command' entries
		return
	fi
	if [[ ${words[2,CURRENT-1]} == *' -- '* || ${words[CURRENT-1]} == -- ]]
	then # the command of "run"
		shift ${words[(i)--]} words
		((CURRENT = ${#words}))
		_normal
		return
	fi
	if [[ $PREFIX == -* ]]; then
		entries=(${(f)"$(_call_program options ${words[1]} $command \
		    --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p')"})
		compadd -- $entries --help
		return
	fi
	case ${words[CURRENT-1]} in
	--sender)
		compadd -- shipmondo tradecloud nshift standard-webhooks \
		    github shopify stripe generic
		return
		;;
	--state)
		compadd -- new cur hold failed quarantine
		return
		;;
	esac
	case $command in
	show) state='new cur hold failed quarantine' ;;
	requeue) state=failed ;;
	hold) state=new ;;
	release) state=hold ;;
	reverify) state=quarantine ;;
	esac
	for line in ${words[3,CURRENT-1]}; do
		line=${(Q)line/#\~\//$HOME/}
		[[ -d $line && -n $state ]] || continue
		entries=($line/${^=state}/*(N.:t))
		entries=(${entries%.json})
		compadd -- ${entries%%,(tries|later|next)=*}
		return
	done
	_files
}

_hookdir "$@"
