# The rest is the same for all versions of krun; the tables are above.

_krun_commands() {
	_describe -t commands 'command of krun' _krun_command_list
}

_krun_ids() {
	local -a ids any

	# Those of all state roots, where the line asks for a container in any of them.
	(( ${words[(I)--any-root]} )) && any=(--any-root)
	ids=(${(f)"$(_call_program ids ${(q)krun_program} ${(q)krun_root} list --quiet $any 2>/dev/null)"})
	_wanted ids expl 'container' compadd -a ids
}

_krun_signals() {
	_wanted signals expl 'signal' compadd -a _krun_signal_list
}

_krun_capabilities() {
	_wanted capabilities expl 'capability' compadd -a _krun_capability_list
}

_krun() {
	local curcontext=$curcontext context state state_descr expl ret=1
	local krun_program=${(Q)words[1]/#\~\//$HOME/}
	local -a line flags specs krun_root
	local -A opt_args

	_krun_specs ''
	# The options of krun end at the command.
	_arguments -s -S -C -A '-*' : "${specs[@]}" '1: :_krun_commands' '*:: :->command' && ret=0
	[[ $state == command ]] || return ret

	if (( ${+opt_args[--root]} )); then
		krun_root=(--root ${${(Q)${opt_args[--root]}}/#\~\//$HOME/})
	fi
	curcontext="${curcontext%:*:*}:krun-$words[1]:"
	_krun_specs "$words[1]"
	(( $#specs )) || return ret
	_arguments -s -S "${flags[@]}" : "${specs[@]}" && ret=0
	return ret
}

# Loaded by compinit this file is the function's body; sourced it only names it.
if [[ $funcstack[1] == _krun ]]; then
	_krun "$@"
else
	compdef _krun krun krun-plain krun-label-trigger
fi
