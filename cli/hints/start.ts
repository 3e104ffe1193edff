/** Before anything is asked of a platform: what was typed, the file, tokens, this machine, and the sandbox. */
import { hint, mcpist, page, quoted, say } from "./hint.ts";

/** The entries. */
export const START = {
  help: hint("you", "a command line that cannot be read", () => say`${mcpist("--help")}, or --help after a command`),
  didYouMean: hint(
    "you",
    "a command or an option that resembles another one",
    (words: string) => say`did you mean ${words}?`,
  ),
  helpOf: hint("you", "options that do not go together", (command: string) => say`${mcpist(`${command} --help`)}`),
  flag: hint(
    "you",
    "a value that an option does not take",
    (flag: string, value: string | number) => say`${flag} ${value}`,
  ),
  addYes: hint("you", "a change that has to be confirmed, without a terminal", () => say`add --yes`),
  sayYes: hint("you", "a question that was answered with no", () => say`run the command again and answer y`),
  valueAgain: hint("you", "an input that ended or was cut short", () => say`run the command again`),
  oneOf: hint("you", "a name that nothing has", (names: readonly string[]) => say`one of: ${names.join(", ")}`),
  interrupted: hint("you", "Ctrl-C", () => say`running the same command again is safe`),

  writeConfig: hint(
    "the configuration",
    "there is no configuration file",
    (file: string | null) =>
      say`${mcpist(file === null ? "init" : `init --config ${quoted(file)}`)}   (writes one; ${mcpist("demo")} needs none)`,
  ),
  brokenConfig: hint(
    "the configuration",
    "a configuration file that is no module",
    (file: string) => say`node ${quoted(file)}   (shows where)`,
  ),
  correctConfig: hint(
    "the configuration",
    "a setting that the schema refuses",
    (file: string) => say`correct it in ${file}, then run the command again`,
  ),
  whichEnvironment: hint("you", "no environment, or none of that name", (name: string) => say`--env ${name}`),
  joinSandbox: hint(
    "this machine",
    "a terminal that is not joined to a sandbox, or to one that is gone",
    () =>
      say`start one in another terminal: ${mcpist("sandbox")}, then here: eval "$(${mcpist("sandbox --print-env")})"`,
  ),
  leaveSandbox: hint(
    "you",
    "a terminal that is joined to a sandbox, and another environment",
    (sandbox: string) => say`--env ${sandbox}, or open a new terminal`,
  ),
  loopbackUrl: hint(
    "you",
    "a platform's address that is neither https nor loopback",
    (vendor: string) => say`unset the variable that names the address of ${vendor}, or give it an https:// one`,
  ),

  login: hint("you", "no token", (variable: string, login: string) => say`export ${variable}, or ${login}`),
  copyToken: hint(
    "you",
    "a token with a character that no token has",
    (variable: string) => say`copy the token again, without quotes or blanks: export ${variable}='...'`,
  ),
  proxyAddress: hint(
    "you",
    "a proxy's address that cannot be read",
    () => say`set it to http://HOST:PORT, or unset it`,
  ),

  authority: hint(
    "this machine",
    "a certificate of an authority that Node does not know",
    (file: string) =>
      say`export NODE_USE_SYSTEM_CA=1, or NODE_EXTRA_CA_CERTS="${file}" where only a file has it, then run the command again`,
  ),
  fewDescriptors: hint("this machine", "EMFILE", () => say`ulimit -n 4096, then run the command again`),
  noDescriptors: hint("this machine", "ENFILE", () => say`end what holds them, then run the command again`),
  fullDisk: hint(
    "this machine",
    "ENOSPC",
    () => say`free some space in TMPDIR and in your home, then run the command again`,
  ),
  fullQuota: hint("this machine", "EDQUOT", () => say`free some space in TMPDIR, then run the command again`),
  readOnly: hint("this machine", "EROFS", () => say`set TMPDIR to a folder that can be written`),
  usableFile: hint(
    "this machine",
    "a file or a folder that is not there, or not this user's",
    () => say`correct the path or the rights, then run the command again`,
  ),
  noMemory: hint("this machine", "ENOMEM", () => say`end what holds it, then run the command again`),
  installWrangler: hint("this machine", "wrangler is missing or too old", (command: string) => say`${command}`),
  bug: hint(
    "mcpist",
    "an error that nobody foresaw",
    () => say`run the command again with --debug and report what it prints`,
  ),

  otherFile: hint(
    "you",
    "init would overwrite a file",
    () => say`add --force   (overwrites it), or name another file with --config`,
  ),
  writableFile: hint(
    "this machine",
    "the configuration file cannot be written",
    () => say`make its folder, or name another file with --config`,
  ),
  ownProject: hint(
    "you",
    "init in a folder whose package.json cannot be a project's",
    () => say`make a folder of its own: mkdir mcp && cd mcp && npx mcpist init`,
  ),
  moduleType: hint(
    "you",
    'a package.json without "type": "module"',
    () =>
      say`npm pkg set type=module, then run the command again; beside files of CommonJS rather a folder of its own: mkdir mcp && cd mcp && npx mcpist init`,
  ),
  initFlags: hint("you", "an answer that init does not take", () => say`${mcpist("init --help")}`),
  initAll: hint(
    "you",
    "answers that are missing without a terminal",
    () => say`${mcpist("init --help")}   (shows them all)`,
  ),
  initOrigin: hint("you", "an installation without an origin", () => say`--koyeb-url URL or --fly-app NAME`),
  justSandbox: hint("you", "init for the sandbox, which needs no file", () => say`${mcpist("sandbox")}`),

  installPackages: hint(
    "this machine",
    "packages that only some commands need are not installed",
    (packages: readonly string[]) => say`npm install --save-dev ${packages.join(" ")}`,
  ),
  originSlots: hint(
    "you",
    "an origin to check, without the slots that it was started with",
    () =>
      say`export GATEWAY_SECRET_A="$(openssl rand -hex 32)", start the origin with it, then ${mcpist("origin check http://127.0.0.1:8080")}`,
  ),
  otherPorts: hint(
    "this machine",
    "a port of the sandbox is taken",
    () => say`choose another --port-base, or leave it out`,
  ),
  otherName: hint("you", "a sandbox of that name runs already", () => say`choose another --name`),
  startSandbox: hint(
    "you",
    "no sandbox is running",
    (name: string | undefined) =>
      say`start one in another terminal: ${mcpist(name === undefined ? "sandbox" : `sandbox --name ${quoted(name)}`)}`,
  ),
  ownFolder: hint(
    "this machine",
    "a folder of the sandbox that others can write",
    (folder: string) => say`rm -r ${quoted(folder)}`,
  ),
  scenarioNeeds: hint(
    "you",
    "a scenario that does not fit this sandbox",
    () => say`leave out --empty (${page("docs/sandbox.md")} says what each scenario needs)`,
  ),
  sandboxExample: hint(
    "you",
    "a command for the sandbox that cannot be started",
    () => say`${mcpist("sandbox -- npx wrangler deployments list")}`,
  ),
} as const;
