import { Argument, type Command } from 'commander'
import type { Tools } from './tools.js'

/** What may follow the words typed so far. */
interface Place {
  /** The verb with its group, such as `/key/create`; empty at the begin. */
  readonly path: string
  readonly verbs: readonly string[]
  readonly flags: readonly string[]
}

export function completionVerb(program: Command, tools: Tools): void {
  program
    .command('completion')
    .description('print what completes verbs and flags in a shell')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices([...shells.keys()]))
    .addHelpText(
      'after',
      '\nExamples:\n  source <(countersign completion bash)\n  countersign completion zsh > ~/.zfunc/_countersign\n  countersign completion fish > ~/.config/fish/completions/countersign.fish',
    )
    .action((shell: string) => tools.print(shells.get(shell)?.(placesOf(program, '')) ?? ''))
}

function placesOf(command: Command, path: string): Place[] {
  const verbs = command.commands.map((verb) => verb.name())
  const flags = [...command.options.flatMap(({ long }) => (long ? [long] : [])), '--help']
  return [{ path, verbs, flags }, ...command.commands.flatMap((verb) => placesOf(verb, `${path}/${verb.name()}`))]
}

const shells: ReadonlyMap<string, (places: readonly Place[]) => string> = new Map([
  ['bash', bash],
  ['zsh', zsh],
  ['fish', fish],
])

const offered = ({ verbs, flags }: Place): string => [...verbs, ...flags].join(' ')
const known = (places: readonly Place[]): string => places.flatMap(({ path }) => (path === '' ? [] : [path])).join('|')

// Where a verb takes no further verb, anything but a flag is a value: files are offered.
function bash(places: readonly Place[]): string {
  const cases = places.map((place) => {
    const words = `words='${offered(place)}'`
    return `    '${place.path}') ${place.verbs.length > 0 ? words : `[[ $current == -* ]] && ${words}`} ;;`
  })
  return `_countersign() {
  local current=\${COMP_WORDS[COMP_CWORD]} at= words= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at/$word" in ${known(places)}) at=$at/$word ;; esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _countersign countersign`
}

function zsh(places: readonly Place[]): string {
  const cases = places.map((place) => {
    const words = `found=(${offered(place)})`
    return `    '${place.path}') ${place.verbs.length > 0 ? words : `[[ $PREFIX == -* ]] && ${words}`} ;;`
  })
  return `#compdef countersign
_countersign() {
  local at= word
  local -a found
  for word in \${words[2,CURRENT-1]}; do
    case "$at/$word" in ${known(places)}) at=$at/$word ;; esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  if (( \${#found} )); then compadd -- $found; else _files; fi
}
if [[ $funcstack[1] == _countersign ]]; then _countersign "$@"; else compdef _countersign countersign; fi`
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, verbs, flags }) => {
    const when = `complete -c countersign -n 'test (__countersign_at) = "${path}"'`
    return [
      ...(verbs.length > 0 ? [`${when} -f -a '${verbs.join(' ')}'`] : []),
      ...flags.map((flag) => `${when} -l ${flag.slice(2)}`),
    ]
  })
  return `function __countersign_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    switch "$at/$word"
      case ${places.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`])).join(' ')}
        set at "$at/$word"
    end
  end
  echo "$at"
end
${lines.join('\n')}`
}
