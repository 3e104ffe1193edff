/** The vendors' own programs and the commands of theirs that are tried against the sandbox, in this order. */

/** What one command is given. */
export interface Command {
  /** As the table shows it. */
  readonly name: string;
  readonly args: readonly string[];
  /** Its stdin. */
  readonly input?: string;
}

/** A program. `found` is the name that it is looked for by; wrangler is the project's own. */
export interface Program {
  readonly name: "flyctl" | "gh" | "koyeb" | "wrangler";
  /** Arguments that print its version. */
  readonly version: readonly string[];
  readonly commands: (names: Names) => readonly Command[];
}

/** What is there in the sandbox. */
export interface Names {
  readonly repository: string;
  readonly environment: string;
  readonly worker: string;
  /** A version of the Worker. */
  readonly versionId: string;
  readonly namespace: string;
  readonly flyApp: string;
  /** A Machine that may be updated, and then destroyed. */
  readonly machine: string;
  readonly koyebSecret: string;
  /** `app/service`. */
  readonly service: string;
  readonly koyebApp: string;
}

/** A command line, split at spaces; its name is what stands before `·`, where one does. */
const command = (text: string, input?: string): Command => {
  const [name = "", rest = ""] = text.split(" · ");
  const args = `${name} ${rest}`.split(" ").filter((arg) => arg !== "");
  return { name, args, ...(input === undefined ? {} : { input }) };
};

/** Every program. */
export const PROGRAMS: readonly Program[] = [
  {
    name: "gh",
    version: ["--version"],
    commands: ({ repository, environment }) => [
      command("auth status · --hostname github.localhost"),
      command(`repo view · ${repository} --json name`),
      command(`secret set · ONE -R ${repository}`, "one"),
      command(`secret set --env · ${environment} ONE -R ${repository}`, "one"),
      command(`secret list · -R ${repository}`),
      command(`secret list --env · ${environment} -R ${repository}`),
      command(`secret delete · ONE -R ${repository}`),
      command(`secret delete --env · ${environment} ONE -R ${repository}`),
      command(`api · repos/${repository}/environments`),
      command(`issue list · -R ${repository}`),
      command(`pr list · -R ${repository}`),
      command(`workflow list · -R ${repository}`),
      command(`run list · -R ${repository}`),
      command(`release list · -R ${repository}`),
    ],
  },
  {
    name: "wrangler",
    version: ["--version"],
    commands: ({ worker, versionId, namespace }) => [
      command("whoami"),
      command(`versions list · --name ${worker}`),
      command(`versions view · ${versionId} --name ${worker}`),
      command(`versions deploy · ${versionId}@100% --name ${worker} -y`),
      command(`versions secret put · ONE --name ${worker}`, "one"),
      command(`versions secret list · --name ${worker} --latest-version`),
      command(`deployments list · --name ${worker}`),
      command(`deployments status · --name ${worker}`),
      command(`rollback · ${versionId} --name ${worker} -y`),
      command("kv namespace list"),
      command(`kv key put · one two --namespace-id ${namespace} --remote`),
      command(`kv key get · one --namespace-id ${namespace} --remote`),
      command(`kv key list · --namespace-id ${namespace} --remote`),
      command(`secret list · --name ${worker}`),
      command("secret put · ONE --name spare", "one"),
      command("secret bulk · --name spare", '{"TWO":"two"}'),
      command("secret delete · ONE --name spare", "y\n"),
      command("delete · --name spare --force"),
      command(`tail · ${worker} --format json`),
      command("d1 list"),
      command("r2 bucket list"),
      command("queues list"),
    ],
  },
  {
    name: "flyctl",
    version: ["version"],
    commands: ({ flyApp, machine }) => [
      command(`status · -a ${flyApp}`),
      command(`machines list · -a ${flyApp}`),
      command(`machine list --quiet · -a ${flyApp}`),
      command(`machine status · ${machine} -a ${flyApp}`),
      command(`ips list · -a ${flyApp}`),
      command(`secrets list · -a ${flyApp}`),
      command(`secrets import --stage · -a ${flyApp}`, "ONE=one\n"),
      command(`secrets deploy · -a ${flyApp} --dns-checks=false`),
      command(`machine update · ${machine} -a ${flyApp} --metadata by=hand --yes --skip-health-checks`),
      command(`machine stop · ${machine} -a ${flyApp}`),
      command(`machine start · ${machine} -a ${flyApp}`),
      command(`machine destroy --force · ${machine} -a ${flyApp}`),
      command(`scale count · 0 -a ${flyApp} --yes`),
      command("apps list"),
      command("orgs list"),
      command(`certs list · -a ${flyApp}`),
      command(`logs · -a ${flyApp} --no-tail`),
      command("apps create · another-app --org personal"),
      command("apps destroy · spare-app --yes"),
    ],
  },
  {
    name: "koyeb",
    version: ["version"],
    commands: ({ koyebSecret, service, koyebApp }) => [
      command("secrets list"),
      command(`secrets get · ${koyebSecret}`),
      command("secrets create · one --value-from-stdin", "one\n"),
      command("secrets update · one --value-from-stdin", "two\n"),
      command("secrets delete · one"),
      command("apps list"),
      command(`apps describe · ${koyebApp}`),
      command("services list"),
      command(`services describe · ${service}`),
      command("deployments list"),
      command(`instances list · --app ${koyebApp}`),
      command(`services redeploy · ${service}`),
      command(`services pause · ${service}`),
      command(`services resume · ${service}`),
      command(`services logs · ${service}`),
    ],
  },
];
