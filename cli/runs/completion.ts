/** `mcpist completion`: the command tree as a script for a shell. Words only; nothing is asked of a platform while somebody types. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../errors.ts";

/** One command: what may follow it. */
export interface Completable {
  /** Words before, "" for the program alone: "secrets rotate". */
  readonly path: string;
  readonly words: readonly string[];
  readonly options: readonly string[];
}

/** Every command of a tree, the shortest first. */
export function completable(root: CommandUnknownOpts, path = ""): readonly Completable[] {
  const below = root.commands.filter((command) => command.name() !== "help");
  return [
    {
      path,
      words: below.map((command) => command.name()),
      options: [...root.options.flatMap(({ long }) => (long ? [long] : [])), "--help"],
    },
    ...below.flatMap((command) => completable(command, `${path} ${command.name()}`.trim())),
  ];
}

/** bash; zsh runs the same through its own emulation of it. */
function bash(commands: readonly Completable[]): string {
  const cases = commands.map(
    ({ path, words, options }) => `    "${path}") words="${[...words, ...options].join(" ")}" ;;`,
  );
  return `_mcpist() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" words="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in -*) continue ;; esac
    case " ${paths(commands)} " in *" \${path:+\${path}/}$word "*) path="\${path:+\${path}/}$word" ;; esac
  done
  case "\${path//\\// }" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _mcpist mcpist
`;
}

const paths = (commands: readonly Completable[]): string =>
  commands
    .map(({ path }) => path.replaceAll(" ", "/"))
    .filter((path) => path !== "")
    .join(" ");

function fish(commands: readonly Completable[]): string {
  const at = (path: string) => `__mcpist_at '${path}'`;
  const lines = commands.flatMap(({ path, words, options }) => [
    ...(words.length > 0 ? [`complete -c mcpist -n "${at(path)}" -f -a '${words.join(" ")}'`] : []),
    ...options.map((option) => `complete -c mcpist -n "${at(path)}" -l ${option.slice(2)}`),
  ]);
  return `function __mcpist_at
  set -l path
  for word in (commandline -opc)[2..]
    string match -q -- '-*' $word; and continue
    contains -- (string join ' ' $path $word) ${commands
      .filter(({ path }) => path !== "")
      .map(({ path }) => `'${path}'`)
      .join(" ")}; and set -a path $word
  end
  test (string join ' ' $path) = "$argv[1]"
end
${lines.join("\n")}
`;
}

/** The script. */
function completionScript(shell: "bash" | "zsh" | "fish", commands: readonly Completable[]): string {
  if (shell === "fish") return fish(commands);
  return shell === "zsh" ? `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}` : bash(commands);
}

/** The command. @param root of all commands. */
export async function runCompletion(
  context: Context,
  shell: "bash" | "zsh" | "fish",
  root: CommandUnknownOpts,
): Promise<ExitCode> {
  context.stdout.write(completionScript(shell, completable(root)));
  return EXIT.done;
}
