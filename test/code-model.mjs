// Explicit-state model of "a rotation never changes code", with an exhaustive breadth-first checker. Specification: docs/rotation.md.
//
// Run:   node test/code-model.mjs     every case, one line each, with the counterexample of what is broken
//
// What is modelled
//   * Uploads and deployments of one Worker. A version has code and a secret: L, that was live, or C, the candidate that every origin
//     accepts. An upload takes the secret of the latest upload; wrangler takes its code too. Whoever deploys last wins, unseen.
//   * One run of the tool from "C is accepted everywhere" to "C alone is sent", one remote call a step: it looks, decides, uploads, looks
//     again right before a deployment, writes it, looks below it. A crash between any two calls loses everything but the journal.
//   * Other people, at every step: a preview is uploaded, code is deployed, a former version is deployed again (a rollback by hand).
//
// What is checked
//   K  when a run says "done", what is live has the code of the newest deploy of anybody else, and sends C
//   C  convergence: while a run is left, "done" stays reachable
//
// Not modelled: origins, drain and retirement (rotation-model.mjs), time, lists that lag. Bounds: see CASES.

import { pathToFileURL } from "node:url";

const START = {
  deployments: [{ no: 1, code: 0, key: "L", mine: false }], // newest first; only the newest three matter
  latest: { code: 0, key: "L" },
  candidate: null, // code of the version that was made to carry C
  newest: 0, // code of the newest deploy of anybody else
  codes: 1,
  replaces: null, // from the journal: what our newest deployment was to replace
  made: 1, // deployments so far
  run: null,
  runs: 2,
  crashes: 1,
  left: null,
  done: false,
};
const live = (s) => s.deployments[0];
/** What lies below our newest deployment although ours was to replace something else. */
const lost = (s, v) => {
  const [top, below] = s.deployments;
  if (!v.looksBelow || !top.mine || s.replaces === null || !below || below.no === s.replaces) return null;
  return below.mine ? null : below;
};
const deploy = (s, version, mine) => {
  const entry = { no: s.made + 1, code: version.code, key: version.key, mine };
  return { ...s, made: s.made + 1, deployments: [entry, ...s.deployments].slice(0, 3) };
};

function successors(s, v) {
  const out = [];
  const push = (label, next) => out.push([label, next]);
  const spend = (what) => ({ ...s.left, [what]: s.left[what] - 1 });

  // -------- other people
  if (!s.done) {
    if (s.left.previews)
      push("env: a preview is uploaded", {
        ...s,
        left: spend("previews"),
        latest: { code: s.codes, key: s.latest.key },
        codes: s.codes + 1,
      });
    if (s.left.deploys) {
      const version = { code: s.codes, key: s.latest.key };
      const uploaded = { ...s, left: spend("deploys"), latest: version, newest: version.code, codes: s.codes + 1 };
      push("env: code is uploaded and deployed", deploy(uploaded, version, false));
    }
    if (s.left.rollbacks)
      push("env: the first version is deployed again by hand", {
        ...deploy({ ...s, left: spend("rollbacks"), newest: 0 }, { code: 0, key: "L" }, false),
      });
  }

  // -------- the tool
  const { run } = s;
  const step = (label, next, change) => push(`run: ${label}`, { ...next, run: change });
  if (run === null) {
    if (s.runs > 0 && !s.done) step("starts", { ...s, runs: s.runs - 1 }, { at: "look" });
    return out;
  }
  if (s.crashes > 0) push("run: CRASH", { ...s, crashes: s.crashes - 1, run: null });
  switch (run.at) {
    case "look": {
      const seen = live(s);
      const under = lost(s, v);
      if (under && under.code !== seen.code)
        step(
          `a deploy got lost: uploads its code ${under.code} with ${seen.key}`,
          { ...s, latest: { code: under.code, key: seen.key } },
          { at: "before", believed: seen.no, version: { code: under.code, key: seen.key } },
        );
      else if (seen.key === "C") push("run: done", { ...s, run: null, done: true });
      else if (s.candidate === null) {
        if (s.latest.code !== seen.code || s.latest.key !== seen.key)
          step("uploads the deployed code again", { ...s, latest: { code: seen.code, key: seen.key } }, { at: "look" });
        else step("decides to upload the candidate", s, { at: "upload" });
      } else if (v.comparesCode && s.candidate !== seen.code)
        step(
          `makes the candidate again from code ${seen.code}`,
          { ...s, candidate: seen.code, latest: { code: seen.code, key: "C" } },
          { at: "look" },
        );
      else step("decides to switch", s, { at: "before", believed: seen.no, version: { code: s.candidate, key: "C" } });
      break;
    }
    case "upload": // wrangler: the code of the latest upload, whatever that is by now
      step(
        `uploads the candidate with code ${s.latest.code}`,
        { ...s, candidate: s.latest.code, latest: { code: s.latest.code, key: "C" } },
        { at: "look" },
      );
      break;
    case "before": // the journal says what is replaced; then one more look
      if (live(s).no !== run.believed) step("sees another deployment", s, { at: "look" });
      else
        step("looks right before it writes", v.journals ? { ...s, replaces: run.believed } : s, {
          ...run,
          at: "write",
        });
      break;
    case "write": {
      const written = { ...deploy(s, run.version, true), replaces: v.journals ? run.believed : null };
      step(`deploys code ${run.version.code} with ${run.version.key}`, written, { at: "look" });
      break;
    }
  }
  return out;
}

const keyOf = (s) => JSON.stringify(s);

/** Cases: what other people do, which guards the tool has, and what is expected. */
export const CASES = [
  {
    id: "50",
    title: "as specified: previews, deploys and a crash",
    left: { previews: 1, deploys: 2, rollbacks: 0 },
    expect: "holds",
  },
  {
    id: "51",
    title: "as specified: a rollback by hand counts as a deploy",
    left: { previews: 1, deploys: 1, rollbacks: 1 },
    expect: "holds",
  },
  {
    id: "50a",
    title: "a re-run does not compare code",
    left: { previews: 1, deploys: 0, rollbacks: 0 },
    comparesCode: false,
    expect: "K",
  },
  {
    id: "50b",
    title: "nobody looks below a deployment",
    left: { previews: 0, deploys: 1, rollbacks: 0 },
    looksBelow: false,
    expect: "K",
  },
  {
    id: "50c",
    title: "the journal does not say what is replaced",
    left: { previews: 0, deploys: 1, rollbacks: 0 },
    journals: false,
    expect: "K",
  },
].map((c) => ({ comparesCode: true, looksBelow: true, journals: true, ...c }));

/** Searches all states of a case. */
export function check(v) {
  const first = { ...START, left: v.left };
  const seen = new Map([[keyOf(first), { from: null, label: null, state: first }]]);
  const parents = new Map(); // for convergence: who leads to whom
  const queue = [keyOf(first)];
  const traceOf = (key) => {
    const trace = [];
    for (let at = seen.get(key); at?.label; at = seen.get(at.from)) trace.unshift(at.label);
    return trace;
  };
  const good = [];
  for (let i = 0; i < queue.length; i++) {
    const key = queue[i];
    const { state } = seen.get(key);
    if (state.done) {
      const top = live(state);
      if (top.code !== state.newest || top.key !== "C")
        return {
          holds: false,
          states: seen.size,
          broken: `K: code ${top.code} with ${top.key} is live, and code ${state.newest} was deployed last`,
          trace: traceOf(key),
        };
      good.push(key);
      continue;
    }
    for (const [label, next] of successors(state, v)) {
      const to = keyOf(next);
      if (!parents.has(to)) parents.set(to, []);
      parents.get(to).push(key);
      if (!seen.has(to)) {
        seen.set(to, { from: key, label, state: next });
        queue.push(to);
      }
    }
  }
  // From every state with a run under way or left, "done" can be reached.
  const reaches = new Set(good);
  const back = [...good];
  for (let key = back.pop(); key !== undefined; key = back.pop())
    for (const parent of parents.get(key) ?? []) if (!reaches.has(parent)) (reaches.add(parent), back.push(parent));
  for (const [key, { state }] of seen)
    if (!reaches.has(key) && (state.run !== null || state.runs > 0))
      return { holds: false, states: seen.size, broken: "C: done cannot be reached any more", trace: traceOf(key) };
  return { holds: true, states: seen.size };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const c of CASES) {
    const result = check(c);
    console.log(`${c.id}  ${c.title}: ${result.holds ? "holds" : result.broken} (${result.states} states)`);
    if (!result.holds) for (const label of result.trace) console.log(`      ${label}`);
  }
}
