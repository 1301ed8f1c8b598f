/** They ask the program itself at every Tab, and so know what it knows. */
const bash = `# bash completion for pcert
_pcert() {
    local line directive=4
    COMPREPLY=()
    while IFS= read -r line; do
        case "$line" in
            :*) directive=\${line#:} ;;
            *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
        esac
    done < <(pcert __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ $directive == 0 ]] && type compopt &>/dev/null; then compopt -o default; fi
}
complete -F _pcert pcert
`;

const zsh = `#compdef pcert
# zsh completion for pcert
_pcert() {
    local line directive=4
    local -a lines described
    lines=("\${(@f)$(pcert __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    for line in $lines; do
        case $line in
            :*) directive=\${line#:} ;;
            *$'\\t'*) described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
            *) described+=("\${line//:/\\\\:}") ;;
        esac
    done
    (( $#described )) && _describe -V pcert described
    [[ $directive == 0 ]] && _files
}
if [[ $funcstack[1] == _pcert ]]; then _pcert "$@"; else compdef _pcert pcert; fi
`;

const fish = `# fish completion for pcert
function __pcert_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    for line in (pcert __complete $words[2..-1] "$last" 2>/dev/null)
        switch $line
            case ':0'
                __fish_complete_path "$last"
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c pcert -f -a '(__pcert_complete)'
`;

const kubectl = `#!/bin/sh
# kubectl asks this file, when it is called kubectl_complete-pcert and on the PATH, how "kubectl pcert" may go on.
exec kubectl pcert __complete "$@"
`;

export const completionScripts = { bash, zsh, fish, kubectl } as const;
