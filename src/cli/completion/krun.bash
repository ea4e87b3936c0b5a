# The rest is the same for all versions of krun; the tables are above.

# bash splits words at '=' and ':', too. Sets words to what krun would get, up to the cursor.
_krun_words()
{
	local rest=${COMP_LINE:0:COMP_POINT} word i

	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $i == 0 || $rest == [[:space:]]* ]]; then
			rest=${rest#"${rest%%[![:space:]]*}"}
			words+=('')
		fi
		[[ $i == "$COMP_CWORD" ]] && word=$rest
		words[${#words[@]} - 1]+=$word
		rest=${rest#"$word"}
	done
}

# Sets plain to the word $1 without its quotes, as far as that needs no evaluation.
_krun_unquote()
{
	plain=${1//[\"\'\\]/}
	# shellcheck disable=SC2088 # the tilde that the user has typed
	[[ $plain == '~/'* ]] && plain=$HOME/${plain#'~/'}
}

# Looks at the words before the cursor: sets command, position (of the next argument), root, and whether a value is next.
_krun_look()
{
	local ended='' i word plain

	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		word=${words[i]}
		is_value=''
		if [[ ! $ended && $word == -?* ]]; then
			if [[ $word == -- ]]; then
				ended=1
			elif [[ $word == --any-root ]]; then
				any=(--any-root)
			elif [[ $word == --root=* && ! $command ]]; then
				_krun_unquote "${word#*=}"
				root=(--root "$plain")
			elif [[ $word != *=* ]] && _krun_value "$command" "$word"; then
				is_value=1
				if [[ $word == --root && ! $command ]]; then
					_krun_unquote "${words[i + 1]}"
					root=(--root "$plain")
				fi
				((i++))
			fi
		elif [[ ! $command ]]; then
			command=$word
			ended=''
		else
			((position++))
			_krun_takes_program "$command" && ended=1
		fi
	done
	# The cursor is in the value if that is the last word, which the loop has skipped.
	[[ $is_value && $i == "${#words[@]}" ]] || is_value=''
	options_ended=$ended
}

# Adds to COMPREPLY those of the words that begin with $cur.
_krun_add()
{
	local word

	for word; do
		[[ $word == "$cur"* ]] && COMPREPLY+=("$prefix$word")
	done
}

# Adds the files, or with -d the directories, that begin with $cur.
_krun_add_files()
{
	local plain found

	_krun_unquote "$cur"
	# Not to be quoted here: bash does that, and needs to know that these are names of files.
	compopt -o filenames 2>/dev/null
	while IFS= read -r found; do
		# shellcheck disable=SC2088 # as above
		[[ $cur == '~/'* ]] && found="~/${found#"$HOME/"}"
		COMPREPLY+=("$prefix$found")
	done < <(compgen "$1" -- "$plain")
}

_krun_add_actions()
{
	local action list plain

	for action in $actions; do
		case $action in
		@ids)
			_krun_unquote "${words[0]}"
			read -ra list -d '' < <("$plain" "${root[@]}" list --quiet "${any[@]}" 2>/dev/null)
			_krun_add "${list[@]}"
			;;
		@files) _krun_add_files -f ;;
		@directories) _krun_add_files -d ;;
		@signals) read -ra list <<<"$_krun_signals" && _krun_add "${list[@]}" ;;
		@capabilities) read -ra list <<<"$_krun_capabilities" && _krun_add "${list[@]}" ;;
		@commands) read -ra list <<<"$_krun_commands" && _krun_add "${list[@]}" ;;
		*) _krun_add "$action" ;;
		esac
	done
}

_krun()
{
	local words=() cur prefix='' command='' position=0 root=() any=() is_value='' options_ended='' actions='' options list i

	COMPREPLY=()
	_krun_words
	cur=${words[${#words[@]} - 1]}
	_krun_look
	if [[ $is_value ]]; then
		_krun_value "$command" "${words[${#words[@]} - 2]}"
	elif [[ ! $options_ended && $cur == --*=* ]]; then
		_krun_value "$command" "${cur%%=*}"
		prefix=${cur%%=*}=
		cur=${cur#*=}
	elif [[ ! $options_ended && $cur == -* ]]; then
		_krun_options "$command"
		actions=$options
	elif [[ ! $command ]]; then
		actions=@commands
	else
		_krun_argument "$command" "$position"
	fi
	_krun_add_actions

	# bash puts a reply in the place of the last part of the word only.
	cur=$prefix$cur
	for ((i = ${#cur} - 1; i >= 0; i--)); do
		[[ ${cur:i:1} == [=:] && $COMP_WORDBREAKS == *"${cur:i:1}"* ]] || continue
		COMPREPLY=("${COMPREPLY[@]#"${cur:0:i + 1}"}")
		break
	done
}

complete -F _krun krun krun-plain krun-label-trigger
