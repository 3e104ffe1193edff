/** What cloudflare-calls.ts says and the vendor's own client does not is an error of the compiler. Nobody imports this. */
import type { Cloudflare } from "cloudflare";
import type { DeploymentRead, NewDeployment, NewVersion, VersionRead } from "./cloudflare-calls.ts";

type Scripts = Cloudflare["workers"]["scripts"];
type Sent<Call extends (...args: never[]) => unknown> = NonNullable<Parameters<Call>[1]>;
type ItemOf<Call extends (...args: never[]) => unknown> =
  ReturnType<Call> extends AsyncIterable<infer Item> ? Item : Awaited<ReturnType<Call>>;

type KeysOf<T> = T extends unknown ? keyof T : never;
type At<T, Key> = T extends unknown ? (Key extends keyof T ? T[Key] : never) : never;
/** Paths of `Mine` that no alternative of `Theirs` has, or has with another type. */
type Misfits<Mine, Theirs, Path extends string = ""> = unknown extends Mine
  ? never
  : Mine extends readonly (infer Item)[]
    ? Misfits<Item, Extract<Theirs, readonly unknown[]> extends readonly (infer Other)[] ? Other : never, `${Path}[]`>
    : Mine extends object
      ? {
          [Key in keyof Mine & string]-?: Key extends KeysOf<NonNullable<Theirs>>
            ? Misfits<NonNullable<Mine[Key]>, NonNullable<At<NonNullable<Theirs>, Key>>, `${Path}.${Key}`>
            : `${Path}.${Key}`;
        }[keyof Mine & string]
      : Mine extends Theirs
        ? never
        : Path;
type None<Found extends never> = Found;

/** Each is `never`, or names the fields that do not fit. */
export type Checked = [
  None<Misfits<NewDeployment, Sent<Scripts["deployments"]["create"]>>>,
  // wrangler sends limits with a version as well (create-worker-upload-form); the client has them for scripts alone.
  None<Misfits<Omit<NewVersion, "limits">, Sent<Scripts["versions"]["create"]>["metadata"]>>,
  None<Misfits<VersionRead, ItemOf<Scripts["versions"]["get"]>>>,
  None<Misfits<Pick<VersionRead, "id" | "number">, ItemOf<Scripts["versions"]["list"]>>>,
  None<Misfits<DeploymentRead, ItemOf<Scripts["deployments"]["list"]>["deployments"][number]>>,
];
/** The check itself is checked: a misspelt field, a wrong value and a wrong type are found. */
export type Seen = [
  // @ts-expect-error a field that is misspelt
  None<Misfits<{ versions: { versionId: string }[] }, NewDeployment>>,
  // @ts-expect-error no value of the enum
  None<Misfits<{ strategy: "gradual" }, NewDeployment>>,
  // @ts-expect-error another type
  None<Misfits<{ versions: { percentage: string }[] }, NewDeployment>>,
];
