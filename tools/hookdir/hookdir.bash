# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# hookdir.bash - completion of the hookdir command, for bash
#
# Works with the package bash-completion, which finds it by its name in
# share/bash-completion/completions/, and without: "source" it in ~/.bashrc.
# The subcommands and their options are those that --help names, so there is
# no second list to keep. Nothing that was typed is ever evaluated.

_hookdir()
{
	local program=$1 command=${COMP_WORDS[1]} cur tail spool='' given=0
	local word kind kind_wanted='' i
	local -a words=() index=()
	local -A takes=()

	COMPREPLY=()
	_hookdir_words
	cur=${words[-1]}

	if ((COMP_CWORD == 1)); then
		_hookdir_choose --help --version "$("$program" --help \
			2>/dev/null | sed -n 's/^  \([a-z]*\)  *[A-Z].*/\1/p')"
		return
	fi

	# "--name KIND", or "--name" alone, begins a line of its help.
	takes[--help]=
	while read -r word kind; do
		# "--name[=KIND]": no other word is its value.
		[[ $kind != \[* ]] || kind=
		takes[$word]=$kind
	done < <("$program" "$command" --help 2>/dev/null | sed -n \
	    's/^  \(--[a-z-]*\) \{0,1\}\([^ ]*\).*/\1 \2/p')

	# What stands before: options with their values, the spool, and "--".
	for ((i = 2; i < ${#words[@]} - 1; i++)); do
		word=${words[i]}
		if [[ $word == -- ]]; then
			_hookdir_command "${index[i + 1]}"
			return
		elif [[ -n $kind_wanted ]]; then
			kind_wanted=
		elif [[ $word == -* ]]; then
			kind_wanted=${takes[$word]-}
		elif ((given++ == 0)); then
			spool=$word
		fi
	done
	if [[ -z $kind_wanted && $cur == --*=* ]]; then
		kind_wanted=${takes[${cur%%=*}]-none}
		cur=${cur#*=}
	fi

	if [[ -n $kind_wanted ]]; then
		_hookdir_value "$kind_wanted"
	elif [[ $cur == -* ]]; then
		_hookdir_choose "${!takes[@]}"
	elif [[ $command == senders ]]; then
		((given > 0)) || _hookdir_senders
	elif ((given == 0)) && [[ $command == send || $command == check ]]; then
		: # a URL
	elif ((given == 0)) && [[ $command == reconcile ||
	    $command == webhooks ]]; then
		_hookdir_choose shipmondo
	elif [[ $command == list || $command == stats ||
		$command == doctor ]]; then
		_hookdir_spools
	elif [[ $command == find || $command == history ]]; then
		# Any number of spools, behind the text that find looks for.
		[[ $command == find && $given == 0 ]] || _hookdir_spools
	elif [[ $command == @(add|remove|rotate|endpoints|check) ]]; then
		((given > 0)) || _hookdir_endpoint
	elif ((given == 0)); then
		_hookdir_spools
	else
		case $command in
		show) _hookdir_names new cur hold failed quarantine ;;
		requeue) _hookdir_names failed ;;
		hold) _hookdir_names new ;;
		release) _hookdir_names hold ;;
		reverify) _hookdir_names quarantine ;;
		fetch | send) _hookdir_value FILE ;;
		reconcile) ((given > 1)) || _hookdir_spools ;;
		webhooks) ((given > 1)) || _hookdir_choose list create ;;
		run) _hookdir_choose -- ;;
		esac
	fi

	# bash has the word begin behind the last "=" or ":" of it.
	COMPREPLY=("${COMPREPLY[@]#"${cur%"$tail"}"}")
}

# COMP_WORDS as they were typed, up to the cursor, in words; where each began
# in index; and in tail what bash takes for the word at the cursor. It cuts
# words at "=" and ":", and gives those as words of their own.
_hookdir_words()
{
	local glue='' i

	for ((i = 0; i <= COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == [:=]* ]] && ((i > 0)); then
			words[-1]+=${COMP_WORDS[i]}
			glue=1
		elif [[ -n $glue ]]; then
			words[-1]+=${COMP_WORDS[i]}
			glue=
		else
			index[${#words[@]}]=$i
			words+=("${COMP_WORDS[i]}")
		fi
	done
	tail=${COMP_WORDS[COMP_CWORD]}
	[[ $tail == [:=]* ]] && tail=
}

# A word without the quotes and backslashes that were typed for the shell.
_hookdir_plain()
{
	printf '%s' "${1//[\\\"\']/}"
}

# The senders that HOOKDIR_SENDER knows
_hookdir_senders()
{
	_hookdir_choose "$("${program%-net}" senders 2>/dev/null |
		sed 's/ .*//')"
}

# Those of the words that begin as it was typed.
_hookdir_choose()
{
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}

# The value of an option; its kind is the word that stands for it in --help.
_hookdir_value()
{
	local word before=

	case $1 in
	STATE,...)
		[[ $cur == *,* ]] && before=${cur%,*},
		for word in new cur hold failed quarantine; do
			word=$before$word
			[[ $word == "$cur"* ]] && COMPREPLY+=("$word")
		done
		;;
	EVENT,...)
		[[ $cur == *,* ]] && before=${cur%,*},
		for word in accepted duplicate handshake refused fetched retry failed \
		    "done" requeued held released superseded expired \
		    reconciled; do
			word=$before$word
			[[ $word == "$cur"* ]] && COMPREPLY+=("$word")
		done
		;;
	NAME)
		_hookdir_senders
		;;
	SERVER) _hookdir_choose nginx apache ;;
	USER) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
	DIR) # -o filenames: bash quotes what it inserts
		mapfile -t COMPREPLY < <(compgen -d -- "$(_hookdir_plain "$cur")")
		compopt -o filenames 2>/dev/null
		;;
	FILE)
		mapfile -t COMPREPLY < <(compgen -f -- "$(_hookdir_plain "$cur")")
		compopt -o filenames 2>/dev/null
		;;
	esac
}

# A spool: a path, or a name in the directory of spools.
_hookdir_spools()
{
	local path name

	_hookdir_value DIR
	[[ $cur == */* ]] && return
	for path in "${HOOKDIR_SPOOLS:-/var/spool/hookdir}"/*/new; do
		name=${path%/new}
		name=${name##*/}
		[[ -d $path && $name == "$(_hookdir_plain "$cur")"* ]] &&
			COMPREPLY+=("$name")
	done
}

# What these begin with: add with a sender, the others with an endpoint.
_hookdir_endpoint()
{
	local -a root=()
	local i

	for ((i = 2; i < ${#words[@]} - 1; i++)); do
		[[ ${words[i - 1]} == --root ]] &&
			root=(--root "$(_hookdir_plain "${words[i]}")")
	done
	case $command in
	add) _hookdir_value NAME ;;
	remove | rotate)
		_hookdir_choose "$("$program" endpoints --names "${root[@]}" \
			2>/dev/null)"
		;;
	esac
}

# The messages of the spool that stand in these states, as short as hookdir
# takes their names: without tries, next try and ".json".
_hookdir_names()
{
	local state file name place

	place=$(_hookdir_plain "$spool")
	[[ $place == \~/* ]] && place=$HOME${place:1}
	[[ $place == */* || $place == . || $place == .. ]] ||
		place=${HOOKDIR_SPOOLS:-/var/spool/hookdir}/$place
	for state; do
		for file in "$place/$state/$(_hookdir_plain "$cur")"*; do
			[[ -f $file ]] || continue
			name=${file##*/}
			name=${name%.json}
			name=${name%%,tries=*}
			name=${name%%,later=*}
			printf -v name %q "${name%%,next=*}"
			COMPREPLY+=("$name")
		done
	done
}

# The command of "run", which begins at that of COMP_WORDS.
_hookdir_command()
{
	if declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	elif ((COMP_CWORD == $1)); then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	else
		_hookdir_value FILE
	fi
}

complete -F _hookdir hookdir
