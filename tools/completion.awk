# Makes the completion of all tools for one shell (-v shell=bash, zsh or fish) from their options:
# lines "TOOL<tab>SHORT<tab>LONG<tab>ARGUMENT<tab>HELP" as --dump-options prints them.

# What completes a value: files, folders, studies, the words of a list, or nothing.
function kind_of(long, argument) {
    if (argument ~ /FILE|PATH/)
        return "files"
    if (argument ~ /DIR/)
        return "folders"
    if (long == "study")
        return "studies"
    if (long == "color")
        return "auto always never"
    if (long == "progress")
        return "auto bar plain none"
    if (long == "sampler")
        return "auto cmaes de forest gp grid nsga2 nsga3 random sobol tpe"
    if (long == "format")
        return "table tsv csv jsonl json md env script tar ro-crate"
    return ""
}

# For text in single quotes.
function quoted(text) {
    gsub(/'/, "'\\''", text)
    return text
}

# For the help in a zsh option specification.
function zsh_text(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/\[/, "\\[", text)
    gsub(/\]/, "\\]", text)
    gsub(/:/, "\\:", text)
    return quoted(text)
}

BEGIN {
    FS = "\t"
}

!($1 in count) {
    tools[++tool_count] = $1
}

{
    i = ++count[$1]
    short[$1, i] = $2 == "-" ? "" : "-" $2
    long[$1, i] = "--" $3
    argument[$1, i] = $4 == "-" ? "" : $4
    help[$1, i] = $5
    kind[$1, i] = $4 == "-" ? "" : kind_of($3, $4)
}

function names(separator,    t, text) {
    for (t = 1; t <= tool_count; t++)
        if (tools[t] ~ /^hpt-/)
            text = text (text == "" ? "" : separator) substr(tools[t], 5)
    return text
}

function bash(    t, i, tool, line) {
    print "# Completion of hpt's tools for bash; made from their option tables."
    print "_hpt_options()\n{\n    case $1 in"
    for (t = 1; t <= tool_count; t++) {
        tool = tools[t]
        line = ""
        for (i = 1; i <= count[tool]; i++)
            line = line " " short[tool, i] " " long[tool, i] (argument[tool, i] == "" ? "" : "=")
        gsub(/  +/, " ", line)
        print "    " tool ") echo '" quoted(substr(line, 2)) "' ;;"
    }
    print "    esac\n}"
    print "\n# What completes the value of option $2 of tool $1; status 1 if it takes none."
    print "_hpt_value()\n{\n    case $1:$2 in"
    for (t = 1; t <= tool_count; t++) {
        tool = tools[t]
        for (i = 1; i <= count[tool]; i++)
            if (argument[tool, i] != "") {
                line = tool ":" long[tool, i]
                if (short[tool, i] != "")
                    line = tool ":" short[tool, i] " | " line
                print "    " line ") echo '" kind[tool, i] "' ;;"
            }
    }
    print "    *) return 1 ;;\n    esac\n}"
    print "\n_hpt()"
    print "{"
    print "    local tool=${COMP_WORDS[0]##*/} cur=${COMP_WORDS[COMP_CWORD]} first=1 option kind i"
    print "    if [[ $tool == hpt && $COMP_CWORD -eq 1 && $cur != -* ]]; then"
    print "        COMPREPLY=($(compgen -W '" names(" ") " help config completion' -- \"$cur\"))"
    print "        return"
    print "    fi"
    print "    if [[ $tool == hpt && $COMP_CWORD -gt 1 ]]; then"
    print "        case ${COMP_WORDS[1]} in"
    print "        help) COMPREPLY=($(compgen -W '" names(" ") "' -- \"$cur\")) && return ;;"
    print "        completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\")) && return ;;"
    print "        -*) ;;"
    print "        *) tool=hpt-${COMP_WORDS[1]} first=2 ;;"
    print "        esac"
    print "    fi"
    print "    # Options end at the first word that is neither one nor the value of one."
    print "    option="
    print "    for ((i = first; i < COMP_CWORD; i++)); do"
    print "        case ${COMP_WORDS[i]} in"
    print "        =) ;;"
    print "        --) return ;;"
    print "        -*) option= && _hpt_value \"$tool\" \"${COMP_WORDS[i]}\" >/dev/null && option=${COMP_WORDS[i]} ;;"
    print "        *)"
    print "            [[ -n $option ]] || return"
    print "            option="
    print "            ;;"
    print "        esac"
    print "    done"
    print "    [[ $cur != = ]] || cur="
    print "    if [[ -n $option ]]; then"
    print "        kind=$(_hpt_value \"$tool\" \"$option\")"
    print "        case $kind in"
    print "        files) COMPREPLY=($(compgen -f -- \"$cur\")) ;;"
    print "        folders) COMPREPLY=($(compgen -d -- \"$cur\")) ;;"
    print "        studies) COMPREPLY=($(compgen -W \"$(hpt-query -H -f tsv 'select study from study' 2>/dev/null)\" -- \"$cur\")) ;;"
    print "        *) COMPREPLY=($(compgen -W \"$kind\" -- \"$cur\")) ;;"
    print "        esac"
    print "        return"
    print "    fi"
    print "    if [[ $cur == -* ]]; then"
    print "        COMPREPLY=($(compgen -W \"$(_hpt_options \"$tool\")\" -- \"$cur\"))"
    print "        [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace"
    print "    fi"
    print "}"
    line = "complete -o bashdefault -o default -F _hpt"
    for (t = 1; t <= tool_count; t++)
        line = line " " tools[t]
    print line
}

function zsh_action(kind) {
    if (kind == "files")
        return "_files"
    if (kind == "folders")
        return "_files -/"
    if (kind == "studies")
        return "_hpt_studies"
    return kind == "" ? " " : "(" kind ")"
}

function zsh(    t, i, tool, line, spec) {
    line = "#compdef"
    for (t = 1; t <= tool_count; t++)
        line = line " " tools[t]
    print line
    print "# Completion of hpt's tools for zsh; made from their option tables."
    print "\n_hpt_studies() {"
    print "    compadd -- ${(f)\"$(hpt-query -H -f tsv 'select study from study' 2>/dev/null)\"}"
    print "}"
    print "\n_hpt_tool() {\n    case $1 in"
    for (t = 1; t <= tool_count; t++) {
        tool = tools[t]
        print "    " tool ")\n        _arguments -s -S \\"
        for (i = 1; i <= count[tool]; i++) {
            spec = "[" zsh_text(help[tool, i]) "]"
            if (argument[tool, i] != "")
                spec = spec ":" zsh_text(argument[tool, i]) ":" zsh_action(kind[tool, i])
            line = long[tool, i] (argument[tool, i] == "" ? "" : "=")
            if (short[tool, i] != "") {
                print "            '*" short[tool, i] (argument[tool, i] == "" ? "" : "+") spec "' \\"
            }
            print "            '*" line spec "' \\"
        }
        print "            '*::argument: _default'\n        ;;"
    }
    print "    esac\n}"
    print "\n_hpt() {"
    print "    if [[ $service == hpt ]]; then"
    print "        if (( CURRENT == 2 )); then"
    print "            compadd -- " names(" ") " help config completion"
    print "        elif [[ $words[2] == help ]]; then"
    print "            compadd -- " names(" ")
    print "        elif [[ $words[2] == completion ]]; then"
    print "            compadd -- bash zsh fish"
    print "        else"
    print "            local tool=hpt-$words[2]"
    print "            shift words"
    print "            (( CURRENT-- ))"
    print "            _hpt_tool $tool"
    print "        fi"
    print "    else"
    print "        _hpt_tool $service"
    print "    fi"
    print "}"
    print "\n_hpt \"$@\""
}

function fish(    t, i, tool, line) {
    print "# Completion of hpt's tools for fish; made from their option tables."
    print "complete -c hpt -f -n __fish_use_subcommand -a '" names(" ") " help config completion'"
    for (t = 1; t <= tool_count; t++) {
        tool = tools[t]
        for (i = 1; i <= count[tool]; i++) {
            line = "complete -c " tool " -l " substr(long[tool, i], 3)
            if (short[tool, i] != "")
                line = line " -s " substr(short[tool, i], 2)
            if (argument[tool, i] != "")
                line = line " -r"
            if (kind[tool, i] == "studies")
                line = line " -f -a '(hpt-query -H -f tsv \"select study from study\" 2>/dev/null)'"
            else if (kind[tool, i] == "folders")
                line = line " -f -a '(__fish_complete_directories)'"
            else if (kind[tool, i] != "" && kind[tool, i] != "files")
                line = line " -f -a '" kind[tool, i] "'"
            print line " -d '" quoted(help[tool, i]) "'"
        }
    }
}

END {
    if (shell == "bash")
        bash()
    else if (shell == "zsh")
        zsh()
    else
        fish()
}
