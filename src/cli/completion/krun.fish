# From here to the list of completions all is the same for all versions of krun.

# Looks at the words before the cursor: prints the command, how many arguments it has so far, and the state root.
function __krun_look
	set -l words (commandline -opc)
	set -l command ''
	set -l count 0
	set -l root
	set -l ended
	set -e words[1]
	while set -q words[1]
		set -l word $words[1]
		set -e words[1]
		if test -z "$ended"; and string match -q -- '-?*' $word
			if test $word = --
				set ended 1
			else if string match -q -- '--root=*' $word; and test -z "$command"
				set root (string replace -- --root= '' $word)
			else if contains -- "$command $word" $__krun_valued
				if test $word = --root; and test -z "$command"
					set root $words[1]
				end
				set -e words[1]
			end
		else if test -z "$command"
			set command $word
			set ended
		else
			set count (math $count + 1)
			contains -- $command $__krun_takers; and set ended 1
		end
	end
	printf '%s\n' $command $count $root
end

# True if the cursor is behind the command $argv[1] and, with $argv[2], at its argument of this number, from 0.
function __krun_at
	set -l look (__krun_look)
	test "$look[1]" = "$argv[1]"; or return
	not set -q argv[2]; or test "$look[2]" = "$argv[2]"
end

function __krun_ids
	set -l words (commandline -opc)
	set -l look (__krun_look)
	set -l root
	set -l any
	contains -- --any-root $words; and set any --any-root
	set -q look[3]; and set root --root (string replace -r '^~/' "$HOME/" -- $look[3])
	eval (string escape -- (string replace -r '^~/' "$HOME/" -- $words[1])) (string escape -- $root list --quiet $any) 2>/dev/null
end

function __krun_directories
	__fish_complete_directories (commandline -ct | string replace -r -- '^--[a-z-]+=' '')
end

complete -c krun -f
complete -c krun-plain -w krun
complete -c krun-label-trigger -w krun
